"""Augmentation (chapter 3, "training-tricks"): each picture is changed a little, anew each time it is seen."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_tensors


def turn_and_move(images: Tensor, generator: torch.Generator, degrees: float = 12.0, *, share: float = 0.1) -> Tensor:
    """Rotate and shift each image by its own random amount; what enters from outside is the nearest border pixel.

    Args:
        images: (B, C, H, W), floating point.
        generator: On the images' device.
        degrees: Largest rotation either way, at least 0.
        share: Largest shift along each axis, as a share of the image's size, at least 0.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: For bad images or a negative amount.
    """
    check_tensors(images=(images, "B C H W"))
    if degrees < 0 or share < 0:
        raise ValueError(f"degrees and share must be at least 0, not {degrees} and {share}")
    drawn = 2 * torch.rand(3, len(images), generator=generator, dtype=images.dtype, device=images.device) - 1
    angle, (right, down) = torch.deg2rad(degrees * drawn[0]), 2 * share * drawn[1:]
    tall = images.shape[2] / images.shape[3]  # a grid runs from -1 to 1 along both sides, however long they are
    rows = [angle.cos(), -angle.sin() * tall, right, angle.sin() / tall, angle.cos(), down]
    maps = torch.stack(rows, dim=1).reshape(-1, 2, 3)  # (B, 2, 3)
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
