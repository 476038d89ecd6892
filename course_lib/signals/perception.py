"""What the eye can tell apart (chapter 4, "light-and-eye"): contrast, steps of grey, spatial frequency.

    Weber contrast      (I - I_0) / I_0                 a step of about 1 % is just seen over a wide range of light
    quantise            round((2^b - 1) x) / (2^b - 1)  b bits
    sensitivity         S(f) = 2.6 (0.0192 + 0.114 f) exp(-(0.114 f)^1.1), f in cycles per degree

The last is the contrast sensitivity function of Mannos and Sakrison (1974), scaled to a peak of about 1 near 8 cycles
per degree. One over the sensitivity is the smallest contrast that is seen, up to a factor that depends on the viewer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def weber_contrast(intensity: Tensor, background: Tensor) -> Tensor:
    """Relative difference from the background, (I - I_0) / I_0.

    Args:
        intensity: Any shape, linear light.
        background: The same shape, above 0.

    Raises:
        ValueError: For bad values, shapes that differ, or a background that is not above 0.
    """
    check_tensors(intensity=(intensity, "..."), background=(background, "..."))
    if intensity.shape != background.shape:
        raise ValueError(f"intensity is {tuple(intensity.shape)} but background {tuple(background.shape)}")
    if background.min() <= 0:
        raise ValueError(f"background must be above 0, but its smallest value is {float(background.min()):.3g}")
    return (intensity - background) / background


def quantise(values: Tensor, bits: int) -> Tensor:
    """Round values in [0, 1] to 2^bits equal steps.

    Args:
        values: Any shape, [0, 1]; what is outside is clipped first.
        bits: 1 to 16.

    Returns:
        The same shape; multiples of 1 / (2^bits - 1). No gradient passes: rounding is flat almost everywhere.

    Raises:
        ValueError: For bad values or a number of bits that is not 1 to 16.
    """
    check_tensors(values=(values, "..."))
    if bits not in range(1, 17):
        raise ValueError(f"bits must be an integer from 1 to 16, not {bits!r}")
    top = 2**bits - 1
    return torch.round(values.clamp(0, 1) * top) / top


def contrast_sensitivity(frequency: Tensor) -> Tensor:
    """Sensitivity of the average eye to a grating, relative to its peak (Mannos and Sakrison, 1974).

    Args:
        frequency: Any shape, cycles per degree, 0 or more.

    Returns:
        The same shape, 0 to about 1.

    Raises:
        ValueError: For bad values or a negative frequency.
    """
    check_tensors(frequency=(frequency, "..."))
    if frequency.min() < 0:
        raise ValueError(f"frequency must be 0 or more cycles per degree, not {float(frequency.min()):.3g}")
    scaled = 0.114 * frequency
    return 2.6 * (0.0192 + scaled) * torch.exp(-(scaled**1.1))


def campbell_robson(
    height: int, width: int, frequencies: tuple[float, float], *, contrasts: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor]:
    """The contrast-sensitivity chart: frequency grows to the right, contrast grows downwards, both in equal ratios.

    Args:
        height: Rows H.
        width: Columns W.
        frequencies: Cycles per picture width at the left and right edges.
        contrasts: Contrast at the top and bottom rows, above 0 and up to 1.

    Returns:
        The chart (H, W) in [0, 1] around 0.5; local frequency (W,) in cycles per width; contrast (H,).

    Raises:
        ValueError: For numbers that are not above 0, or a frequency beyond half the columns.
    """
    check_positive(height=height, width=width, left=frequencies[0], right=frequencies[1],
                   top=contrasts[0], bottom=contrasts[1])  # fmt: skip
    if max(frequencies) > width / 2:
        raise ValueError(f"{width} columns show at most {width / 2:g} cycles a width, not {max(frequencies):g}")
    x = (torch.arange(width) + 0.5) / width
    growth = torch.tensor(frequencies[1] / frequencies[0])
    local = frequencies[0] * growth**x
    phase = frequencies[0] * (growth**x - 1) / growth.log() if growth != 1 else frequencies[0] * x
    y = torch.arange(height) / max(height - 1, 1)
    contrast = contrasts[0] * torch.tensor(contrasts[1] / contrasts[0]) ** y
    return 0.5 + 0.5 * contrast[:, None] * torch.sin(2 * torch.pi * phase), local, contrast
