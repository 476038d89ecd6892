"""An adversarial patch: one printed square that turns every picture into one class (chapter 7).

Brown, Mane, Roy, Abadi, Gilmer, "Adversarial patch", 2017, arXiv:1712.09665.

    p <- p + rate sign(mean over images and places of  d log softmax_t(f(paste(I, p, place))) / d p),   p in [0, 1]

The patch may have any values but covers only its square; it is trained on many pictures and places at once, so that it
works on pictures and at places that it has not met. The paper also turns and scales the patch; here it only moves.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.core.checks import check_labels, check_positive, check_tensors


def random_places(count: int, size: tuple[int, int], side: int, *, generator: torch.Generator) -> Tensor:
    """Top left corners (count, 2) as (row, column), int64, at which a square lies inside pictures of a size."""
    if side > min(size):
        raise ValueError(f"side must be at most {min(size)}, the shorter side of the pictures, not {side}")
    draw = [torch.randint(0, n - side + 1, (count,), generator=generator, device=generator.device) for n in size]
    return torch.stack(draw, dim=1)


def paste(images: Tensor, patch: Tensor, places: Tensor) -> Tensor:
    """Pictures with the patch in front, one place each; the patch gets gradients.

    Args:
        images: (B, C, H, W).
        patch: (C, side, side).
        places: (B, 2) int64 top left corners, as `random_places` draws them.

    Returns:
        (B, C, H, W); outside the squares equal to `images`.
    """
    check_tensors(images=(images, "B C H W"), patch=(patch, "C S S"))
    side = patch.shape[1]
    y = torch.arange(images.shape[2], device=images.device) - places[:, :1]  # (B, H) row inside the patch
    x = torch.arange(images.shape[3], device=images.device) - places[:, 1:]  # (B, W)
    inside = ((y >= 0) & (y < side))[:, :, None] & ((x >= 0) & (x < side))[:, None]  # (B, H, W)
    moved = patch[:, y.clamp(0, side - 1)[:, :, None], x.clamp(0, side - 1)[:, None]]  # (C, B, H, W)
    return torch.where(inside[:, None], moved.transpose(0, 1), images)


def train_patch(
    model: nn.Module,
    images: Tensor,
    target: int,
    *,
    side: int,
    generator: torch.Generator,
    steps: int = 100,
    batch: int = 32,
    rate: float = 0.03,
) -> Tensor:
    """Learn a patch that makes the model say `target`.

    Args:
        model: Maps images to logits (B, K), in evaluation mode.
        images: (N, C, H, W) in [0, 1], what it is trained on.
        target: The class that the patch shall call.
        side: Of the square, in pixels.
        generator: Source of the pictures and places of each step.
        steps: Number of steps.
        batch: Pictures a step.
        rate: Largest change of a value in one step; it falls to zero along a straight line.

    Returns:
        (C, side, side) in [0, 1].

    Raises:
        ValueError: If an argument does not fit.
    """
    check_tensors(images=(images, "N C H W"))
    check_positive(side=side, steps=steps, batch=batch, rate=rate)
    size = (images.shape[2], images.shape[3])
    patch = torch.full((images.shape[1], side, side), 0.5, dtype=images.dtype, device=images.device)
    for step in range(steps):
        chosen = torch.randint(len(images), (batch,), generator=generator, device=generator.device)
        places = random_places(batch, size, side, generator=generator)
        square = patch.requires_grad_()
        with torch.enable_grad():
            logits = model(paste(images[chosen], square, places))
            wanted = torch.full((batch,), target, device=images.device)
            check_labels("target", wanted, logits.shape[1])
            (slope,) = torch.autograd.grad(F.cross_entropy(logits, wanted), square)
        patch = (patch.detach() - rate * (1 - step / steps) * slope.sign()).clamp(0, 1)
    return patch
