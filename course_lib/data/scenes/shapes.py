"""Signed-distance functions of the scenes' shapes (the appendix "The world this course looks at" draws them all).

A signed distance d(q) is negative inside a shape, positive outside, and its size is the distance to the edge. One
field then gives everything: the mask is d < 0, an anti-aliased edge is clamp(1/2 - d, 0, 1) with d in pixels, a soft
shadow is a wider ramp, a bevel is a function of -d. The formulas fold a point into one symmetric sector and measure
the distance to one line segment there (after Inigo Quilez's collection of two-dimensional distance functions).

Conventions: q = (x, y) in the shape's own frame, x right, y down, everything inside the unit circle. Classes come in
look-alike pairs. `d` is exact up to rounding for all shapes but the arc of the wedge's far corner regions (still exact
in sign and on the edge).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

CLASSES = ("square", "squircle", "star", "hexagram", "disc", "ring", "triangle", "wedge", "cross", "saltire")
LOOK_ALIKES = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
CAPSULE = len(CLASSES)  # the limb of an articulated figure; no class of its own


def _box(x: Tensor, y: Tensor, half_x: float, half_y: float) -> Tensor:
    over_x, over_y = x.abs() - half_x, y.abs() - half_y
    outside = torch.hypot(over_x.clamp(min=0), over_y.clamp(min=0))
    return outside + torch.maximum(over_x, over_y).clamp(max=0)


def square(x: Tensor, y: Tensor) -> Tensor:
    """A square with its corners on the circle of radius 0.98."""
    return _box(x, y, 0.69, 0.69)


def squircle(x: Tensor, y: Tensor) -> Tensor:
    """A square with rounded corners."""
    return _box(x, y, 0.36, 0.36) - 0.37


def disc(x: Tensor, y: Tensor) -> Tensor:
    """A filled circle."""
    return torch.hypot(x, y) - 0.86


def ring(x: Tensor, y: Tensor) -> Tensor:
    """A disc of the same size with a hole."""
    return (torch.hypot(x, y) - 0.6).abs() - 0.26


def _star(x: Tensor, y: Tensor, points: int, inner: float) -> Tensor:
    """A star with `points` tips at radius 1 and notches at radius `inner`; a tip points up."""
    sector = math.pi / points
    length = torch.hypot(x, y)
    turn = torch.remainder(torch.atan2(x, -y) + sector, 2 * sector) - sector
    along, across = length * turn.cos(), (length * turn.sin()).abs()  # tip at (1, 0)
    edge_x, edge_y = inner * math.cos(sector) - 1, inner * math.sin(sector)
    share = ((along - 1) * edge_x + across * edge_y).div_(edge_x**2 + edge_y**2).clamp_(0, 1)
    distance = torch.hypot(along - 1 - share * edge_x, across - share * edge_y)
    return torch.copysign(distance, (along - 1) * edge_y - across * edge_x)


def star(x: Tensor, y: Tensor) -> Tensor:
    """A star with five points."""
    return _star(x, y, 5, 0.5)


def hexagram(x: Tensor, y: Tensor) -> Tensor:
    """A star with six points."""
    return _star(x, y, 6, 0.577)


def triangle(x: Tensor, y: Tensor) -> Tensor:
    """An equilateral triangle, one corner up."""
    return _star(x, y, 3, 0.5)  # three tips whose notches lie on the sides


def wedge(x: Tensor, y: Tensor) -> Tensor:
    """The same triangle with its lower side bulging: a sixth of a disc."""
    across, down = x.abs(), y + 1  # from the apex
    radius = math.sqrt(3.0)
    arc = torch.hypot(across, down) - radius
    share = (across * 0.5 + down * math.cos(math.pi / 6)).clamp(0, radius)
    side = torch.hypot(across - share * 0.5, down - share * math.cos(math.pi / 6))
    return torch.maximum(arc, torch.copysign(side, across * math.cos(math.pi / 6) - down * 0.5))


def cross(x: Tensor, y: Tensor) -> Tensor:
    """An upright cross with four equal arms."""
    along, across = torch.maximum(x.abs(), y.abs()), torch.minimum(x.abs(), y.abs())
    notch = torch.hypot(along - 0.3, across - 0.3)
    arm = _box(along, across, 0.93, 0.3)
    return torch.where(arm < 0, torch.where(along < 0.3, -notch, arm.maximum(-notch)), arm)


def saltire(x: Tensor, y: Tensor) -> Tensor:
    """The same cross turned by 45 degrees."""
    half = math.sqrt(0.5)
    return cross((x + y) * half, (y - x) * half)


def capsule(x: Tensor, y: Tensor, thickness: Tensor) -> Tensor:
    """All points within `thickness` of the segment from (thickness - 1, 0) to (1 - thickness, 0)."""
    reach = 1 - thickness
    return torch.hypot(x - x.clamp(-reach, reach), y) - thickness


FUNCTIONS = (square, squircle, star, hexagram, disc, ring, triangle, wedge, cross, saltire)


def signed_distance(shape_id: Tensor, x: Tensor, y: Tensor, *, thickness: Tensor) -> Tensor:
    """Signed distances of many shapes at once.

    Args:
        shape_id: (M,) integers, an index into CLASSES or CAPSULE.
        x, y: (M, ...) points in each shape's own frame.
        thickness: (M,) half-width of capsules, in (0, 1]; other shapes ignore it.

    Returns:
        (M, ...) signed distances in units of the shape's radius, negative inside.
    """
    out = torch.empty_like(x)
    for kind in range(CAPSULE + 1):
        rows = (shape_id == kind).nonzero().squeeze(1)
        if rows.numel() == 0:
            continue
        if kind == CAPSULE:
            width = thickness[rows].reshape(-1, *[1] * (x.ndim - 1))
            out[rows] = capsule(x[rows], y[rows], width)
        else:
            out[rows] = FUNCTIONS[kind](x[rows], y[rows])
    return out
