"""Draw flow as colours (chapter 4, "optical-flow-classic"): hue is the direction, strength of colour the length."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def flow_to_color(flow: Tensor, largest: float | None = None) -> Tensor:
    """Draw flow as colours: right is red, down yellow-green, left cyan, up violet.

    Args:
        flow: (B, 2, H, W) pixels.
        largest: Length that gets the full colour; the longest arrow without it.

    Returns:
        (B, 3, H, W) sRGB in [0, 1]; longer arrows than `largest` keep the full colour.

    Raises:
        ValueError: For bad shapes or values, or a largest length that is not above 0.
    """
    check_tensors(flow=(flow, "B 2 H W"))
    length = torch.linalg.vector_norm(flow, dim=1)
    if largest is None:
        largest = max(float(length.max()), 1e-6)
    check_positive(largest=largest)
    hue = torch.atan2(flow[:, 1], flow[:, 0]) / (2 * math.pi)  # turns, clockwise on the screen
    saturation = (length / largest).clamp(max=1)
    sector = torch.stack([hue, hue - 1 / 3, hue - 2 / 3], 1) % 1  # (B, 3, H, W) distance from red, green, blue
    distance = torch.minimum(sector, 1 - sector) * 6
    return 1 - saturation[:, None] * (1 - (2 - distance).clamp(0, 1))
