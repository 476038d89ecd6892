"""Texture by copying one pixel at a time (chapter 8).

Efros, Leung, "Texture synthesis by non-parametric sampling", 1999.

    1. Of the unknown pixels, take one with the most known neighbours.
    2. Compare its window, as far as it is known, with every window of the exemplar by the weighted squared difference
       d(q) = sum over known offsets o of g(o) |I(p + o) - E(q + o)|^2 / sum g(o)
    3. Draw one q among those with d(q) <= (1 + tolerance) min d, and copy its middle pixel.

All windows of the exemplar are compared in one matrix product: |a - b|^2 = |a|^2 - 2 a b + |b|^2. Like the paper's
code, the pixels around what is known are filled one layer after another ("onion skin").
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from course_lib.core.checks import check_tensors


def efros_leung(
    exemplar: Tensor,
    size: tuple[int, int],
    window: int,
    *,
    generator: torch.Generator,
    tolerance: float = 0.1,
    progress: bool = False,
) -> Tensor:
    """Grow a texture from a 3 x 3 seed taken from the exemplar.

    Args:
        exemplar: (C, H, W), floating point.
        size: Rows and columns of the result, each at least 3.
        window: Side of the compared window, odd, at most the exemplar's sides.
        generator: Source of the seed and of the choice among good matches, on the CPU.
        tolerance: How much worse than the best a match may be.
        progress: Show a bar on stderr.

    Returns:
        (C, *size); every value occurs in the exemplar.

    Raises:
        ValueError: For an even or too large window, or a size below 3.
    """
    check_tensors(exemplar=(exemplar, "C H W"))
    channels, height, width = exemplar.shape
    if window % 2 == 0 or not 3 <= window <= min(height, width):
        raise ValueError(f"window must be odd and 3 to {min(height, width)}, not {window}")
    if min(size) < 3 or tolerance < 0:
        raise ValueError(f"size must be at least 3 x 3 and tolerance at least 0, not {size} and {tolerance}")
    half = window // 2
    steps = torch.arange(window, device=exemplar.device, dtype=exemplar.dtype) - half
    bell = torch.exp(-0.5 * (steps / (window / 6.4)) ** 2)  # the paper's sigma
    weight = (bell[:, None] * bell[None]).flatten()  # (w^2,)
    level = exemplar.mean()  # distances do not depend on a common shift, but their rounding error does
    patches = F.unfold(exemplar[None] - level, window)[0].T  # (N, C w^2)
    middles = exemplar[:, half : height - half, half : width - half].flatten(1)  # (C, N)
    squares = patches.view(-1, channels, window**2).square().sum(dim=1)  # (N, w^2)

    rows, columns = size[0] + 2 * half, size[1] + 2 * half
    canvas = exemplar.new_zeros(channels, rows, columns)
    known = torch.zeros(rows, columns, dtype=torch.bool, device=exemplar.device)
    top, left = half + size[0] // 2 - 1, half + size[1] // 2 - 1
    y = int(torch.randint(height - 2, (), generator=generator))
    x = int(torch.randint(width - 2, (), generator=generator))
    canvas[:, top : top + 3, left : left + 3] = exemplar[:, y : y + 3, x : x + 3]
    known[top : top + 3, left : left + 3] = True

    ones = exemplar.new_ones(1, 1, window, window)
    inside = torch.zeros_like(known)
    inside[half : half + size[0], half : half + size[1]] = True
    bar = tqdm(total=size[0] * size[1] - 9, disable=not progress, unit="pixel")
    while bool((inside & ~known).any()):
        near = F.max_pool2d(known[None, None].to(exemplar.dtype), 3, 1, 1)[0, 0] > 0
        counts = F.conv2d(known[None, None].to(exemplar.dtype), ones, padding=half)[0, 0]
        skin = (near & inside & ~known).nonzero()
        shuffled = skin[torch.randperm(len(skin), generator=generator).to(skin.device)]
        order = counts[shuffled[:, 0], shuffled[:, 1]].argsort(descending=True, stable=True)
        for row, column in shuffled[order].tolist():
            part = (slice(row - half, row + half + 1), slice(column - half, column + half + 1))
            mask = known[part].flatten().to(exemplar.dtype) * weight  # (w^2,)
            around = canvas[(slice(None), *part)].flatten(1) - level  # (C, w^2)
            here = (around * mask).flatten()  # (C w^2,)
            distance = squares @ mask - 2 * patches @ here  # |window|^2 itself is the same for all
            distance = (distance + (around.square() * mask).sum()) / mask.sum()
            distance = distance.clamp(min=0)
            good = (distance <= (1 + tolerance) * distance.min() + 1e-12).nonzero()[:, 0]
            chosen = good[int(torch.randint(len(good), (), generator=generator))]
            canvas[:, row, column] = middles[:, chosen]
            known[row, column] = True
            bar.update()
    bar.close()
    return canvas[:, half : half + size[0], half : half + size[1]]
