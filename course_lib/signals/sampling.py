"""Sampling and aliasing (chapter 4, "sampling-aliasing").

    alias       a wave of f cycles per sample looks like f - round(f): the nearest whole number is lost
    subsample   keep every n-th pixel; with a Gaussian of sigma = 0.5 sqrt(n^2 - 1) before, so that little is left
                above the new limit of 1 / (2 n) cycles per old pixel

Frequencies are in cycles per sample: 0.5, a wave of two samples, is the highest that samples can hold (Nyquist).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.ops.filters import gaussian_filter


def alias_frequency(frequency: Tensor, rate: float = 1.0) -> Tensor:
    """The frequency that samples taken at a rate seem to have: folded to [-rate / 2, rate / 2).

    Args:
        frequency: Any shape, cycles per unit (of length or time), of either sign.
        rate: Samples per unit.

    Returns:
        The same shape. A negative frequency runs backwards; for pictures, whose waves have no direction, take abs().

    Raises:
        ValueError: For bad values or a rate that is not above 0.
    """
    check_tensors(frequency=(frequency, "..."))
    check_positive(rate=rate)
    return frequency - rate * torch.floor(frequency / rate + 0.5)


def peak_frequency(signal: Tensor) -> Tensor:
    """The frequency of the strongest wave in each row of samples, by FFT with a parabola through the peak.

    Args:
        signal: (B, N), N at least 8.

    Returns:
        (B,) cycles per sample, from 0 to 0.5.

    Raises:
        ValueError: For bad shapes or values, or fewer than 8 samples.
    """
    check_tensors(signal=(signal, "B N"))
    if signal.shape[1] < 8:
        raise ValueError(f"signal must have at least 8 samples a row, not {signal.shape[1]}")
    n = signal.shape[1]
    window = torch.hann_window(n, dtype=signal.dtype, device=signal.device)
    spectrum = torch.fft.rfft((signal - signal.mean(1, keepdim=True)) * window, 4 * n, dim=1).abs()  # (B, 2 N + 1)
    top = spectrum.argmax(1, keepdim=True)
    inner = top.clamp(1, spectrum.shape[1] - 2)
    left, mid, right = (spectrum.gather(1, inner + k).clamp(min=1e-12).log() for k in (-1, 0, 1))
    offset = 0.5 * (left - right) / (left - 2 * mid + right).clamp(max=-1e-12)
    place = torch.where(top == inner, inner + offset.clamp(-0.5, 0.5), top.to(signal.dtype))
    return place[:, 0] / (4 * n)


def subsample(image: Tensor, factor: int, prefilter: bool = True) -> Tensor:
    """Keep every factor-th row and column.

    Args:
        image: (B, C, H, W).
        factor: At least 1.
        prefilter: Blur first with a Gaussian of sigma = 0.5 sqrt(factor^2 - 1) pixels.

    Returns:
        (B, C, ceil(H / factor), ceil(W / factor)).

    Raises:
        ValueError: For bad shapes or values, or a factor that is not a whole number of at least 1.
    """
    check_tensors(image=(image, "B C H W"))
    if not isinstance(factor, int) or factor < 1:
        raise ValueError(f"factor must be an integer of at least 1, not {factor!r}")
    if prefilter and factor > 1:
        image = gaussian_filter(image, 0.5 * math.sqrt(factor**2 - 1))
    return image[:, :, ::factor, ::factor]


def zone_plate(size: int, device: str | torch.device = "cpu") -> Tensor:
    """Rings whose frequency grows from 0 in the centre to 0.5 cycles per pixel at the middle of each edge.

    Args:
        size: Pixels a side, at least 8.

    Returns:
        (1, 1, size, size) in [0, 1].

    Raises:
        ValueError: For a size below 8.
    """
    if size < 8:
        raise ValueError(f"size must be at least 8 pixels, not {size}")
    x = torch.arange(size, dtype=torch.float64, device=device) - (size - 1) / 2
    phase = math.pi * (x[:, None] ** 2 + x[None] ** 2) / size  # d phase / dx = 2 pi x / size
    return (0.5 + 0.5 * torch.cos(phase)).to(torch.float32)[None, None]
