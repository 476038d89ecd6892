"""Matching costs (chapter 4, "stereo"): how badly the left pixel (x, y) fits the right pixel (x - d, y).

    SAD      mean over channels of |I_l(x, y) - I_r(x - d, y)|                   0 to 1, per pixel
    ZNCC     1 - correlation of the two windows after mean and contrast are taken out     0 to 2, per window
    census   number of neighbours whose "darker than the centre?" differs         Hamming distance / neighbours, 0 to 1

All give a cost volume (B, D, H, W) for disparities d = 0 ... D - 1. Where x - d lies outside, the right picture is
continued by its first column. SAD trusts brightness itself; ZNCC survives gain and offset; census survives every
change that keeps the order of brightness in a window (Zabih and Woodfill, 1994).
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.filters import filter_separable, pad_image


def check_pair(left: Tensor, right: Tensor, disparities: int) -> None:
    """Both pictures (B, C, H, W) of one size, 1 to W disparities."""
    check_tensors(left=(left, "B C H W"), right=(right, "B C H W"))
    if not isinstance(disparities, int) or not 1 <= disparities <= left.shape[3]:
        raise ValueError(f"disparities must be an integer from 1 to the width {left.shape[3]}, not {disparities!r}")


def check_window(size: int) -> None:
    """Windows have a centre."""
    if not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise ValueError(f"size must be an odd integer of at least 1, not {size!r}")


def shift_right(image: Tensor, d: int) -> Tensor:
    """What stands at x - d, for each x; the first column goes on to the left. Any (..., W)."""
    if d == 0:
        return image
    return torch.cat([image[..., :1].expand(*image.shape[:-1], d), image[..., :-d]], -1)


def box_mean(image: Tensor, size: int) -> Tensor:
    """Mean over size x size windows of (B, C, H, W), mirrored borders; two passes, in the picture's own precision.

    A few channels at a time, so that what lies between the passes stays in the cache.
    """
    ones = torch.full((size,), 1 / size, dtype=image.dtype, device=image.device)
    parts = image.split(max(1, 2**19 // image[:, 0].numel()), 1)
    return torch.cat([filter_separable(part, ones, ones) for part in parts], 1)


def sad_cost(left: Tensor, right: Tensor, disparities: int) -> Tensor:
    """Absolute difference of single pixels; aggregate it over windows afterwards.

    Args:
        left, right: (B, C, H, W) rectified pictures.
        disparities: D, 1 to W.

    Returns:
        (B, D, H, W), 0 or more.

    Raises:
        ValueError: For bad shapes or values, or a D that does not fit.
    """
    check_pair(left, right, disparities)
    return torch.stack([(left - shift_right(right, d)).abs().mean(1) for d in range(disparities)], 1)


def zncc_cost(left: Tensor, right: Tensor, disparities: int, *, size: int = 9) -> Tensor:
    """One minus the zero-mean normalised cross-correlation of size x size windows, channels together.

    Args:
        left, right: (B, C, H, W) rectified pictures.
        disparities: D, 1 to W.
        size: Window, odd.

    Returns:
        (B, D, H, W), 0 (equal up to gain and offset) to 2 (inverted); 1 where a window is flat.

    Raises:
        ValueError: For bad shapes or values, a D that does not fit, or an even window.
    """
    check_pair(left, right, disparities)
    check_window(size)
    wide = [image if image.device.type == "mps" else image.double() for image in (left, right)]  # small differences
    (l_mean, l_var), (r_mean, r_var) = (_moments(image, size) for image in wide)
    slices = []
    for d in range(disparities):
        product = box_mean(wide[0] * shift_right(wide[1], d), size)
        covariance = (product - l_mean * shift_right(r_mean, d)).sum(1)
        slices.append((1 - covariance / torch.sqrt(l_var * shift_right(r_var, d))).to(left.dtype))
    return torch.stack(slices, 1).clamp(0, 2)


def _moments(image: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Window means (B, C, H, W) and variances summed over channels (B, H, W), with a floor under them."""
    mean = box_mean(image, size)
    return mean, (box_mean(image * image, size) - mean * mean).clamp(min=0).sum(1) + 1e-6


def census_transform(image: Tensor, height: int = 7, width: int = 9) -> Tensor:
    """Which neighbours are darker than the centre, one bit each.

    Args:
        image: (B, 1, H, W), grey.
        height, width: Window, odd, at most 63 pixels together.

    Returns:
        (B, H, W) int64; bit i is neighbour i in reading order, the centre left out.

    Raises:
        ValueError: For bad shapes or values, or a window that is even or too large.
    """
    check_tensors(image=(image, "B 1 H W"))
    check_window(height)
    check_window(width)
    if not 1 < height * width <= 63:
        raise ValueError(f"a census window has 2 to 63 pixels, not {height} x {width} = {height * width}")
    around = pad_image(image, height // 2, width // 2, border="nearest")[:, 0]
    code, bit = torch.zeros(image[:, 0].shape, dtype=torch.int64, device=image.device), 0
    for i in range(height):
        for j in range(width):
            if (i, j) != (height // 2, width // 2):
                neighbour = around[:, i : i + image.shape[2], j : j + image.shape[3]]
                code |= (neighbour < image[:, 0]).long() << bit
                bit += 1
    return code


def census_cost(left: Tensor, right: Tensor, disparities: int, *, height: int = 7, width: int = 9) -> Tensor:
    """Hamming distance of census codes divided by the number of neighbours. No gradient: comparisons have none.

    Args:
        left, right: (B, C, H, W) rectified pictures; channels are averaged to grey.
        disparities: D, 1 to W.
        height, width: Census window, odd, at most 63 pixels together.

    Returns:
        (B, D, H, W) in [0, 1].

    Raises:
        ValueError: For bad shapes or values, a D that does not fit, or a bad window.
    """
    check_pair(left, right, disparities)
    codes = [census_transform(image.mean(1, keepdim=True), height, width) for image in (left, right)]
    slices = [count_bits(codes[0] ^ shift_right(codes[1], d)) for d in range(disparities)]
    return torch.stack(slices, 1).to(left.dtype) / (height * width - 1)


def count_bits(code: Tensor) -> Tensor:
    """Number of ones in each non-negative int64, by adding neighbouring groups of 1, 2 and 4 bits; int8."""
    code = code - ((code >> 1) & 0x5555555555555555)
    code = (code & 0x3333333333333333) + ((code >> 2) & 0x3333333333333333)
    code = (code + (code >> 4)) & 0x0F0F0F0F0F0F0F0F
    return ((code * 0x0101010101010101) >> 56).to(torch.int8)  # all bytes added up into the highest
