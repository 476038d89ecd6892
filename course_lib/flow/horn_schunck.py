"""Horn-Schunck flow (chapter 4, "optical-flow-classic"): neighbours move nearly alike. Horn and Schunck (1981).

One energy for the whole picture; its second term fills in what the first leaves open:

    E(u, v) = sum (I_x du + I_y dv + I_t)^2 + alpha^2 (|grad u|^2 + |grad v|^2),     u = u_0 + du

Where its derivative is zero, each pixel has one pair of linear equations, coupled through the mean of four neighbours:

    (4 alpha^2 + I_x^2) u + I_x I_y v = 4 alpha^2 mean(u) - I_x r
    I_x I_y u + (4 alpha^2 + I_y^2) v = 4 alpha^2 mean(v) - I_y r        r = I_t - I_x u_0 - I_y v_0

Jacobi's method solves the pair at all pixels at once with the last means, again and again. Beyond the edge the flow is
mirrored, so that a pixel at the edge is pulled only by neighbours that exist.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.flow.coarse_to_fine import check_frames, coarse_to_fine, image_derivatives


def horn_schunck(first: Tensor, second: Tensor, alpha: float = 0.02, *, levels: int | None = None, warps: int = 5,
                 steps: int = 30, median: int = 5) -> Tensor:  # fmt: skip
    """Dense pyramidal Horn-Schunck flow from the first frame to the second.

    Args:
        first, second: (B, 1, H, W) grey, in [0, 1], at least 8 pixels a side.
        alpha: Weight of smoothness, in units of brightness per pixel.
        levels: Pyramid levels; None takes as many as leave 16 pixels a side; 1 for the method of 1981.
        warps: Times that the equations are made linear at each level.
        steps: Steps of Jacobi's method for each.
        median: Side of a median window after each warp; 1 for none.

    Returns:
        (B, 2, H, W), (dx, dy) in pixels.

    Raises:
        ValueError: For bad shapes or values, frames below 8 pixels a side, or numbers that are not above 0.
    """
    check_frames(first, second, levels)
    check_positive(alpha=alpha, warps=warps, steps=steps)
    pull = 4 * alpha**2

    def improve(one: Tensor, two: Tensor, flow: Tensor) -> Tensor:
        dx, dy = image_derivatives((one + two) / 2)
        slope = torch.cat([dx, dy], 1)  # (B, 2, H, W)
        rest = two - one - (slope * flow).sum(1, keepdim=True)
        share = slope / (pull + slope.square().sum(1, keepdim=True))
        for _ in range(steps):
            mean = neighbour_mean(flow)
            flow = mean - share * ((slope * mean).sum(1, keepdim=True) + rest)
        return flow

    return coarse_to_fine(first, second, levels, warps=warps, improve=improve, median=median)


def neighbour_mean(flow: Tensor) -> Tensor:
    """Mean of the four neighbours, (B, C, H, W); beyond the edge stands the edge pixel itself."""
    padded = F.pad(flow, [1] * 4, mode="replicate")
    across = padded[:, :, 1:-1, :-2] + padded[:, :, 1:-1, 2:]
    return (across + padded[:, :, :-2, 1:-1] + padded[:, :, 2:, 1:-1]) / 4
