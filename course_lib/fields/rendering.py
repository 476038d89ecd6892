"""What a ray sees in a cloud (chapter 20, "volume-rendering").

    C = integral of T(t) sigma(t) c(t) dt,     T(t) = exp(-integral of sigma up to t)
    in steps of length d_i with one density and colour each:
    a_i = 1 - exp(-sigma_i d_i),    T_i = product of (1 - a_j) over j < i,    w_i = T_i a_i,    C = sum of w_i c_i

sigma (per metre) is the chance per length that a ray is stopped here, T that it has come so far. The sum is the
integral exactly if density and colour are constant in each step. sum of w_i = 1 - T behind the last step. Max 1995,
Optical models for direct volume rendering; Mildenhall et al. 2020, NeRF, 2003.08934, equations 1 to 3.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_shapes


def transmittance(density: Tensor, lengths: Tensor) -> Tensor:
    """The chance that a ray gets as far as each border of its steps.

    Args:
        density: (..., S) per unit of length, at least 0.
        lengths: (..., S) of the steps.

    Returns:
        (..., S + 1): 1 first, and last what is left behind all steps.
    """
    check_shapes(density=(density, "... S"), lengths=(lengths, "... S"))
    depth = torch.cumsum(density * lengths, -1)  # optical depth, without unit
    return torch.cat([torch.ones_like(depth[..., :1]), (-depth).exp()], -1)


def volume_weights(density: Tensor, lengths: Tensor) -> Tensor:
    """How much each step of a ray contributes to what is seen.

    Args:
        density: (..., S) per unit of length, at least 0.
        lengths: (..., S) of the steps.

    Returns:
        (..., S) weights from 0; with `transmittance` behind the last step they sum to 1.

    Raises:
        ValueError: For other shapes.
    """
    reached = transmittance(density, lengths)
    return reached[..., :-1] - reached[..., 1:]  # T_i - T_i exp(-sigma_i d_i) = T_i a_i


def composite(weights: Tensor, values: Tensor, background: Tensor | None = None) -> Tensor:
    """The weighted sum of what lies along rays.

    Args:
        weights: (..., S).
        values: (..., S, C): colours, or depths with C = 1.
        background: (C,) or (..., C), what is seen where a ray comes through; nothing without it.

    Returns:
        (..., C).
    """
    check_shapes(weights=(weights, "... S"), values=(values, "... S C"))
    seen = (weights[..., None] * values).sum(-2)
    return seen if background is None else seen + (1 - weights.sum(-1, keepdim=True)) * background


def slab_colour(density: float, length: Tensor, colour: Tensor, *, background: Tensor) -> Tensor:
    """What is seen through a homogeneous slab, by the integral: (1 - exp(-sigma L)) c + exp(-sigma L) background.

    Args:
        density: sigma.
        length: (R,) L, how far each ray goes through the slab.
        colour, background: (C,).

    Returns:
        (R, C).
    """
    through = (-density * length).exp()[:, None]
    return (1 - through) * colour + through * background
