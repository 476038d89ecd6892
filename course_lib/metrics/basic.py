"""The two scores of chapter 2: the share of right classes, and the root of the mean squared error."""

from __future__ import annotations

from torch import Tensor

from course_lib.core.checks import describe


def accuracy(guess: Tensor, labels: Tensor) -> float:
    """Share of predictions that are right.

    Args:
        guess: (N,) predicted classes, int64.
        labels: (N,) true classes, int64.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: If the two differ in shape or are empty.
    """
    _check_pair("guess", guess, "labels", labels)
    return float((guess == labels).double().mean())


def rmse(prediction: Tensor, target: Tensor) -> float:
    """Root of the mean squared error, in the units of the target.

    Args:
        prediction: Any shape, floating point.
        target: The same shape.

    Raises:
        ValueError: If the two differ in shape or are empty.
    """
    _check_pair("prediction", prediction, "target", target)
    return float((prediction - target).detach().square().mean().sqrt())


def _check_pair(first: str, a: Tensor, second: str, b: Tensor) -> None:
    """Both must be tensors of one shape: broadcasting (N, 1) against (N,) would compare everything with everything."""
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or a.shape != b.shape or a.numel() == 0:
        raise ValueError(f"{first} and {second} must be tensors of one shape, not {describe(a)} and {describe(b)}")
