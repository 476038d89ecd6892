"""Parametric surfaces (chapter 4, "parametric-surface"): a point (x, y, z) for each pair of parameters (u, v).

    Bezier patch  p(u, v) = sum_ij  B_i(u) B_j(v) p_ij,    a 4 x 4 net of control points, B_i the Bernstein polynomials
    superquadric  x = a C(eta, e1) C(omega, e2),  y = b C(eta, e1) S(omega, e2),  z = c S(eta, e1),
                  C(t, e) = sign(cos t) |cos t|^e, S likewise with the sine;
                  inside-outside function F = (|x/a|^(2/e2) + |y/b|^(2/e2))^(e2/e1) + |z/c|^(2/e1)
    normal        the cross product of the two partial derivatives

Barr, Superquadrics and angle-preserving transformations (1981). Patches have any leading sizes; u and v are (N,) and
pair up. `lattice` turns a function of (u, v) into a triangle mesh.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.ops.geometry.bezier import bernstein

CIRCLE = 4 / 3 * (math.sqrt(2) - 1)  # handle length with which a cubic Bezier comes close to a quarter circle


def bezier_patch(control: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Points of tensor-product Bezier patches.

    Args:
        control: (..., D + 1, E + 1, 3) control points, at least 2 x 2; rows follow u.
        u, v: (N,) parameters in [0, 1].

    Returns:
        (..., N, 3).

    Raises:
        ValueError: For bad shapes or values.
    """
    rows, columns = _weights(control, u, v)
    return torch.einsum("ni,nj,...ijk->...nk", rows, columns, control)


