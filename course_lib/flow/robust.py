"""Robust flow (chapter 4, "optical-flow-classic"): Horn and Schunck with a price that does not explode.

Squares make one wrong pixel as expensive as many good ones, and a jump of the flow more expensive than a slope. Black
and Anandan (1996) replace them by penalties whose slope falls back to zero. Here stands the milder one of Charbonnier
et al. (1997), which grows like the absolute value beyond a width w, so that the energy stays convex:

    E(u, v) = sum rho(I_x u + I_y v + r; noise) + alpha^2 sum over neighbours rho(u_p - u_q; slack)
    rho(x; w) = 2 w^2 (sqrt(1 + (x / w)^2) - 1)        x^2 for small x, 2 w |x| for large x

Iterated reweighting minimises it: rho'(x) = 2 x / sqrt(1 + (x / w)^2), so with the weights of the last flow held fixed
E is a sum of weighted squares, and Jacobi's method solves that as in `horn_schunck`. Pixels whose brightness does not
fit lose their say, and links between neighbours that move differently are loosened. With wide penalties all weights
are 1, and this is Horn and Schunck's method.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.flow.coarse_to_fine import check_frames, coarse_to_fine, image_derivatives


def robust_flow(first: Tensor, second: Tensor, alpha: float = 0.03, *, noise: float = 0.003, slack: float = 0.05,
                levels: int | None = None, warps: int = 5, reweightings: int = 3, steps: int = 10,
                median: int = 5) -> Tensor:  # fmt: skip
    """Dense pyramidal flow with robust penalties from the first frame to the second.

    Args:
        first, second: (B, 1, H, W) grey, in [0, 1], at least 8 pixels a side.
        alpha: Weight of smoothness, in units of brightness per pixel.
        noise: Difference in brightness from which on a pixel loses weight, in [0, 1].
        slack: Difference in motion between neighbours from which on their link loses weight, pixels.
        levels: Pyramid levels; None takes as many as leave 16 pixels a side.
        warps: Times that the equations are made linear at each level.
        reweightings: Times that the weights are computed for each of these.
        steps: Steps of Jacobi's method for each set of weights.
        median: Side of a median window after each warp; 1 for none.

    Returns:
        (B, 2, H, W), (dx, dy) in pixels.

    Raises:
        ValueError: For bad shapes or values, frames below 8 pixels a side, or numbers that are not above 0.
    """
    check_frames(first, second, levels)
    check_positive(alpha=alpha, noise=noise, slack=slack, warps=warps, reweightings=reweightings, steps=steps)

    def improve(one: Tensor, two: Tensor, flow: Tensor) -> Tensor:
        slope = torch.cat(image_derivatives((one + two) / 2), 1)  # (B, 2, H, W)
        strength = slope.square().sum(1, keepdim=True)
        rest = two - one - (slope * flow).sum(1, keepdim=True)
        for _ in range(reweightings):
            trust = weight(rest + (slope * flow).sum(1, keepdim=True), noise)
            links = weight(neighbours(flow) - flow[:, None], slack)  # (B, 4, 1, H, W)
            total = links.sum(1)
            pull = alpha**2 * total / trust
            for _ in range(steps):
                mean = (links * neighbours(flow)).sum(1) / total
                flow = mean - slope * ((slope * mean).sum(1, keepdim=True) + rest) / (pull + strength)
        return flow

    return coarse_to_fine(first, second, levels, warps=warps, improve=improve, median=median)


def weight(difference: Tensor, width: float) -> Tensor:
    """How much a term counts: 1 / sqrt(1 + (length / width)^2), in (0, 1].

    Args:
        difference: (B, ..., C, H, W); its length is taken over C.
        width: Above 0, in the units of the difference.

    Returns:
        (B, ..., 1, H, W).
    """
    return 1 / (1 + (difference / width).square().sum(-3, keepdim=True)).sqrt()


def neighbours(flow: Tensor) -> Tensor:
    """The left, right, upper and lower neighbour of each pixel, (B, 4, C, H, W); beyond the edge the pixel itself."""
    padded = F.pad(flow, [1] * 4, mode="replicate")
    sides = padded[..., 1:-1, :-2], padded[..., 1:-1, 2:], padded[..., :-2, 1:-1], padded[..., 2:, 1:-1]
    return torch.stack(sides, 1)
