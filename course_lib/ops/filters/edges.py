"""Edges, spots and lines (chapter 5, "sobel" and "spot-edge-filters").

    gradient   (g_x, g_y) from the two Sobel kernels
    magnitude  |g| = sqrt(g_x^2 + g_y^2)            how strong the edge is
    direction  atan2(g_y, g_x)                      towards the brighter side, at right angles to the edge

y grows downwards, so an angle of +90 degrees points down. Units are brightness a pixel; skimage.filters.sobel_v and
sobel_h give twice that (a difference over two pixels) and skimage.filters.sobel sqrt(2) times the magnitude. Large
pictures are filtered strip by strip, so that what lies between the steps stays in the cache.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.filters.apply import filter2d
from course_lib.ops.filters.borders import pad_image
from course_lib.ops.filters.kernels import line_kernel, spot_kernel

STRIP = 2**18  # values filtered at a time


class Gradient(NamedTuple):
    """Brightness change a pixel to the right (x) and downwards (y), each (B, C, H, W)."""

    x: Tensor
    y: Tensor

    def magnitude(self) -> Tensor:
        """Length of the gradient, (B, C, H, W), 0 or more; its own derivative at 0 is taken as 0."""
        if torch.is_grad_enabled() and (self.x.requires_grad or self.y.requires_grad):
            return torch.complex(self.x, self.y).abs()  # hypot is faster, but has no derivative at 0
        return torch.hypot(self.x, self.y)

    def direction(self) -> Tensor:
        """Angle towards the brighter side in radians, -pi to pi, clockwise from the right; (B, C, H, W)."""
        return torch.atan2(self.y, self.x)


def sobel(image: Tensor, border: str = "reflect") -> Gradient:
    """Gradient of each channel by the Sobel kernels, two 1-D filters each.

    Args:
        image: (B, C, H, W), floating point.
        border: What lies outside, see `borders`.

    Raises:
        ValueError: For bad shapes or values, or an unknown border.
    """
    check_tensors(image=(image, "B C H W"))
    padded = pad_image(image, 1, 1, border=border)
    rows = max(1, STRIP * image.shape[2] // max(image.numel(), 1))
    starts = range(0, image.shape[2], rows)
    parts = [sobel_inside(padded[:, :, i : i + rows + 2]) for i in starts]
    return Gradient(*(torch.cat(part, 2) for part in zip(*parts, strict=True)))


def sobel_inside(image: Tensor) -> tuple[Tensor, Tensor]:
    """Both derivatives at all pixels that have eight neighbours; (B, C, H, W) leaves two (B, C, H - 2, W - 2)."""
    above, middle, below = image[:, :, :-2], image[:, :, 1:-1], image[:, :, 2:]
    smooth = torch.add(above + below, middle, alpha=2)  # (1, 2, 1) down the columns
    slope = below - above  # (-1, 0, 1) down the columns
    x = smooth[..., 2:] - smooth[..., :-2]
    y = torch.add(slope[..., :-2] + slope[..., 2:], slope[..., 1:-1], alpha=2)
    return x / 8, y / 8


def spot_and_lines(image: Tensor, border: str = "reflect") -> Tensor:
    """Responses to the spot kernel and to the line kernels at 0, 45, 90 and 135 degrees.

    Args:
        image: (B, 1, H, W), grey, floating point.
        border: What lies outside, see `borders`.

    Returns:
        (B, 5, H, W): spot, then the four lines. Kernels are divided by their norm, so that white noise excites all
        five alike and responses can be compared.

    Raises:
        ValueError: For bad shapes or values, or an unknown border.
    """
    check_tensors(image=(image, "B 1 H W"))
    kernels = [spot_kernel().to(image), *(line_kernel(angle).to(image) for angle in (0, 45, 90, 135))]
    return torch.cat([filter2d(image, kernel / kernel.norm(), border) for kernel in kernels], dim=1)
