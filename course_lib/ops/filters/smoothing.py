"""Smoothing (chapter 5, "box-filter" and "gaussian-filter").

    box, running sums   S[i] = x[0] + ... + x[i-1];   mean of a window of n = (S[i + n] - S[i]) / n
    gaussian            a row filter, then a column filter

The running sums of a row cost one addition a pixel and each window one subtraction, whatever its size. Sums are kept
in float64 where the device has it, because a difference of large sums loses digits. Sums run along rows only, where
the pixels lie side by side in memory: the picture is turned for the columns, and taken in strips that fit the cache.
The Gaussian is the outer product of two 1-D ones; scipy.ndimage.gaussian_filter gives the same numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.filters.apply import filter_separable
from course_lib.ops.filters.borders import pad_image
from course_lib.ops.filters.kernels import check_odd, gaussian_kernel

STRIP = 2**17  # values summed at a time


def box_filter(image: Tensor, size: int, border: str = "reflect", *, value: float = 0.0) -> Tensor:
    """Mean over square windows by running sums; the cost does not depend on the window's size.

    Args:
        image: (B, C, H, W), floating point.
        size: Side of the window in pixels, odd.
        border: What lies outside, see `borders`.
        value: For border "constant".

    Returns:
        (B, C, H, W), equal to `scipy.ndimage.uniform_filter` of each channel.

    Raises:
        ValueError: For bad shapes or values, an even size or an unknown border.
    """
    check_tensors(image=(image, "B C H W"))
    check_odd(size)
    wide = torch.float32 if image.device.type == "mps" else torch.float64
    means = image
    for dtype in (wide, image.dtype):  # along the rows, turn; along what were columns, turn back
        padded = pad_image(means, 0, size // 2, border=border, value=value)
        strips = padded.split(max(1, STRIP * padded.shape[2] // max(padded.numel(), 1)), 2)
        means = torch.cat([running_mean(strip.to(wide), size).to(dtype).mT for strip in strips], 3)
    return means


def running_mean(signal: Tensor, size: int, dim: int = -1) -> Tensor:
    """Mean of each run of `size` neighbours along a dimension; n values leave n - size + 1."""
    sums = torch.cumsum(signal, dim)
    length = signal.shape[dim] - size
    first = sums.narrow(dim, size - 1, 1)
    others = sums.narrow(dim, size, length) - sums.narrow(dim, 0, length)
    return torch.cat([first, others], dim) / size


def gaussian_filter(
    image: Tensor, sigma: float, border: str = "reflect", *, value: float = 0.0, truncate: float = 4.0
) -> Tensor:
    """Gaussian blur, separable.

    Args:
        image: (B, C, H, W), floating point.
        sigma: Standard deviation in pixels, above 0.
        border: What lies outside, see `borders`.
        value: For border "constant".
        truncate: Where the bell is cut off, in standard deviations.

    Returns:
        (B, C, H, W), equal to `scipy.ndimage.gaussian_filter` of each channel.

    Raises:
        ValueError: For bad shapes or values, or an unknown border.
    """
    check_tensors(image=(image, "B C H W"))
    bell = gaussian_kernel(sigma, truncate, image.dtype, device=image.device)
    return filter_separable(image, bell, bell, border=border, value=value)
