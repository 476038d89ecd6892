"""A spectral line in a magnetic field: the forward model of chapter 9's inversion ("physics-inversion").

Milne-Eddington: the source function grows linearly with optical depth, the rest does not change with it. With the field
along the line of sight, light of the two circular polarisations passes independently (Unno 1956), and

    I + V = s(x - x_D - x_B),   I - V = s(x - x_D + x_B),     s(y) = 1 - b + b / (1 + eta exp(-(y / w)^2))

    x      wavelength from the line's centre, pm                continuum: I = 1, V = 0
    x_D    = lambda v / c, shift by the velocity v              2.10 pm for 1 km/s, away from us is positive
    x_B    = 4.67e-15 g lambda^2 B, splitting by the field B    4.64 pm for 1000 G; lambda in pm
    eta    strength: absorption of the line over that of the continuum;  w: its width;  b: share of the gradient, 0.8

The line is iron's at 630.25 nm with g = 2.5, which the Hinode satellite observes. Where x_B is small against w, V is
about -x_B dI/dx. Textbook: del Toro Iniesta, "Introduction to Spectropolarimetry", 2003. On purpose simpler: b is
known, the line's profile is a Gaussian and not a Voigt profile, and there is no field across the line of sight.
Parameters are (..., 4) in the order of PARAMETERS, spectra (..., 2, S): I, then V, at S wavelengths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes, check_tensors

PARAMETERS = ("strength", "velocity", "width", "field")
UNITS = ("", "km/s", "pm", "G")
LOW, HIGH = (1.0, -3.0, 2.5, -2000.0), (12.0, 3.0, 6.0, 2000.0)  # from where to where parameters are drawn
LINE, LANDE, GRADIENT = 630_250.0, 2.5, 0.8  # lambda in pm, g, b
SHIFT = LINE / 299_792.458  # pm for 1 km/s
SPLIT = 4.67e-15 * LANDE * LINE**2  # pm for 1 G


def wavelengths(count: int = 41, reach: float = 30.0, *, dtype: torch.dtype = torch.float64,
                device: torch.device | str = "cpu") -> Tensor:  # fmt: skip
    """Evenly spaced wavelengths from -reach to reach, in pm from the line's centre: (count,)."""
    check_positive(count=count, reach=reach)
    return torch.linspace(-reach, reach, count, dtype=dtype, device=device)


def stokes_profiles(parameters: Tensor, x: Tensor) -> Tensor:
    """What a spectrograph would see without noise.

    Args:
        parameters: (..., 4): strength, velocity in km/s, width in pm and field in G; the width is not 0.
        x: (S,) wavelengths from the line's centre, pm.

    Returns:
        (..., 2, S): intensity I, 1 in the continuum, and circular polarisation V in the same unit.

    Raises:
        ValueError: For other shapes or kinds.
    """
    check_shapes(parameters=(parameters, "... 4"), x=(x, "S"))
    right, left = rays(parameters[..., None].unbind(-2), x, torch.exp)
    return torch.stack([(right + left) / 2, (right - left) / 2], dim=-2)


def stokes_jacobian(parameters: Tensor, x: Tensor) -> Tensor:
    """How the spectrum changes with each parameter.

    Args:
        parameters, x: As in `stokes_profiles`.

    Returns:
        (..., 2, S, 4).

    Raises:
        ValueError: For other shapes or kinds.
    """
    check_shapes(parameters=(parameters, "... 4"), x=(x, "S"))
    right, left = ray_slopes(parameters[..., None].unbind(-2), x, torch.exp)
    columns = [torch.stack([(a + b) / 2, (a - b) / 2], dim=-2) for a, b in zip(right, left, strict=True)]
    return torch.stack(columns, dim=-1)


def cramer_rao_bound(parameters: Tensor, x: Tensor, noise: float) -> Tensor:
    """The least standard deviation that an unbiased estimate from one spectrum can have.

    With white noise of standard deviation sigma the Fisher information is J^T J / sigma^2; the bound is the square
    root of the diagonal of its inverse.

    Args:
        parameters: (..., 4).
        x: (S,) pm.
        noise: sigma, in units of the continuum, the same for I and V.

    Returns:
        (..., 4), in the units of the parameters.

    Raises:
        ValueError: For other shapes or values.
    """
    check_tensors(parameters=(parameters, "... 4"), x=(x, "S"))
    check_positive(noise=noise)
    slopes = stokes_jacobian(parameters, x).flatten(-3, -2) / noise  # (..., 2 S, 4)
    scale = torch.linalg.vector_norm(slopes, dim=-2, keepdim=True)  # columns of length 1 keep the inverse accurate
    unit = slopes / scale
    return torch.linalg.inv(unit.mT @ unit).diagonal(dim1=-2, dim2=-1).sqrt() / scale.squeeze(-2)


def rays(parameters: Any, x: Any, exp: Callable) -> tuple[Any, Any]:
    """I + V and I - V of four parameters that broadcast against x; for tensors and, with numpy's exp, for arrays."""
    strength, velocity, width, field = parameters
    middle = x - SHIFT * velocity
    shapes = (strength * exp(-(((middle - sign * SPLIT * field) / width) ** 2)) for sign in (1, -1))
    right, left = (1 - GRADIENT + GRADIENT / (1 + shape) for shape in shapes)
    return right, left


def ray_slopes(parameters: Any, x: Any, exp: Callable) -> tuple[list[Any], list[Any]]:
    """Derivatives of I + V and of I - V with regard to strength, velocity, width and field, each."""
    strength, velocity, width, field = parameters
    found = []
    for sign in (1, -1):
        y = (x - SHIFT * velocity - sign * SPLIT * field) / width
        shape = exp(-(y**2))
        steep = -GRADIENT / (1 + strength * shape) ** 2 * shape  # ds / d eta
        along = -2 * strength * steep * y / width  # ds / dx
        found.append([steep, -SHIFT * along, -y * along, -sign * SPLIT * along])
    return found[0], found[1]
