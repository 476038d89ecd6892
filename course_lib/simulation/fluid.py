"""Stable fluids (chapter 1, "data-forms"): a velocity field that moves itself and stays free of divergence.

    advect   f'(x) = f(x - dt u(x))                    follow the flow backwards and look the value up
    diffuse  (1 - nu dt L) f' = f                       L the five-point Laplacian, solved by FFT
    project  u' = u - grad p,  div grad p = div u       what is left neither piles up nor thins out

Stam, "Stable fluids" (SIGGRAPH 1999). Looking up backwards only averages values that exist, so no step can blow up,
however long it is. Derivatives are central differences, and the Poisson equation is solved with exactly their symbols,
so that the divergence after a projection is zero to rounding.

Conventions: one value a cell, cells one pixel wide; velocity (B, 2, H, W) is (right, down) in pixels per unit of time.
"periodic": what leaves on the right enters on the left. "walls": a closed box whose walls let the fluid glide along
them; it is computed as a quarter of a periodic field of twice the size, mirrored.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors

BOUNDARIES = ("periodic", "walls")


def _check(velocity: object, boundary: str, **fields: tuple[object, str]) -> None:
    check_tensors(velocity=(velocity, "B 2 H W"), **fields)
    if boundary not in BOUNDARIES:
        raise ValueError(f"boundary must be one of {', '.join(BOUNDARIES)}, not {boundary!r}")


def _mirror(field: Tensor, odd_axis: int | None) -> Tensor:
    """Double a field (..., H, W) by mirror images below and to the right; along the odd axis they change sign."""
    for axis in (-2, -1):
        image = field.flip(axis)
        field = torch.cat([field, -image if axis == odd_axis else image], axis)
    return field


def _unfold(velocity: Tensor) -> Tensor:
    """A box's velocity as a periodic one of (B, 2, 2H, 2W): a wall turns the velocity across it around."""
    return torch.stack([_mirror(velocity[:, 0], -1), _mirror(velocity[:, 1], -2)], 1)


def divergence(velocity: Tensor, boundary: str = "periodic") -> Tensor:
    """How much flows out of each cell: (u(x+1) - u(x-1) + v(y+1) - v(y-1)) / 2.

    Args:
        velocity: (B, 2, H, W), pixels per unit of time.
        boundary: "periodic" or "walls".

    Returns:
        (B, H, W), per unit of time.

    Raises:
        ValueError: For bad shapes, values or boundary.
    """
    _check(velocity, boundary)
    height, width = velocity.shape[2:]
    u, v = (_unfold(velocity) if boundary == "walls" else velocity).unbind(1)
    whole = (u.roll(-1, -1) - u.roll(1, -1) + v.roll(-1, -2) - v.roll(1, -2)) / 2
    return whole[..., :height, :width]


