"""Look inside a network while it runs (chapter 7): activations of named layers, by hooks that are always removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_labels, describe


def find_layer(model: nn.Module, name: str) -> nn.Module:
    """The module of that path, such as "stage3.2.conv1".

    Raises:
        ValueError: If the model has none; the message lists what there is at the first level that fails.
    """
    module = model
    for part in name.split("."):
        children = dict(module.named_children())
        if part not in children:
            known = ", ".join(children) or "nothing"
            raise ValueError(f"there is no layer {name!r}: {type(module).__name__} has {known}, not {part!r}")
        module = children[part]
    return module


@contextmanager
def recorded(model: nn.Module, *names: str) -> Iterator[dict[str, Tensor]]:
    """Record what layers return while the block runs.

        with recorded(model, "stage2") as maps:
            model(images)
        maps["stage2"]                                  # (B, C, H', W'), part of the graph

    Args:
        model: Any network.
        *names: Paths of modules; a layer that runs twice leaves its last output. An operation in place that follows
            (`nn.ReLU(inplace=True)`) works on a copy and changes nothing of what is recorded.

    Yields:
        A dictionary that each call of the model fills. The hooks are removed at the end, also after an error.

    Raises:
        ValueError: If a layer does not exist or returns something else than one tensor.
    """
    maps: dict[str, Tensor] = {}

    def keep(name: str) -> Callable:
        def hook(module: nn.Module, inputs: tuple, output: object) -> Tensor:
            if not isinstance(output, Tensor):
                raise ValueError(f"layer {name!r} must return one tensor to be recorded, not a {describe(output)}")
            maps[name] = output
            return output.clone()

        return hook

    layers = [(name, find_layer(model, name)) for name in names]
    handles = [layer.register_forward_hook(keep(name)) for name, layer in layers]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


def class_scores(model: nn.Module, images: Tensor, targets: Tensor | None) -> tuple[Tensor, Tensor]:
    """Each image's score for its class, in front of the softmax.

    Args:
        model: Maps images (B, C, H, W) to logits (B, K); its mode is kept.
        images: (B, C, H, W).
        targets: (B,) int64, or None for the class with the highest score.

    Returns:
        Scores (B,) that gradients flow through, and the targets (B,).

    Raises:
        ValueError: If the model gives no (B, K) logits or the targets do not fit them.
    """
    logits = model(images)
    if logits.ndim != 2 or len(logits) != len(images):
        wanted = f"the model must give logits of shape (B, K) with B = {len(images)}"
        raise ValueError(f"{wanted}, not {tuple(logits.shape)}")
    if targets is None:
        targets = logits.argmax(dim=1)
    check_labels("targets", targets, logits.shape[1], images=images)
    return logits.gather(1, targets[:, None])[:, 0], targets


@torch.enable_grad()
def score_gradient(model: nn.Module, images: Tensor, targets: Tensor | None) -> Tensor:
    """d score / d image, (B, C, H, W): one backward pass, since no image's score depends on another image.

    That needs evaluation mode: batch norm in training mode mixes the images of a batch.
    """
    pixels = images.detach().requires_grad_()
    scores, _ = class_scores(model, pixels, targets)
    (slope,) = torch.autograd.grad(scores.sum(), pixels)
    return slope
