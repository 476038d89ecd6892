"""Made-up observations: parameters, their spectra, noise (chapter 9, "physics-inversion").

Single pixels draw each parameter evenly between LOW and HIGH of `line`. A map is smooth, as the sun's surface is: white
noise blurred with a Gaussian, its values brought to the same even distribution by u = Phi(z). White noise of one
standard deviation is added to I and V: nearly the photon noise of a bright continuum.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.inversion.line import HIGH, LOW, stokes_profiles
from course_lib.ops.filters.smoothing import gaussian_filter


def sample_parameters(count: int, *, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Tensor:
    """Draw parameters evenly between LOW and HIGH.

    Args:
        count: N.
        generator: Source of the numbers; the parameters are on its device.
        dtype: Of the parameters.

    Returns:
        (N, 4).
    """
    check_positive(count=count)
    return from_unit(torch.rand(count, 4, generator=generator, dtype=dtype, device=generator.device))


def parameter_maps(size: int | tuple[int, int], *, sigma: float = 4.0, generator: torch.Generator,
                   dtype: torch.dtype = torch.float64) -> Tensor:  # fmt: skip
    """Draw smooth maps of the four parameters, independent of each other.

    Args:
        size: Height and width, or one number for a square.
        sigma: Standard deviation of the blur, pixels, above 0.
        generator: Source of the numbers; the maps are on its device.
        dtype: Of the maps.

    Returns:
        (H, W, 4).
    """
    height, width = (size, size) if isinstance(size, int) else size
    check_positive(height=height, width=width, sigma=sigma)
    noise = torch.randn(4, 1, height, width, generator=generator, dtype=dtype, device=generator.device)
    smooth = gaussian_filter(noise, sigma, border="wrap").squeeze(1)  # (4, H, W)
    z = (smooth - smooth.mean((1, 2), keepdim=True)) / smooth.std((1, 2), keepdim=True)
    return from_unit(torch.special.ndtr(z).permute(1, 2, 0))


def observe(parameters: Tensor, x: Tensor, noise: float = 0.01, *, generator: torch.Generator) -> Tensor:
    """Spectra with noise.

    Args:
        parameters: (..., 4).
        x: (S,) wavelengths, pm.
        noise: Standard deviation in units of the continuum, above 0.
        generator: Source of the noise.

    Returns:
        (..., 2, S).
    """
    check_positive(noise=noise)
    clean = stokes_profiles(parameters, x)
    return clean + noise * torch.randn(clean.shape, generator=generator, dtype=clean.dtype, device=clean.device)


def to_unit(parameters: Tensor) -> Tensor:
    """Parameters (..., 4) as shares of the way from LOW to HIGH."""
    low, high = (torch.tensor(ends, dtype=parameters.dtype, device=parameters.device) for ends in (LOW, HIGH))
    return (parameters - low) / (high - low)


def from_unit(shares: Tensor) -> Tensor:
    """What `to_unit` undoes."""
    low, high = (torch.tensor(ends, dtype=shares.dtype, device=shares.device) for ends in (LOW, HIGH))
    return low + shares * (high - low)