def project_divergence_free(velocity: Tensor, boundary: str = "periodic") -> Tensor:
    """The part of a velocity field without divergence: subtract the gradient of a pressure.

    In Fourier space a central difference is a product with i sin k: the field loses its part along (sin k_x, sin k_y).

    Args:
        velocity: (B, 2, H, W), pixels per unit of time.
        boundary: "periodic" or "walls".

    Returns:
        (B, 2, H, W), the nearest field with divergence zero; applying it twice changes nothing more.

    Raises:
        ValueError: For bad shapes, values or boundary.
    """
    _check(velocity, boundary)
    height, width = velocity.shape[2:]
    field = _unfold(velocity) if boundary == "walls" else velocity
    rows, columns = field.shape[2:]
    spectrum = torch.fft.rfft2(field)
    s_x = _frequencies(columns, field)[: columns // 2 + 1].sin()[None, :]
    s_y = _frequencies(rows, field).sin()[:, None]
    length = s_x.square() + s_y.square()
    still = length < 1e-9  # the mean flow and the finest checks have no divergence to take away
    share = (s_x * spectrum[:, 0] + s_y * spectrum[:, 1]) / torch.where(still, 1.0, length)
    share = torch.where(still, 0.0, share)
    spectrum = spectrum - torch.stack([s_x * share, s_y * share], 1)
    return torch.fft.irfft2(spectrum, s=(rows, columns))[..., :height, :width]


def _frequencies(cells: int, like: Tensor) -> Tensor:
    """2 pi m / cells for m = 0 ... cells - 1, the angular frequencies of the discrete Fourier transform."""
    return torch.arange(cells, dtype=like.dtype, device=like.device) * (2 * math.pi / cells)


def advect(field: Tensor, velocity: Tensor, dt: float = 1.0, *, boundary: str = "periodic") -> Tensor:
    """Carry a field along with the flow for a time dt: look up, between cells, where each cell's content came from.

    Args:
        field: (B, C, H, W) anything that the fluid carries: dye, heat, its own velocity.
        velocity: (B, 2, H, W), pixels per unit of time.
        dt: Length of the step; any is stable, long ones blur more.
        boundary: "periodic" or "walls": with walls, a look-up outside reads the nearest cell.

    Returns:
        (B, C, H, W), never outside the range that the field had.

    Raises:
        ValueError: For bad shapes or values, another boundary, or dt not above 0.
    """
    _check(velocity, boundary, field=(field, "B C H W"))
    check_positive(dt=dt)
    height, width = field.shape[2:]
    rows = torch.arange(height, dtype=field.dtype, device=field.device)[:, None]
    columns = torch.arange(width, dtype=field.dtype, device=field.device)
    x, y = columns - dt * velocity[:, 0], rows - dt * velocity[:, 1]  # (B, H, W)
    left, top = x.floor(), y.floor()
    across, down = (x - left)[:, None], (y - top)[:, None]

    def cell(dy: int, dx: int) -> Tensor:
        i, j = top.long() + dy, left.long() + dx
        if boundary == "walls":
            i, j = i.clamp(0, height - 1), j.clamp(0, width - 1)
        index = (i.remainder(height) * width + j.remainder(width)).flatten(1)  # (B, H W)
        return field.flatten(2).gather(2, index[:, None].expand(-1, field.shape[1], -1)).view_as(field)

    upper = cell(0, 0) + across * (cell(0, 1) - cell(0, 0))
    lower = cell(1, 0) + across * (cell(1, 1) - cell(1, 0))
    return upper + down * (lower - upper)


def diffuse(velocity: Tensor, amount: float, boundary: str = "periodic") -> Tensor:
    """Friction inside the fluid: an implicit step of the heat equation on both components, stable for any amount.

    Args:
        velocity: (B, 2, H, W).
        amount: Viscosity times time step, pixels squared, at least 0.
        boundary: "periodic" or "walls".

    Returns:
        (B, 2, H, W), smoother; the mean of a periodic field stays.

    Raises:
        ValueError: For bad shapes or values, another boundary, or a negative amount.
    """
    _check(velocity, boundary)
    if not 0 <= amount < math.inf:
        raise ValueError(f"amount must be a finite number of 0 or more, not {amount!r}")
    height, width = velocity.shape[2:]
    field = _unfold(velocity) if boundary == "walls" else velocity
    k_y, k_x = (_frequencies(cells, field) for cells in field.shape[2:])
    roughness = (2 - 2 * k_y.cos())[:, None] + 2 - 2 * k_x.cos()  # minus the five-point Laplacian
    spectrum = torch.fft.fft2(field) / (1 + amount * roughness)
    return torch.fft.ifft2(spectrum).real[..., :height, :width]


def fluid_step(
    velocity: Tensor,
    dt: float = 1.0,
    force: Tensor | None = None,
    *,
    viscosity: float = 0.0,
    boundary: str = "periodic",
) -> Tensor:
    """One step of the fluid: add the force, let the field carry itself, rub, and take the divergence away.

    Args:
        velocity: (B, 2, H, W), pixels per unit of time, without divergence.
        dt: Length of the step.
        force: (B, 2, H, W) acceleration, pixels per unit of time squared, or None.
        viscosity: Pixels squared per unit of time, at least 0. Looking up between cells adds some of its own.
        boundary: "periodic" or "walls".

    Returns:
        (B, 2, H, W) without divergence.

    Raises:
        ValueError: For bad shapes or values.
    """
    _check(velocity, boundary, **({} if force is None else {"force": (force, "B 2 H W")}))
    check_positive(dt=dt)
    pushed = velocity if force is None else velocity + dt * force
    carried = advect(pushed, pushed, dt, boundary=boundary)
    return project_divergence_free(diffuse(carried, viscosity * dt, boundary) if viscosity else carried, boundary)
