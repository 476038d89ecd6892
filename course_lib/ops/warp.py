"""Fetch a picture's values from elsewhere: backward warping by a flow field or a matrix (chapter 4).

    flow         warped(p) = image(p + flow(p))
    homography   warped(p) = image(q),   (q, 1) ~ M (p, 1):  M maps places of the result to places of the picture

Flow (B, 2, H, W) is (dx, dy) in pixels. Matrices act on (x, y) in pixels with the corner of the picture at (0, 0),
as the course's cameras have it: a pixel (row i, column j) has its centre at (j + 0.5, i + 0.5). OpenCV counts from the
centre of the first pixel and takes M from the picture to the result. A point between pixels is interpolated.
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


def warp_perspective(
    image: Tensor,
    matrix: Tensor,
    size: tuple[int, int] | None = None,
    *,
    border: str = "zeros",
    interpolation: str = "bilinear",
) -> Tensor:
    """Fetch a picture's values where a homography sends each pixel.

    Args:
        image: (B, C, H, W).
        matrix: (B, 3, 3), from places (x, y, 1) of the result to places of the picture, pixels; an affine map has the
            last row 0, 0, 1.
        size: (height, width) of the result; the picture's own without it.
        border: What lies beyond the picture: zeros (black) or border (the last pixel goes on).
        interpolation: bilinear, bicubic or nearest.

    Returns:
        (B, C, *size); gradients flow to the picture and to the matrix. Where the third coordinate is 0 or below, the
        place lies behind the camera and counts as beyond the picture.

    Raises:
        ValueError: For bad shapes or values, or another border.
    """
    check_tensors(image=(image, "B C H W"), matrix=(matrix, "B 3 3"))
    if border not in ("zeros", "border"):
        raise ValueError(f"border must be 'zeros' or 'border', not {border!r}")
    height, width = image.shape[2:]
    rows, columns = size or (height, width)
    points = pixel_grid(rows, columns, like=matrix).flatten(0, 1)  # (P, 2)
    moved = points @ matrix[:, :, :2].mT + matrix[:, None, :, 2]  # (B, P, 3)
    depth = moved[..., 2:]
    places = moved[..., :2] / torch.where(depth > 0, depth, 1)  # (B, P, 2)
    grid = 2 * places / places.new_tensor([width, height]) - 1
    grid = torch.where(depth > 0, grid, -10.0).unflatten(1, (rows, columns))
    return F.grid_sample(image, grid.to(image.dtype), mode=interpolation, padding_mode=border, align_corners=False)


def pixel_grid(height: int, width: int, *, like: Tensor) -> Tensor:
    """(H, W, 2) centres (x, y) = (column + 0.5, row + 0.5) of pixels, of the kind and on the device of a tensor."""
    y = torch.arange(height, dtype=like.dtype, device=like.device) + 0.5
    x = torch.arange(width, dtype=like.dtype, device=like.device) + 0.5
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
