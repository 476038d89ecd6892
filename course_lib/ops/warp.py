"""Fetch a picture's values from elsewhere: backward warping by a flow field (chapter 4, "optical-flow-classic").

    warped(p) = image(p + flow(p))

Flow (B, 2, H, W) is (dx, dy) in pixels. A point between pixels is interpolated; beyond the edge the last pixel goes on.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_tensors


def warp(image: Tensor, flow: Tensor, interpolation: str = "bicubic") -> Tensor:
    """Fetch a picture's values at p + flow(p); beyond the edge the last pixel goes on.

    Args:
        image: (B, C, H, W).
        flow: (B, 2, H, W), (dx, dy) in pixels.
        interpolation: bilinear or bicubic.

    Returns:
        (B, C, H, W); gradients flow to the picture and to the flow.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(image=(image, "B C H W"), flow=(flow, "B 2 H W"))
    height, width = image.shape[2:]
    y = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None] + flow[:, 1]
    x = torch.arange(width, dtype=flow.dtype, device=flow.device) + flow[:, 0]  # (B, H, W)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    return F.grid_sample(image, grid.to(image.dtype), mode=interpolation, padding_mode="border", align_corners=False)