def bezier_normals(control: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Unit normals of Bezier patches; the derivative of a Bezier curve is a Bezier curve of one degree less.

    Args:
        control: (..., D + 1, E + 1, 3).
        u, v: (N,) parameters.

    Returns:
        (..., N, 3) unit vectors along dp/du x dp/dv. Where a derivative vanishes, as at a pole, they are zero.

    Raises:
        ValueError: For bad shapes or values.
    """
    rows, columns = _weights(control, u, v)
    along_u = (control.shape[-3] - 1) * control.diff(dim=-3)
    along_v = (control.shape[-2] - 1) * control.diff(dim=-2)
    du = torch.einsum("ni,nj,...ijk->...nk", _bernstein(u.to(control), along_u.shape[-3] - 1), columns, along_u)
    dv = torch.einsum("ni,nj,...ijk->...nk", rows, _bernstein(v.to(control), along_v.shape[-2] - 1), along_v)
    return torch.nn.functional.normalize(torch.linalg.cross(du, dv), dim=-1)


def revolve(profile: Tensor) -> Tensor:
    """A surface of revolution as four Bezier patches: a cup from its outline.

    Args:
        profile: (D + 1, 2) control points (radius, height) of a Bezier curve.

    Returns:
        (4, D + 1, 4, 3) control nets around the z axis. A quarter circle is no cubic: radii are off by up to 0.027 %.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(profile=(profile, "N 2"))
    k = CIRCLE
    quarter = profile.new_tensor([[1, 0], [1, k], [k, 1], [0, 1]])  # unit quarter circle
    turn = profile.new_tensor([[0, 1], [-1, 0]])  # by 90 degrees, for row vectors
    nets = []
    for _ in range(4):
        around = profile[:, None, :1] * quarter  # (D + 1, 4, 2)
        nets.append(torch.cat([around, profile[:, None, 1:].expand(-1, 4, 1)], dim=-1))
        quarter = quarter @ turn
    return torch.stack(nets)


def superquadric(
    eta: Tensor, omega: Tensor, exponents: tuple[float, float], *, size: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Tensor:
    """Points of a superellipsoid.

    Args:
        eta: (N,) latitude, -pi/2 to pi/2.
        omega: (N,) longitude, -pi to pi.
        exponents: e1 (north to south) and e2 (around): 1 is round, towards 0 a box, 2 a double pyramid.
        size: Half axes a, b, c.

    Returns:
        (N, 3).

    Raises:
        ValueError: For bad shapes or values.
    """
    e1, e2 = _check_superquadric(exponents, size)
    check_tensors(eta=(eta, "N"), omega=(omega, "N"))
    (ce, se), (co, so) = ((_power(t.cos(), e), _power(t.sin(), e)) for t, e in ((eta, e1), (omega, e2)))
    return torch.stack([ce * co, ce * so, se], dim=1) * eta.new_tensor(size)


def superquadric_normals(
    eta: Tensor, omega: Tensor, exponents: tuple[float, float], *, size: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Tensor:
    """Unit normals: themselves on a superquadric, with exponents 2 - e and inverse axes.

    Args:
        eta, omega, exponents, size: As for `superquadric`.

    Returns:
        (N, 3) unit vectors that point outwards.

    Raises:
        ValueError: As `superquadric`, and for exponents of 2 or more.
    """
    e1, e2 = _check_superquadric(exponents, size)
    if max(e1, e2) >= 2:
        raise ValueError(f"exponents must be below 2 for normals to exist, not {exponents}")
    dual = superquadric(eta, omega, (2 - e1, 2 - e2), size=(1 / size[0], 1 / size[1], 1 / size[2]))
    return torch.nn.functional.normalize(dual, dim=1)


def superquadric_field(
    points: Tensor, exponents: tuple[float, float], size: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Tensor:
    """The inside-outside function: below 1 inside, 1 on the surface, above 1 outside.

    Args:
        points: (..., 3).
        exponents, size: As for `superquadric`.

    Returns:
        (...).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(points=(points, "... 3"))
    e1, e2 = _check_superquadric(exponents, size)
    x, y, z = (points / points.new_tensor(size)).abs().unbind(-1)
    return (x ** (2 / e2) + y ** (2 / e2)) ** (e2 / e1) + z ** (2 / e1)


def normals_by_autograd(surface: Callable[[Tensor, Tensor], Tensor], u: Tensor, v: Tensor) -> Tensor:
    """Unit normals of any surface p(u, v), from derivatives that torch computes.

    Args:
        surface: Maps parameters (N,), (N,) to points (N, 3), each point by its own parameters only.
        u, v: (N,) parameters.

    Returns:
        (N, 3) unit vectors along dp/du x dp/dv.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(u=(u, "N"), v=(v, "N"))
    with torch.enable_grad():
        at = (u.detach().requires_grad_(), v.detach().requires_grad_())
        sums = surface(*at).sum(dim=0)  # each point depends on its own parameters, so sums keep the derivatives apart
        slopes = [torch.autograd.grad(total, at, retain_graph=True) for total in sums]
    du, dv = (torch.stack(parts, dim=1) for parts in zip(*slopes, strict=True))  # (N, 3) each
    return torch.nn.functional.normalize(torch.linalg.cross(du, dv), dim=1)


def lattice(u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All pairs of two lists of parameters, and the triangles between them.

    Args:
        u: (M,), at least 2.
        v: (N,), at least 2.

    Returns:
        u and v (M N,) of all vertices, and faces (2 (M - 1) (N - 1), 3), turning from u towards v.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(u=(u, "M"), v=(v, "N"))
    if min(len(u), len(v)) < 2:
        raise ValueError(f"u and v must hold at least 2 values each, not {len(u)} and {len(v)}")
    grid_u, grid_v = torch.meshgrid(u, v, indexing="ij")
    number = torch.arange(len(u) * len(v), device=u.device).reshape(len(u), len(v))
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
    faces = torch.stack([torch.stack([a, b, c], -1), torch.stack([a, c, d], -1)], dim=2).reshape(-1, 3)
    return grid_u.flatten(), grid_v.flatten(), faces


def _power(value: Tensor, exponent: float) -> Tensor:
    """sign(x) |x|^e; the slope at 0, infinite for e < 1, is taken as 0."""
    return value.sign() * value.abs().clamp(min=1e-12) ** exponent


def _bernstein(t: Tensor, degree: int) -> Tensor:
    return bernstein(t, degree) if degree else torch.ones_like(t)[:, None]


def _weights(control: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    check_tensors(control=(control, "... D E 3"), u=(u, "N"), v=(v, "N"))
    if min(control.shape[-3:-1]) < 2:
        raise ValueError(f"control must hold at least 2 x 2 points a patch, not {tuple(control.shape[-3:-1])}")
    return bernstein(u.to(control), control.shape[-3] - 1), bernstein(v.to(control), control.shape[-2] - 1)


def _check_superquadric(exponents: tuple[float, float], size: tuple[float, float, float]) -> tuple[float, float]:
    check_positive(e1=exponents[0], e2=exponents[1], a=size[0], b=size[1], c=size[2])
    return exponents
