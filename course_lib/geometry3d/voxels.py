"""Scalar fields on a grid and their level sets (chapter 4, "voxels-isosurface").

    field     f(x, y, z), sampled at the corners of a grid; the surface is where f = level, the inside where f < level
    vertex    on each grid edge whose ends lie on different sides: p = a + (level - f_a) / (f_b - f_a) (b - a)
    cells     squares in 2-D (marching squares), in 3-D six tetrahedra a cube (Doi and Koide 1991)

A tetrahedron has no ambiguous case, so the mesh is closed wherever the surface stays inside the grid. The price is
about twice the triangles of marching cubes (Lorensen and Cline 1987). Vertices are exact to O(h^2) for a smooth field
on a grid of spacing h. Conventions: fields (X, Y, Z); points and faces in index units; faces turn so that normals
point outwards.
"""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors, describe
from course_lib.geometry3d.mesh import unique_pairs


def grid_points(n: int, half_width: float, dims: int = 3, *, dtype: torch.dtype = torch.float64) -> Tensor:
    """Places of the corners of a cubic grid around the origin.

    Args:
        n: Corners a side, at least 2.
        half_width: The grid runs from -half_width to half_width.
        dims: 2 or 3.
        dtype: Of the result.

    Returns:
        (n, ..., n, dims); index [i, j, k] lies at x_i, y_j, z_k.

    Raises:
        ValueError: For fewer than two corners or a width that is not above 0.
    """
    check_positive(half_width=half_width)
    if n < 2:
        raise ValueError(f"n must be at least 2 corners a side, not {n!r}")
    ticks = torch.linspace(-half_width, half_width, n, dtype=dtype)
    return torch.stack(torch.meshgrid(*[ticks] * dims, indexing="ij"), dim=-1)


def sphere_field(points: Tensor, radius: float) -> Tensor:
    """Distance to a sphere around the origin, negative inside; points (..., d), result (...)."""
    check_tensors(points=(points, "... d"))
    return points.norm(dim=-1) - radius


def torus_field(points: Tensor, ring: float, tube: float) -> Tensor:
    """Distance to a torus around the z axis, negative inside.

    Args:
        points: (..., 3).
        ring: Radius of the circle in the middle of the tube.
        tube: Radius of the tube, smaller than the ring.
    """
    check_tensors(points=(points, "... 3"))
    across = points[..., :2].norm(dim=-1) - ring
    return torch.stack([across, points[..., 2]], dim=-1).norm(dim=-1) - tube


def metaballs_field(points: Tensor, centres: Tensor, radius: float) -> Tensor:
    """One minus a sum of smooth bumps: balls that melt together where they come near (Blinn 1982).

    Args:
        points: (..., d).
        centres: (K, d).
        radius: Of one ball alone.

    Returns:
        (...), negative inside.
    """
    check_tensors(points=(points, "... d"), centres=(centres, "K d"))
    check_positive(radius=radius)
    squared = (points[..., None, :] - centres).square().sum(-1) / radius**2  # (..., K)
    return 1 - torch.exp(2 - 2 * squared).clamp(max=1e6).sum(-1)


def marching_squares(field: Tensor, level: float = 0.0) -> Tensor:
    """Line segments of the level set of a picture.

    Args:
        field: (H, W).
        level: Height of the contour.

    Returns:
        (S, 2, 2) segments from point to point (row, column), the inside (f < level) always on one side. In the
        ambiguous case, equal signs on a diagonal, the mean of the four corners decides.

    Raises:
        ValueError: For bad shapes or values, or fewer than 2 x 2 samples.
    """
    check_tensors(field=(field, "H W"))
    if min(field.shape) < 2:
        raise ValueError(f"field must have at least 2 x 2 samples, not {tuple(field.shape)}")
    height, width = field.shape
    i, j = (g.flatten() for g in torch.meshgrid(torch.arange(height - 1), torch.arange(width - 1), indexing="ij"))
    around = [i, j, i, j + 1, i + 1, j + 1, i + 1, j]  # the four corners of each cell in turn
    corner = torch.stack(around, dim=1).reshape(-1, 4, 2).to(field.device)
    value = field[corner[..., 0], corner[..., 1]] - level  # (cells, 4)
    inside, ahead = value < 0, (value < 0).roll(-1, 1)
    share = value / torch.where(inside != ahead, value - value.roll(-1, 1), torch.ones_like(value))
    place = corner + share[..., None] * (corner.roll(-1, 1) - corner)  # where each side of the cell is crossed
    enters, leaves = ~inside & ahead, inside & ~ahead
    middle_inside = value.mean(1) < 0
    segments = []
    for side in range(4):
        # From where we enter the inside, walk around the cell to the next exit; through the middle if that is inside.
        exit_at = torch.full_like(i, -1, device=field.device)
        for step in (3, 2, 1):
            exit_at = torch.where(leaves[:, (side + step) % 4], (side + step) % 4, exit_at)
        both = enters.sum(1) == 2
        exit_at = torch.where(both & middle_inside, (side + 3) % 4, exit_at)
        chosen = enters[:, side]
        segments.append(torch.stack([place[chosen, side], place[chosen, exit_at[chosen]]], dim=1))
    return torch.cat(segments)


