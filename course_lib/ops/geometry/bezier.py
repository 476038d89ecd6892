"""Bezier curves (chapter 4, "vector-graphics"): a curve written down as a few control points.

    Bernstein    p(t) = sum_i  C(D, i) t^i (1 - t)^(D - i)  p_i,     t in [0, 1], degree D
    de Casteljau repeat: replace neighbours by (1 - t) left + t right, until one point is left
    implicit     a quadratic (x(t), y(t)) lies on f(x, y) = 0, where f is the resultant of x(t) - x and y(t) - y

Both give the same point; de Casteljau also gives the control points of the two halves. Flattening follows the bound
|curve - chord| <= h^2 / 8 max |p''|, which says how many segments are enough. Farin, Curves and Surfaces for CAGD
(2002). Conventions: control points (..., D + 1, d) in any dimension d; parameters t (T,), shared by all curves of a
call.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def bernstein(t: Tensor, degree: int) -> Tensor:
    """The Bernstein polynomials: how much each control point weighs at t. Never negative in [0, 1], they sum to 1.

    Args:
        t: (T,) parameters.
        degree: D, at least 1.

    Returns:
        (T, D + 1) weights.

    Raises:
        ValueError: For bad values or a degree below 1.
    """
    check_tensors(t=(t, "T"))
    if degree < 1:
        raise ValueError(f"degree must be at least 1, not {degree}")
    powers = range(degree + 1)
    return torch.stack([math.comb(degree, i) * t**i * (1 - t) ** (degree - i) for i in powers], dim=-1)


def evaluate(control: Tensor, t: Tensor) -> Tensor:
    """Points of Bezier curves as weighted sums of their control points.

    Args:
        control: (..., D + 1, d) control points.
        t: (T,) parameters.

    Returns:
        (..., T, d) points.

    Raises:
        ValueError: For bad shapes or values, or fewer than two control points.
    """
    _check(control)
    return bernstein(t.to(control.dtype), control.shape[-2] - 1) @ control


def de_casteljau(control: Tensor, t: Tensor) -> Tensor:
    """The same points by repeated straight lines; every step is an average, so rounding errors stay small.

    Args:
        control: (..., D + 1, d) control points.
        t: (T,) parameters.

    Returns:
        (..., T, d) points.

    Raises:
        ValueError: As `evaluate`.
    """
    _check(control)
    check_tensors(t=(t, "T"))
    points = control[..., None, :, :].expand(*control.shape[:-2], len(t), *control.shape[-2:])
    s = t.to(control.dtype)[:, None, None]
    while points.shape[-2] > 1:
        points = (1 - s) * points[..., :-1, :] + s * points[..., 1:, :]  # one point fewer each time
    return points[..., 0, :]


def split(control: Tensor, t: float = 0.5) -> tuple[Tensor, Tensor]:
    """The control points of the curve before t and of the curve after t: the rims of de Casteljau's triangle.

    Args:
        control: (..., D + 1, d) control points.
        t: Where to cut.

    Returns:
        Two tensors like `control`.

    Raises:
        ValueError: For bad shapes or values.
    """
    _check(control)
    first, last = [control[..., 0, :]], [control[..., -1, :]]
    while control.shape[-2] > 1:
        control = (1 - t) * control[..., :-1, :] + t * control[..., 1:, :]
        first.append(control[..., 0, :])
        last.append(control[..., -1, :])
    return torch.stack(first, dim=-2), torch.stack(last[::-1], dim=-2)


def elevate(control: Tensor) -> Tensor:
    """The same curves with one control point more. A TrueType font's quadratic arcs become cubic ones in this way.

    Args:
        control: (..., D + 1, d) control points.

    Returns:
        (..., D + 2, d) control points of the same curves.

    Raises:
        ValueError: For bad shapes or values.
    """
    _check(control)
    degree = control.shape[-2] - 1
    share = torch.arange(1, degree + 1, device=control.device, dtype=control.dtype)[:, None] / (degree + 1)
    inner = share * control[..., :-1, :] + (1 - share) * control[..., 1:, :]
    return torch.cat([control[..., :1, :], inner, control[..., -1:, :]], dim=-2)


def segments_needed(control: Tensor, tolerance: float) -> int:
    """How many equal steps of t keep every chord within the tolerance of its arc, for all curves of the batch.

    Args:
        control: (..., D + 1, d) control points.
        tolerance: Largest distance between curve and polygon, in the units of the control points.

    Returns:
        At least 1.

    Raises:
        ValueError: For bad shapes or values, or a tolerance that is not above 0.
    """
    _check(control)
    check_positive(tolerance=tolerance)
    degree = control.shape[-2] - 1
    if degree < 2:
        return 1
    bend = (control[..., 2:, :] - 2 * control[..., 1:-1, :] + control[..., :-2, :]).norm(dim=-1).max()
    return max(1, math.ceil(math.sqrt(degree * (degree - 1) * float(bend) / (8 * tolerance))))


def implicit_quadratic(control: Tensor, points: Tensor) -> Tensor:
    """f(x, y) of one quadratic Bezier curve: zero on the parabola that the curve is a piece of, and nowhere else.

    Args:
        control: (3, 2) control points.
        points: (..., 2) places (x, y).

    Returns:
        (...) values; the sign tells the side.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(control=(control, "3 2"), points=(points, "... 2"))
    p0, p1, p2 = control
    quadratic, linear, constant = p0 - 2 * p1 + p2, 2 * (p1 - p0), p0 - points  # in t^2, t, 1 of (x(t) - x, y(t) - y)

    def cross(a: Tensor, b: Tensor) -> Tensor:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]

    return cross(quadratic, linear) * cross(linear, constant) - cross(quadratic, constant) ** 2


def _check(control: Tensor) -> None:
    check_tensors(control=(control, "... N d"))
    if control.shape[-2] < 2:
        raise ValueError(f"control must hold at least 2 points a curve, not {control.shape[-2]}")
