"""Colour spaces (chapter 4, "colour-spaces"): the same colours in other coordinates, batched and differentiable.

    sRGB -> linear RGB   c / 12.92  or  ((c + 0.055) / 1.055)^2.4       what a file stores -> amount of light
    linear RGB -> XYZ    a 3 x 3 matrix (primaries of BT.709, white D65)
    XYZ -> LMS           a 3 x 3 matrix (Hunt, Pointer and Estevez, D65)  answers of the three kinds of cones
    XYZ -> Lab           L = 116 f(Y/Yn) - 16, a = 500 (f(X/Xn) - f(Y/Yn)), b = 200 (f(Y/Yn) - f(Z/Zn)), f a cube root
    sRGB -> YCbCr        a matrix on the stored values (BT.601, full range as in JPEG), Cb and Cr around 0.5
    sRGB -> CMYK         K = 1 - max(R, G, B), C = (1 - R - K) / (1 - K), ...    the naive ink model

Pictures are (B, 3, H, W); sRGB lies in [0, 1], L in [0, 100], a and b roughly in [-110, 110]. Nothing is clipped:
a colour that a screen cannot show comes back below 0 or above 1, and the caller decides. Negative light is converted
by the straight line near 0. XYZ, Lab and the YCbCr matrix agree with scikit-image's (CIE 1931, 2 degrees, D65).
Lab needs a dozen steps; large pictures take them strip by strip, so that what lies between stays in the cache.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors

RGB_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
XYZ_TO_LMS = ((0.4002, 0.7076, -0.0808), (-0.2263, 1.1653, 0.0457), (0.0, 0.0, 0.9182))
RGB_TO_YCBCR = ((0.299, 0.587, 0.114), (-0.299 / 1.772, -0.587 / 1.772, 0.5), (0.5, -0.587 / 1.402, -0.114 / 1.402))
WHITE = (0.95047, 1.0, 1.08883)  # XYZ of D65
KNEE = 6 / 29  # where Lab's cube root gives way to a straight line
STRIP = 2**19  # values converted at a time


def in_strips(convert: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Let a conversion of single pixels (B, C, H, W) work on strips of rows; the result is the same."""

    @functools.wraps(convert)
    def by_rows(image: Tensor) -> Tensor:
        if not isinstance(image, Tensor) or image.ndim != 4 or image.numel() <= STRIP:
            return convert(image)
        rows = max(1, STRIP * image.shape[2] // image.numel())
        return torch.cat([convert(strip) for strip in image.split(rows, 2)], 2)

    return by_rows


def srgb_to_linear(rgb: Tensor) -> Tensor:
    """Amounts of light from stored values: undo the gamma curve of sRGB.

    Args:
        rgb: (B, C, H, W), [0, 1].

    Returns:
        The same shape, [0, 1].

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(rgb=(rgb, "B C H W"))
    bright = ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(rgb > 0.04045, bright, rgb / 12.92)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Stored values from amounts of light; the inverse of `srgb_to_linear`.

    Args:
        linear: (B, C, H, W), [0, 1].

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(linear=(linear, "B C H W"))
    bright = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear > 0.0031308, bright, 12.92 * linear)


def rgb_to_xyz(rgb: Tensor) -> Tensor:
    """sRGB (B, 3, H, W) to CIE XYZ, Y from 0 (black) to 1 (white). Raises ValueError for bad shapes or values."""
    check_tensors(rgb=(rgb, "B 3 H W"))
    return apply_matrix(srgb_to_linear(rgb), RGB_TO_XYZ)


def xyz_to_rgb(xyz: Tensor) -> Tensor:
    """CIE XYZ (B, 3, H, W) to sRGB, not clipped. Raises ValueError for bad shapes or values."""
    check_tensors(xyz=(xyz, "B 3 H W"))
    return linear_to_srgb(apply_matrix(xyz, RGB_TO_XYZ, inverse=True))


def rgb_to_lms(rgb: Tensor) -> Tensor:
    """sRGB (B, 3, H, W) to cone answers; white gives about (1, 1, 1). Raises ValueError for bad shapes or values."""
    return apply_matrix(rgb_to_xyz(rgb), XYZ_TO_LMS)


def lms_to_rgb(lms: Tensor) -> Tensor:
    """Cone answers (B, 3, H, W) to sRGB, not clipped. Raises ValueError for bad shapes or values."""
    check_tensors(lms=(lms, "B 3 H W"))
    return xyz_to_rgb(apply_matrix(lms, XYZ_TO_LMS, inverse=True))


@in_strips
def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB (B, 3, H, W) to CIE L*a*b*: lightness 0 to 100, green-red a, blue-yellow b.

    Equal to `skimage.color.rgb2lab` to 2e-4; that one rounds the constants for dark values.

    Raises:
        ValueError: For bad shapes or values.
    """
    t = rgb_to_xyz(rgb) / _white(rgb)
    f = torch.where(t > KNEE**3, t.clamp(min=KNEE**3) ** (1 / 3), t / (3 * KNEE**2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


@in_strips
def lab_to_rgb(lab: Tensor) -> Tensor:
    """CIE L*a*b* (B, 3, H, W) to sRGB, not clipped. Raises ValueError for bad shapes or values."""
    check_tensors(lab=(lab, "B 3 H W"))
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], 1)
    return xyz_to_rgb(torch.where(f > KNEE, f**3, 3 * KNEE**2 * (f - 4 / 29)) * _white(lab))


def delta_e(lab: Tensor, other: Tensor) -> Tensor:
    """Colour difference CIE 1976: the distance in Lab; about 2.3 is just noticeable.

    Args:
        lab: (B, 3, H, W) L*a*b*.
        other: The same shape.

    Returns:
        (B, H, W), 0 or more.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(lab=(lab, "B 3 H W"), other=(other, "B 3 H W"))
    return torch.linalg.vector_norm(lab - other, dim=1)


def rgb_to_ycbcr(rgb: Tensor) -> Tensor:
    """sRGB (B, 3, H, W) to brightness Y and two colour differences Cb, Cr, all in [0, 1] (JPEG's full range).

    `skimage.color.rgb2ycbcr` squeezes them for television: 16 + 219 Y and 16 + 224 Cb.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(rgb=(rgb, "B 3 H W"))
    return apply_matrix(rgb, RGB_TO_YCBCR).add_(rgb.new_tensor([0, 0.5, 0.5]).view(3, 1, 1))


def ycbcr_to_rgb(ycbcr: Tensor) -> Tensor:
    """Y, Cb, Cr (B, 3, H, W) in [0, 1] to sRGB, not clipped. Raises ValueError for bad shapes or values."""
    check_tensors(ycbcr=(ycbcr, "B 3 H W"))
    return apply_matrix(ycbcr - ycbcr.new_tensor([0, 0.5, 0.5]).view(3, 1, 1), RGB_TO_YCBCR, inverse=True)


def rgb_to_cmyk(rgb: Tensor) -> Tensor:
    """sRGB (B, 3, H, W) in [0, 1] to amounts of cyan, magenta, yellow and black ink, (B, 4, H, W) in [0, 1].

    As much black as possible; a black pixel has no coloured ink.

    Raises:
        ValueError: For bad shapes or values, or values outside [0, 1], of which no ink can be given.
    """
    check_tensors(rgb=(rgb, "B 3 H W"))
    if rgb.min() < 0 or rgb.max() > 1:
        raise ValueError(f"rgb must lie in [0, 1], not between {float(rgb.min()):.3g} and {float(rgb.max()):.3g}")
    brightest = rgb.amax(1, keepdim=True)
    lit = brightest > 0
    ink = torch.where(lit, 1 - rgb / torch.where(lit, brightest, 1), 0)
    return torch.cat([ink, 1 - brightest], 1)


def cmyk_to_rgb(cmyk: Tensor) -> Tensor:
    """Inks (B, 4, H, W) to sRGB: (1 - C)(1 - K) and so on. Raises ValueError for bad shapes or values."""
    check_tensors(cmyk=(cmyk, "B 4 H W"))
    return (1 - cmyk[:, :3]) * (1 - cmyk[:, 3:])


def apply_matrix(image: Tensor, matrix: tuple, inverse: bool = False) -> Tensor:
    """Multiply each pixel's three values by a 3 x 3 matrix, or by its inverse.

    Args:
        image: (B, 3, H, W).
        matrix: Three rows of three numbers.
        inverse: Whether the inverse is meant.
    """
    m = torch.tensor(matrix, dtype=torch.float64)
    m = (torch.linalg.inv(m) if inverse else m).to(image)
    return torch.matmul(m, image.flatten(2)).unflatten(2, image.shape[2:])  # (B, 3, H, W)


def _white(like: Tensor) -> Tensor:
    return like.new_tensor(WHITE).view(3, 1, 1)