def marching_tetrahedra(field: Tensor, level: float = 0.0, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """A triangle mesh of the surface where a field on a grid equals a level.

    Args:
        field: (X, Y, Z), at least two samples a side.
        level: Height of the surface; the inside is where the field is smaller.
        known: (X, Y, Z) bool; cubes with an unknown corner are left out, and the mesh has a boundary there.

    Returns:
        Vertices (V, 3) in index units, each once, and faces (F, 3) int64. Gradients flow from vertices to the field.

    Raises:
        ValueError: For bad shapes or values, or if the surface does not meet the grid.
    """
    check_tensors(field=(field, "X Y Z"))
    if min(field.shape) < 2:
        raise ValueError(f"field must have at least 2 x 2 x 2 samples, not {tuple(field.shape)}")
    value, corners = field.flatten() - level, _tetrahedra(field < level, known)  # corners (T, 4): grid points
    inside = value[corners] < 0
    count = inside.sum(1)
    corners, inside, count = (kept[(count > 0) & (count < 4)] for kept in (corners, inside, count))
    if len(corners) == 0:
        found = f"{float(field.min()):g} to {float(field.max()):g}"
        raise ValueError(f"level {level:g} does not cut the field, whose values run from {found}")
    order = torch.argsort(inside.long(), dim=1, descending=True, stable=True)  # inside corners first
    corners = corners.gather(1, order)
    a, b, c, d = corners.T
    loops = {1: [(a, b), (a, c), (a, d)], 2: [(a, c), (a, d), (b, d), (b, c)], 3: [(a, d), (b, d), (c, d)]}
    triangles, deep = [], []  # each corner of a triangle is a grid edge: (inside, outside)
    for inner, loop in loops.items():
        chosen = count == inner
        ring = torch.stack([torch.stack(edge, dim=-1)[chosen] for edge in loop], dim=1)  # (n, 3 or 4, 2)
        for second in range(1, len(loop) - 1):
            triangles.append(ring[:, [0, second, second + 1]])
            deep.append(corners[chosen][:, [0, 3]])  # one corner inside, one outside
    edges, place, _ = unique_pairs(torch.cat(triangles).reshape(-1, 2))
    faces = place.reshape(-1, 3)
    point = torch.stack(torch.unravel_index(edges, field.shape), dim=-1).to(field.dtype)  # (V, 2, 3)
    low, high = value[edges[:, 0]], value[edges[:, 1]]
    vertices = point[:, 0] + (low / (low - high))[:, None] * (point[:, 1] - point[:, 0])
    way = torch.stack(torch.unravel_index(torch.cat(deep), field.shape), dim=-1).to(field.dtype)
    p, q, r = point.mean(1)[faces].unbind(1)  # the middles of the edges turn the same way, and never coincide
    turned = (torch.linalg.cross(q - p, r - p) * (way[:, 1] - way[:, 0])).sum(-1) < 0
    return vertices, torch.where(turned[:, None], faces.flip(1), faces)


def _tetrahedra(inside: Tensor, known: Tensor | None) -> Tensor:
    """Six tetrahedra for each cube that the surface cuts: ways from one corner to the opposite one, axis by axis."""
    if known is not None and (known.shape != inside.shape or known.dtype != torch.bool):
        raise ValueError(f"known must be a bool tensor of shape {tuple(inside.shape)}, not a {describe(known)}")
    steps = torch.tensor([inside.shape[1] * inside.shape[2], inside.shape[2], 1], device=inside.device)
    counts = _corner_sums(inside)
    cut = (counts > 0) & (counts < 8)
    if known is not None:
        cut &= _corner_sums(known) == 8
    first = (cut.nonzero() * steps).sum(1)  # the lowest corner of each cube that is cut
    ways = [steps[list(order)].cumsum(0) for order in permutations(range(3))]
    return torch.cat([torch.stack([first, *(first + way[n] for n in range(3))], dim=1) for way in ways])


def _corner_sums(marked: Tensor) -> Tensor:
    """How many of the eight corners of each cube are marked."""
    counts = marked.long()
    for axis in range(3):
        counts = counts.narrow(axis, 0, counts.shape[axis] - 1) + counts.narrow(axis, 1, counts.shape[axis] - 1)
    return counts
