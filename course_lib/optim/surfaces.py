"""Small functions to walk on: each maps points (..., D) to heights (...), so one call draws a whole surface.

Chapter 2 uses them to show what descent methods meet: a long valley, a hump between two valleys, a saddle.
"""

from __future__ import annotations

from torch import Tensor


def bowl(x: Tensor, curvature: Tensor | float = 1.0) -> Tensor:
    """Quadratic 1/2 sum_i c_i x_i^2: minimum 0 at the origin; the largest c_i is the L of the stability bound 2/L.

    Args:
        x: (..., D) points.
        curvature: (D,) or one number, all above 0.
    """
    return 0.5 * (curvature * x * x).sum(dim=-1)


def saddle(x: Tensor) -> Tensor:
    """x^2 - y^2 + y^4 / 2 for points (..., 2): a saddle at the origin, minima of -1/2 at (0, 1) and (0, -1)."""
    u, v = x.unbind(dim=-1)
    return u**2 - v**2 + 0.5 * v**4


def two_valleys(x: Tensor) -> Tensor:
    """A shallow and a deep valley on a line, x^4/4 - x^2/2 - x/8, for points (..., 1); the right one is deeper.

    Stationary points: a local minimum near -0.93, a maximum near -0.13, the global minimum near 1.06.
    """
    u = x[..., 0]
    return u**4 / 4 - u**2 / 2 - u / 8


def banana(x: Tensor) -> Tensor:
    """Rosenbrock's curved valley (1 - x)^2 + 20 (y - x^2)^2 for points (..., 2): minimum 0 at (1, 1)."""
    u, v = x.unbind(dim=-1)
    return (1 - u) ** 2 + 20 * (v - u**2) ** 2
