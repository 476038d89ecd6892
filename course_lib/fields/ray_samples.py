"""Where along a ray to ask (chapter 20, "hierarchical-sampling").

    even          t_i in the middle of N equal steps between near and far
    stratified    t_i anywhere in its step: over many passes every depth is asked
    by weight     t = F^-1(u), F the running sum of the coarse pass's weights, straight inside each step

The last is inverse transform sampling: if u is even in [0, 1], then F^-1(u) has the density that the weights describe,
P(t <= x) = P(u <= F(x)) = F(x). Fine samples so lie where the coarse pass found something. Mildenhall et al. 2020,
NeRF, 2003.08934, section 5.2; steps with borders instead of loose points as in mip-NeRF, 2103.13415.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes


def even_borders(near: Tensor, far: Tensor, steps: int) -> Tensor:
    """Borders of equal steps.

    Args:
        near, far: (R,) where each ray begins and ends.
        steps: S.

    Returns:
        (R, S + 1), rising.
    """
    check_shapes(near=(near, "R"), far=(far, "R"))
    check_positive(steps=steps)
    share = torch.linspace(0, 1, steps + 1, device=near.device, dtype=near.dtype)
    return near[:, None] + share * (far - near)[:, None]


def depths_within(borders: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One depth in each step.

    Args:
        borders: (R, S + 1), rising.
        generator: Draws it evenly from the step (stratified sampling); without it the middle is taken.

    Returns:
        (R, S).
    """
    check_shapes(borders=(borders, "R B"))
    low, high = borders[:, :-1], borders[:, 1:]
    if generator is None:
        return (low + high) / 2
    return low + torch.rand(low.shape, generator=generator, device=low.device, dtype=low.dtype) * (high - low)


def inverse_cdf(borders: Tensor, weights: Tensor, samples: int, *, generator: torch.Generator | None = None,
                floor: float = 1e-5) -> Tensor:  # fmt: skip
    """Depths distributed as the weights say.

    Args:
        borders: (R, S + 1), rising.
        weights: (R, S) from 0; they need not sum to 1.
        samples: How many depths, M.
        generator: Draws one u in each of M equal parts of [0, 1]; without it their middles are taken.
        floor: Added to every weight, so that a ray that found nothing is sampled evenly.

    Returns:
        (R, M), rising. No slope flows back through them.

    Raises:
        ValueError: For other shapes or no samples.
    """
    check_shapes(borders=(borders, "R B"), weights=(weights, "R S"))
    check_positive(samples=samples)
    if borders.shape[1] != weights.shape[1] + 1:
        raise ValueError(f"S steps have S + 1 borders, not {borders.shape[1]} for {weights.shape[1]}")
    with torch.no_grad():
        shares = weights + floor
        upto = torch.cumsum(shares / shares.sum(1, keepdim=True), 1)
        upto = torch.cat([torch.zeros_like(upto[:, :1]), upto], 1)  # F at the borders, (R, S + 1)
        u = torch.full((len(weights), samples), 0.5, device=weights.device, dtype=weights.dtype)
        if generator is not None:
            u = torch.rand(u.shape, generator=generator, device=u.device, dtype=u.dtype)
        u = (torch.arange(samples, device=u.device) + u) / samples
        after = torch.searchsorted(upto, u.contiguous(), right=True).clamp(1, weights.shape[1])  # border above F^-1(u)
        low, high = upto.gather(1, after - 1), upto.gather(1, after)
        share = ((u - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        start, end = borders.gather(1, after - 1), borders.gather(1, after)
        return start + share * (end - start)
