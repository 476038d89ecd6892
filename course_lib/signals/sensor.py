"""What a camera's sensor counts, and how a picture is made of it (chapter 4, "light-and-eye").

    photon noise    n ~ Poisson(w I), read with Gaussian noise of r electrons; I' = n / w; variance I / w + (r / w)^2
    mosaic          one colour a pixel, in squares R G over G B (Bayer, US patent 3,971,065, 1976)
    demosaic        the mean of the known neighbours under the triangle [1 2 1]^T [1 2 1], colour by colour
    grey world      gains that make the means of red, green and blue equal; von Kries' idea, one gain a colour

All of it happens in linear light, before the curve of sRGB. w, the full well, is how many electrons white stands for.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.ops.filters import filter_normalised


def count_photons(light: Tensor, full_well: float, read_noise: float = 0.0, *, generator: torch.Generator) -> Tensor:
    """What a sensor reports of linear light, with the noise of counting and of reading.

    Args:
        light: Any shape, linear, 0 or more; 1 fills the well.
        full_well: Electrons at 1.
        read_noise: Standard deviation of reading, in electrons.
        generator: On the device of `light`.

    Returns:
        The same shape, in units of `light`. Not clipped: dark pixels may come out below 0.

    Raises:
        ValueError: For bad values, negative light or noise, or a well that is not above 0.
    """
    check_tensors(light=(light, "..."))
    check_positive(full_well=full_well)
    if light.min() < 0 or read_noise < 0:
        raise ValueError(f"light and read_noise must be 0 or more, not {float(light.min()):.3g} and {read_noise!r}")
    counted = torch.poisson(light * full_well, generator=generator)
    reading = torch.randn(light.shape, generator=generator, dtype=light.dtype, device=light.device)
    return (counted + read_noise * reading) / full_well


def bayer_masks(height: int, width: int) -> Tensor:
    """Which colour each pixel of a sensor sees, in squares of R G over G B.

    Args:
        height, width: Pixels, at least 2.

    Returns:
        (3, H, W) float32, 1 where the colour is measured; each pixel has one.

    Raises:
        ValueError: For fewer than 2 pixels a side.
    """
    if min(height, width) < 2:
        raise ValueError(f"height and width must be at least 2 pixels, not {height} and {width}")
    masks = torch.zeros(3, height, width)
    masks[0, 0::2, 0::2] = 1
    masks[1, 0::2, 1::2] = 1
    masks[1, 1::2, 0::2] = 1
    masks[2, 1::2, 1::2] = 1
    return masks


def mosaic(image: Tensor) -> Tensor:
    """Keep the one colour of each pixel that a sensor with Bayer's filter measures.

    Args:
        image: (B, 3, H, W), RGB in linear light.

    Returns:
        (B, 1, H, W).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(image=(image, "B 3 H W"))
    return (image * bayer_masks(*image.shape[2:]).to(image)).sum(1, keepdim=True)


def demosaic(raw: Tensor) -> Tensor:
    """Fill in the two missing colours of each pixel: bilinear interpolation, each colour by itself.

    Args:
        raw: (B, 1, H, W) from `mosaic`, at least 2 pixels a side.

    Returns:
        (B, 3, H, W). Measured values are kept; others are the mean of the two or four nearest of their colour.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(raw=(raw, "B 1 H W"))
    masks = bayer_masks(*raw.shape[2:]).to(raw)
    triangle = raw.new_tensor([1.0, 2.0, 1.0])
    kernel = triangle[:, None] * triangle
    filled = [filter_normalised(raw, kernel, mask.expand_as(raw)) for mask in masks]
    return torch.where(masks > 0, raw, torch.cat(filled, 1))


def grey_world(image: Tensor) -> Tensor:
    """White balance: one gain a colour, so that red, green and blue have the mean of green.

    Args:
        image: (B, 3, H, W), RGB in linear light, each colour with a mean above 0.

    Returns:
        The same shape; may exceed 1.

    Raises:
        ValueError: For bad shapes or values, or a colour that is missing.
    """
    check_tensors(image=(image, "B 3 H W"))
    means = image.mean((2, 3), keepdim=True)
    if means.min() <= 0:
        raise ValueError(f"each colour needs a mean above 0, but the smallest is {float(means.min()):.3g}")
    return image * (means[:, 1:2] / means)
