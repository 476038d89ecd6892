"""Histograms of oriented gradients (chapter 10, "hog").

    gradient     g_x = I(x + 1) - I(x - 1), g_y alike, 0 at the border; of a colour picture the strongest channel counts
    cell         of `cell` x `cell` pixels: |g| summed by orientation, 9 bins over 180 degrees, divided by the pixels
    block        of `block` x `block` cells, at every cell: v <- v / sqrt(|v|^2 + e^2), cut at 0.2, once more

A block's number says how much edge of one direction lies in one cell, relative to its surroundings: the position of an
edge is blurred by a cell, its contrast is gone, its direction stays. Equal to scikit-image's `hog`. Dalal and Triggs,
Histograms of oriented gradients for human detection, CVPR 2005.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_tensors

EPSILON, LARGEST = 1e-5, 0.2


def gradients(images: Tensor) -> tuple[Tensor, Tensor]:
    """Strength and orientation of the gradient at each pixel.

    Args:
        images: (B, C, H, W).

    Returns:
        Strength (B, H, W), and orientation (B, H, W) in degrees, 0 up to but not including 180; a vertical edge has 0.
    """
    across, down = torch.zeros_like(images), torch.zeros_like(images)
    across[..., 1:-1] = images[..., 2:] - images[..., :-2]
    down[..., 1:-1, :] = images[..., 2:, :] - images[..., :-2, :]
    strength = torch.hypot(across, down)
    best = strength.argmax(1, keepdim=True)
    across, down, strength = (part.gather(1, best)[:, 0] for part in (across, down, strength))
    return strength, torch.rad2deg(torch.atan2(down, across)) % 180


def cells(images: Tensor, *, orientations: int = 9, cell: int = 8) -> Tensor:
    """Histogram of each cell; pixels beyond the last whole cell are left out.

    Args:
        images: (B, C, H, W).
        orientations: Bins over 180 degrees.
        cell: Pixels a side.

    Returns:
        (B, H // cell, W // cell, orientations).

    Raises:
        ValueError: For bad shapes, or a picture smaller than a cell.
    """
    check_tensors(images=(images, "B C H W"))
    check_positive(orientations=orientations, cell=cell)
    if min(images.shape[-2:]) < cell:
        raise ValueError(
            f"images of {images.shape[-2]} x {images.shape[-1]} pixels have no whole cell of {cell} x {cell}"
        )
    strength, angle = gradients(images)
    number = (angle * (orientations / 180)).long().clamp(max=orientations - 1)
    votes = strength[:, None] * F.one_hot(number, orientations).movedim(-1, 1)
    return F.avg_pool2d(votes, cell).movedim(1, -1)


def hog(images: Tensor, *, orientations: int = 9, cell: int = 8, block: int = 3) -> Tensor:
    """Normalised histograms of all blocks.

    Args:
        images: (B, C, H, W), any range: contrast is divided out.
        orientations: Bins over 180 degrees.
        cell: Pixels a side of a cell.
        block: Cells a side of a block; blocks begin at every cell and overlap.

    Returns:
        (B, rows, columns, block, block, orientations) with H // cell - block + 1 rows; flattened it is a descriptor.

    Raises:
        ValueError: For bad shapes, or a picture smaller than a block.
    """
    check_positive(block=block)
    found = cells(images, orientations=orientations, cell=cell)
    if min(found.shape[1:3]) < block:
        raise ValueError(f"{found.shape[1]} x {found.shape[2]} cells have no whole block of {block} x {block}; "
                         "take a larger picture or smaller cells")  # fmt: skip
    windows = found.unfold(1, block, 1).unfold(2, block, 1).permute(0, 1, 2, 4, 5, 3)
    once = _unit(windows)
    return _unit(once.clamp(max=LARGEST))


def _unit(blocks: Tensor) -> Tensor:
    """Blocks divided by their length."""
    return blocks / (blocks.square().sum((-3, -2, -1), keepdim=True) + EPSILON**2).sqrt()
