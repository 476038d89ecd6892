"""Image classification before deep learning: dense SIFT, visual words, spatial pyramid (chapter 6).

SIFT: Lowe 2004. Bags of words: Csurka et al. 2004. Spatial pyramid: Lazebnik, Schmid, Ponce 2006.

    1. Describe: for a patch of 4 x 4 cells, a histogram of gradient directions (8 bins) in each: 128 numbers, divided
       by their length, cut off at 0.2, divided by their length again.
    2. Quantise: replace each descriptor by the nearest of K words, which k-means has found in the training images.
    3. Count: a histogram of words for the whole image, for its quarters and for its sixteenths, side by side.

What classifies the histograms is a linear support vector machine from scikit-learn. Images are (B, 1, H, W), grey.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.ops.filters import sobel
from course_lib.ops.neighbours import nearest

DIRECTIONS, CELLS = 8, 4


def dense_sift(images: Tensor, cell: int = 4, step: int = 4) -> tuple[Tensor, Tensor]:
    """SIFT descriptors on a regular grid, upright and of one size.

    A gradient is shared between the two nearest directions, and between cells by a triangular weight, so that a small
    turn or shift changes the numbers little.

    Args:
        images: (B, 1, H, W), floating point.
        cell: Side of a cell in pixels, even; a patch has 4 x 4 cells.
        step: Pixels between neighbouring patches.

    Returns:
        Descriptors (B, N, 128), of length 1 (0 for a flat patch), and the patches' centres (N, 2) as (row, column) in
        pixels.

    Raises:
        ValueError: If images is no such batch or is smaller than a patch.
    """
    check_tensors(images=(images, "B 1 H W"))
    check_positive(cell=cell, step=step)
    if cell % 2:
        raise ValueError(f"cell must be even, so that its centre lies between pixels, not {cell}")
    side = CELLS * cell
    if min(images.shape[2:]) < side:
        raise ValueError(f"images must have at least {side} x {side} pixels, a patch, not {tuple(images.shape[2:])}")
    gradient = sobel(images)
    turn = gradient.direction() * DIRECTIONS / (2 * math.pi)  # -4 to 4
    bins = torch.arange(DIRECTIONS, device=images.device, dtype=images.dtype).view(1, -1, 1, 1)
    away = (turn - bins + DIRECTIONS / 2) % DIRECTIONS - DIRECTIONS / 2  # how many bins apart, around the circle
    energy = gradient.magnitude() * (1 - away.abs()).clamp(min=0)  # (B, 8, H, W)
    ramp = 1 - (torch.arange(2 * cell, device=images.device, dtype=images.dtype) - cell + 0.5).abs() / cell
    weight = (ramp[:, None] * ramp[None]).expand(DIRECTIONS, 1, -1, -1)
    padded = F.pad(energy, [cell // 2, cell - cell // 2] * 2)
    cells = F.conv2d(padded, weight, groups=DIRECTIONS)  # place p: the cell whose first pixel is p
    rows = torch.arange(0, images.shape[2] - side + 1, step, device=images.device)
    columns = torch.arange(0, images.shape[3] - side + 1, step, device=images.device)
    inner = torch.arange(CELLS, device=images.device) * cell
    y = (rows[:, None] + inner).view(-1, 1, CELLS, 1)
    x = (columns[:, None] + inner).view(1, -1, 1, CELLS)
    patches = cells[:, :, y, x]  # (B, 8, rows, columns, 4, 4)
    flat = patches.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)  # (B, N, 128)
    flat = F.normalize(F.normalize(flat, dim=2).clamp(max=0.2), dim=2)
    return flat, torch.cartesian_prod(rows, columns) + (side - 1) / 2


def assign_words(descriptors: Tensor, words: Tensor) -> Tensor:
    """The nearest word of each descriptor: (B, N, D) and (K, D) to (B, N) int64."""
    check_tensors(descriptors=(descriptors, "B N D"), words=(words, "K D"))
    return nearest(descriptors.flatten(0, 1), words, 1).view(descriptors.shape[:2])


def spatial_pyramid(assigned: Tensor, centres: Tensor, size: tuple[int, int], *, words: int, levels: int = 3) -> Tensor:
    """Histograms of words for the image, its quarters, its sixteenths ...

    Args:
        assigned: (B, N) int64, a word for each patch.
        centres: (N, 2), the patches' centres as (row, column).
        size: Height and width of the images.
        words: K.
        levels: 1 keeps the whole image only; level l cuts it into 2^l x 2^l parts.

    Returns:
        (B, K (1 + 4 + ... + 4^(levels - 1))) float32. Each image's numbers are shares of its patches times the
        level's weight (1 / 2^(levels - 1) for the two coarsest, doubled at each finer one), so that the histogram
        intersection of two of them is the pyramid match of Lazebnik et al.

    Raises:
        ValueError: If a word is K or more, or levels is below 1.
    """
    check_positive(levels=levels, words=words)
    if assigned.dtype != torch.int64 or int(assigned.min()) < 0 or int(assigned.max()) >= words:
        found = f"{assigned.dtype} {int(assigned.min())} to {int(assigned.max())}"
        raise ValueError(f"assigned must hold int64 words 0 to {words - 1}, not {found}")
    histograms = []
    for level in range(levels):
        parts = 2**level
        where = (centres * parts / centres.new_tensor(size)).long().clamp(0, parts - 1)
        slot = (where[:, 0] * parts + where[:, 1]) * words + assigned  # (B, N)
        counts = torch.zeros(len(assigned), words * parts**2, device=assigned.device)
        counts.scatter_add_(1, slot, torch.ones_like(slot, dtype=torch.float32))
        weight = 2.0 ** (max(level, 1) - levels) if levels > 1 else 1.0
        histograms.append(weight * counts / assigned.shape[1])
    return torch.cat(histograms, dim=1)
