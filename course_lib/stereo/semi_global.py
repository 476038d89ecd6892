"""Semi-global matching (chapter 4, "stereo"): smoothness along straight paths, Hirschmueller (2008).

A disparity map is good if its costs are low and neighbours agree:

    E(D) = sum_p C(p, D_p) + sum over neighbours (p, q) of  P1 if |D_p - D_q| = 1,  P2 if |D_p - D_q| > 1

On a line this is solved exactly by dynamic programming; on a picture it is not. So solve it along lines that reach each
pixel from 4 or 8 directions r, and add up:

    L_r(p, d) = C(p, d) - min_k L_r(p - r, k)
              + min( L_r(p - r, d), L_r(p - r, d - 1) + P1, L_r(p - r, d + 1) + P1, min_k L_r(p - r, k) + P2 )

P2 is lowered where the picture has an edge, P2 exp(-|I_p - I_q| / contrast), but never below P1: depth may jump there.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from course_lib.core.checks import check_positive, check_tensors

PATHS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))  # steps (rows, columns)


def semi_global(volume: Tensor, guide: Tensor, small: float = 0.3, *, large: float = 2.0,
                contrast: float = 0.1, paths: int = 8) -> Tensor:  # fmt: skip
    """Sum of the path costs over 4 or 8 directions; decide with `winner_take_all` afterwards.

    Args:
        volume: (B, D, H, W) costs per pixel, of order 1.
        guide: (B, C, H, W) in [0, 1], the picture whose view the volume has; its channels are averaged.
        small: P1, the price of a step of one disparity.
        large: P2, the price of a jump, at least P1.
        contrast: Brightness difference at which the price of a jump falls by a factor e.
        paths: 4 (along rows and columns) or 8 (diagonals too).

    Returns:
        (B, D, H, W), the mean over the paths.

    Raises:
        ValueError: For bad shapes or values, P2 below P1, or a number of paths that is not 4 or 8.
    """
    check_tensors(volume=(volume, "B D H W"), guide=(guide, "B C H W"))
    check_positive(contrast=contrast)
    if not 0 <= small <= large:
        raise ValueError(f"penalties must be 0 <= small <= large, not small={small}, large={large}")
    if paths not in (4, 8):
        raise ValueError(f"paths must be 4 or 8, not {paths!r}")
    last = volume.permute(0, 2, 3, 1).contiguous()  # (B, H, W, D): neighbours in d lie side by side
    grey = guide.mean(1)
    total = scan_path(last, grey, PATHS[0], small=small, large=large, contrast=contrast)
    for step in PATHS[1:paths]:
        total = total + scan_path(last, grey, step, small=small, large=large, contrast=contrast)
    return (total / paths).permute(0, 3, 1, 2)


def scan_path(volume: Tensor, grey: Tensor, step: tuple[int, int], *, small: float, large: float,
              contrast: float) -> Tensor:  # fmt: skip
    """Path costs L_r of all pixels for one direction; all lines of the direction advance together.

    Args:
        volume: (B, H, W, D).
        grey: (B, H, W).
        step: (rows, columns), each -1, 0 or 1: from the pixel before to this one.
        small, large, contrast: As `semi_global`.

    Returns:
        (B, H, W, D).
    """
    down, across = step
    axis, sign = (1, down) if down else (2, across)
    order = range(volume.shape[axis]) if sign > 0 else range(volume.shape[axis] - 1, -1, -1)
    slices: list[Tensor] = []
    before: tuple[Tensor, Tensor] | None = None  # path costs and brightness one step earlier
    for place in order:
        cost, light = volume.select(axis, place), grey.select(axis, place)  # (B, n, D), (B, n)
        if before is not None:
            past, past_light = before
            if down and across:  # a diagonal: the line before is one pixel to the side
                past, past_light = _sideways(past, across), _sideways(past_light[..., None], across)[..., 0]
            jump = (large * torch.exp(-(light - past_light).abs() / contrast)).clamp(min=small)[..., None]
            cost = cost + _best_step(past, small, jump)
        slices.append(cost)
        before = cost, light
    return torch.stack(slices if sign > 0 else slices[::-1], axis)


def _best_step(past: Tensor, small: float, jump: Tensor) -> Tensor:
    """The cheapest way from the pixel before to each disparity, less the cheapest of all; (B, n, D)."""
    past = past - past.amin(-1, keepdim=True)
    way = torch.minimum(past, jump)
    if past.shape[-1] == 1:
        return way
    stepped = past + small
    way = torch.cat([way[..., :1], torch.minimum(way[..., 1:], stepped[..., :-1])], -1)
    return torch.cat([torch.minimum(way[..., :-1], stepped[..., 1:]), way[..., -1:]], -1)


def _sideways(values: Tensor, across: int) -> Tensor:
    """Move (B, n, D) by one along n; what enters is 0 for all D, so that a path begins there."""
    return pad(values, [0, 0, 1, -1]) if across > 0 else pad(values, [0, 0, -1, 1])
