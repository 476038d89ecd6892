"""Smoothing that looks before it averages (chapter 5, "gaussian-denoising"): the median and the bilateral filter.

    median      y[p] = the middle one of the values x[q] in a window around p
    bilateral   y[p] = sum over q of w(p, q) x[q] / sum over q of w(p, q)
                w(p, q) = exp(-|p - q|^2 / (2 sigma^2)) exp(-|x[p] - x[q]|^2 / (2 spread^2))

The median throws outliers away and keeps straight edges. The bilateral filter (Tomasi and Manduchi, ICCV 1998) is a
Gaussian blur whose weights also fall with the difference in value, so that it does not average across an edge. Neither
is linear: filtering a sum is not the sum of the filtered pictures, and there is no kernel to look at.

Windows are copied once for each of their n^2 places, as im2col does: clear, and costly in memory for large windows.
scipy.ndimage.median_filter gives the same numbers as the median here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.filters.borders import pad_image
from course_lib.ops.filters.kernels import check_odd


def median_filter(image: Tensor, size: int, border: str = "reflect", *, value: float = 0.0) -> Tensor:
    """The middle value of square windows, each channel by itself.

    Args:
        image: (B, C, H, W), floating point.
        size: Side of the window in pixels, odd.
        border: What lies outside, see `borders`.
        value: For border "constant".

    Returns:
        (B, C, H, W), equal to `scipy.ndimage.median_filter` of each channel.

    Raises:
        ValueError: For bad shapes or values, an even size or an unknown border.
    """
    check_tensors(image=(image, "B C H W"))
    check_odd(size)
    return _neighbours(image, size, border, value).median(dim=2).values


def bilateral_filter(
    image: Tensor, sigma: float, spread: float, *, border: str = "reflect", value: float = 0.0
) -> Tensor:
    """A blur that does not cross edges: neighbours count the less, the farther and the more different they are.

    Args:
        image: (B, C, H, W), floating point; the difference of two pixels is taken over all channels together.
        sigma: Standard deviation in pixels, above 0; windows reach to two of them.
        spread: Standard deviation in values, above 0; large against all differences, it leaves a Gaussian blur.
        border: What lies outside, see `borders`.
        value: For border "constant".

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: For bad shapes or values, a sigma or spread that is not above 0, or an unknown border.
    """
    check_tensors(image=(image, "B C H W"))
    if not (sigma > 0 and spread > 0):
        raise ValueError(f"sigma and spread must be above 0, not {sigma} and {spread}")
    size = 2 * round(2 * sigma) + 1
    around = _neighbours(image, size, border, value)  # (B, C, n^2, H, W)
    away = torch.arange(size, dtype=image.dtype, device=image.device) - size // 2
    distance = (away[:, None] ** 2 + away**2).reshape(-1, 1, 1)
    contrast = (around - image[:, :, None]).square().sum(dim=1)  # (B, n^2, H, W)
    weight = torch.exp(-distance / (2 * sigma**2) - contrast / (2 * spread**2))
    return (weight[:, None] * around).sum(dim=2) / weight.sum(dim=1)[:, None]


def _neighbours(image: Tensor, size: int, border: str, value: float) -> Tensor:
    """The pixels around each pixel, (B, C, n^2, H, W)."""
    padded = pad_image(image, size // 2, size // 2, border=border, value=value)
    return padded.unfold(2, size, 1).unfold(3, size, 1).flatten(4).movedim(4, 2)
