"""One-line errors for bad input, shared by the whole library.

A reader who passes a (100, 1) target where (100,) is meant deserves one sentence, not ten frames of torch. Every
public function states what it wants in a small shape language and gets the sentence from here:

    check_tensors(X=(X, "N D"), y=(y, "N"))

A letter stands for a size of one or more. The same letter must mean the same size in all tensors of one call, and a
number must match exactly. Tensors must be floating point and on one device, their values finite.
"""

from __future__ import annotations

import torch
from torch import Tensor


def describe(value: object) -> str:
    """What a user passed, in a few words: `int64 tensor of shape (3, 4)`, `list of length 2`, `str 'x'`."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} {type(value).__name__} of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple | dict | set):
        return f"{type(value).__name__} of length {len(value)}"
    return f"{type(value).__name__} {value!r}"


def check_shapes(**arguments: tuple[object, str]) -> None:
    """Check shape, kind and device of floating-point tensors; reads no values, so that a GPU need not be waited for.

    Args:
        **arguments: name=(tensor, pattern). A pattern is sizes separated by spaces: a letter or word for a size of at
            least one that all tensors of the call share, a number for an exact size, "..." in front for any
            leading sizes.

    Raises:
        ValueError: One line that names the argument, what came and what was wanted.
    """
    sizes: dict[str, tuple[int, str]] = {}
    first: tuple[str, Tensor] | None = None
    for name, (value, pattern) in arguments.items():
        wanted = f"{name} must be a floating-point tensor of shape ({pattern.replace(' ', ', ')})"
        if not isinstance(value, Tensor):
            raise ValueError(f"{wanted}, not a {describe(value)}; torch.as_tensor(...) converts arrays and lists")
        if not value.is_floating_point():
            raise ValueError(f"{wanted}, not a {describe(value)}; {name}.float() converts it")
        _match(name, value, pattern, sizes, wanted)
        if first is not None and value.device != first[1].device:
            raise ValueError(
                f"{name} is on {value.device} but {first[0]} on {first[1].device}; move them to one device"
            )
        first = first or (name, value)


def check_tensors(**arguments: tuple[object, str]) -> None:
    """Check floating-point tensors against shape patterns, and that their values are finite: at entry points.

    Args:
        **arguments: As for `check_shapes`, which is what a `forward` calls.

    Raises:
        ValueError: One line that names the argument, what came and what was wanted.
    """
    check_shapes(**arguments)
    for name, (value, _) in arguments.items():
        assert isinstance(value, Tensor)
        # The sum is finite if all values are, but for overflow: one quick pass decides nearly always.
        if not torch.isfinite(value.sum()) and not torch.isfinite(value).all():
            bad = int((~torch.isfinite(value)).sum())
            raise ValueError(
                f"{name} holds {bad} NaN or infinite values of {value.numel()}; remove or replace them first"
            )


def _match(name: str, value: Tensor, pattern: str, sizes: dict[str, tuple[int, str]], wanted: str) -> None:
    """Compare one tensor's shape with its pattern, remembering what each letter stood for."""
    letters = pattern.split()
    shape = list(value.shape)
    if letters and letters[0] == "...":
        letters = letters[1:]
        shape = shape[len(shape) - len(letters) :] if len(shape) >= len(letters) else shape
    if len(shape) != len(letters):
        raise ValueError(f"{wanted}, not a {describe(value)}")
    for size, letter in zip(shape, letters, strict=True):
        if letter.isdigit():
            if size != int(letter):
                raise ValueError(f"{wanted}, not a {describe(value)}")
            continue
        if size == 0:
            raise ValueError(f"{name} is empty: {describe(value)}, but {letter} must be at least 1")
        known, owner = sizes.setdefault(letter, (size, name))
        if known != size and owner == name:
            raise ValueError(
                f"{name} must have {letter} twice in ({pattern.replace(' ', ', ')}), not {known} and {size}"
            )
        if known != size:
            raise ValueError(f"{name} has {letter} = {size} but {owner} has {letter} = {known}; they must be equal")


def check_labels(name: str, labels: object, classes: int | None = None, **samples: Tensor) -> None:
    """Check class labels: an int64 tensor of shape (N,) with values 0 ... classes - 1.

    Args:
        name: What the caller names the labels.
        labels: What came.
        classes: K, at least 2; without it any labels from 0 are right.
        **samples: name=tensor, what the labels belong to: it must have N rows and be on the same device.

    Raises:
        ValueError: One line that says what came and what was wanted.
    """
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.ndim != 1:
        raise ValueError(f"{name} must be an int64 tensor of shape (N,) of class labels, not a {describe(labels)}")
    if labels.numel() == 0:
        raise ValueError(f"{name} is empty: at least one label is needed")
    for other, value in samples.items():
        if len(labels) != len(value):
            raise ValueError(f"{name} has N = {len(labels)} but {other} has N = {len(value)}; they must be equal")
        if labels.device != value.device:
            raise ValueError(f"{name} is on {labels.device} but {other} on {value.device}; move them to one device")
    if classes is not None and classes < 2:
        raise ValueError(f"classes must be at least 2, not {classes}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (classes is not None and high >= classes):
        limit = "" if classes is None else f" to {classes - 1}"
        raise ValueError(f"{name} must hold labels 0{limit}, but its values run from {low} to {high}")


def check_tokens(name: str, tokens: object, *, least: int = 1, words: int | None = None) -> None:
    """Check token ids: an int64 tensor of shape (B, N).

    Args:
        name: What the caller names the tokens.
        tokens: What came.
        least: Smallest N.
        words: Size of the vocabulary, for entry points: ids must be 0 ... words - 1, and no text may be padding alone.

    Raises:
        ValueError: One line that says what came and what was wanted.
    """
    if not isinstance(tokens, Tensor) or tokens.dtype != torch.int64 or tokens.ndim != 2:
        raise ValueError(f"{name} must be an int64 tensor (B, N) of token ids, not a {describe(tokens)}")
    if len(tokens) == 0 or tokens.shape[1] < least:
        raise ValueError(f"{name} must be (B, N) with B at least 1 and N at least {least}, not {tuple(tokens.shape)}")
    if words is None:
        return
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= words:
        raise ValueError(f"{name} must hold the words 0 to {words - 1} of the vocabulary, not {low} to {high}")
    if not (tokens != 0).any(1).all():
        raise ValueError(f"{name} holds a text without words: nothing but padding, 0")


def check_positive(**arguments: float) -> None:
    """Check that each named number is finite and greater than zero.

    Raises:
        ValueError: One line that names the argument and its value.
    """
    for name, value in arguments.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a finite number above 0, not {value!r}")
