"""Filled outlines (chapter 4, "vector-graphics"): from closed curves to pixels with partly covered edges.

    inside    a point with winding number w is inside if w != 0 (non-zero rule) or if w is odd (even-odd rule)
    coverage  of a pixel = the part of its area that is inside, here exactly, by Green's theorem: each edge of the
              polygon contributes the integral, over its height, of the part of the pixel to the right of the edge
    distance  an implicit form of the same shape: negative inside, zero on the outline

A contour is a closed polygon (N, 2) of points (x, y); the last joins the first. x runs right and y down, pixel (row i,
column j) is the square [j, j + 1] x [i, i + 1]. Positive area means clockwise on the screen. The exact sum is what font
rasterisers do, in closed form for a straight edge; Duff, Polygon scan conversion by exact convolution (1989).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.geometry.bezier import elevate, evaluate, segments_needed
from course_lib.ops.masks.polygons import polygon_area as polygon_area  # chapters know it by this module

MOVE, LINE, QUADRATIC, CUBIC, CLOSE = 1, 2, 3, 4, 79  # matplotlib's codes of path steps


def glyph(character: str, size: float = 1.0) -> list[Tensor]:
    """The outline of a character of DejaVu Sans as cubic Bezier segments.

    Args:
        character: One or more characters.
        size: Units an em, the height of a line; the result stands on y = 0 and goes up to negative y.

    Returns:
        One tensor (S, 4, 2) float64 for each closed contour, S segments joined end to start.

    Raises:
        ValueError: If nothing would be drawn.
    """
    if not character.strip():
        raise ValueError(f"{character!r} has no outline; give a character that draws something")
    path = TextPath((0, 0), character, size=100, prop=FontProperties(family="DejaVu Sans"))
    contours: list[Tensor] = []
    current: list[Tensor] = []
    here = torch.zeros(2, dtype=torch.float64)
    for points, code in path.iter_segments(curves=True, simplify=False):
        steps = torch.as_tensor(points, dtype=torch.float64).reshape(-1, 2) * size / 100 * torch.tensor([1.0, -1.0])
        if code in (MOVE, CLOSE):
            contours += [torch.stack(current)] if current else []
            current, here = [], steps[-1]
            continue
        segment = torch.cat([here[None], steps])
        while len(segment) < 4:
            segment = elevate(segment)
        current.append(segment)
        here = steps[-1]
    return contours


def flatten(contour: Tensor, tolerance: float) -> Tensor:
    """A polygon that stays within the tolerance of a contour of Bezier segments.

    Args:
        contour: (S, D + 1, 2) segments, each starting where the one before ended.
        tolerance: In the units of the contour.

    Returns:
        (N, 2) corners; gradients flow to the control points.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(contour=(contour, "S N 2"))
    pieces = []
    for segment in contour:
        steps = segments_needed(segment, tolerance)
        t = torch.arange(steps, device=contour.device, dtype=contour.dtype) / steps
        pieces.append(evaluate(segment, t))
    return torch.cat(pieces)


def area_coverage(contours: Sequence[Tensor], height: int, width: int) -> Tensor:
    """How much of each pixel lies inside, exactly, weighted with the winding number.

    For outlines that do not overlap themselves, with holes turning the other way, this is the covered area in [0, 1].

    Args:
        contours: Closed polygons (N, 2).
        height, width: Size of the picture.

    Returns:
        (H, W) signed coverage; gradients flow to the corners.

    Raises:
        ValueError: For bad shapes or values.
    """
    start, end = _edges(contours)
    right = torch.arange(1, width + 1, device=start.device, dtype=start.dtype)  # right sides of the pixels
    level = start[:, 1] == end[:, 1]  # adds nothing, but has a gradient
    rise = torch.where(level, torch.ones_like(start[:, 1]), end[:, 1] - start[:, 1])
    rows = []
    for i in range(height):
        first, last = start[:, 1].clamp(i, i + 1), end[:, 1].clamp(i, i + 1)  # the part of each edge in this row
        here = (first != last) | (level & (first == start[:, 1]))
        enter = torch.where(level, 0.0, (first - start[:, 1]) / rise)[here, None]
        leave = torch.where(level, 1.0, (last - start[:, 1]) / rise)[here, None]
        x0, x1 = start[here, :1], end[here, :1]
        a, b = (right - (x0 + share * (x1 - x0)) for share in (enter, leave))  # (E, W), as the edge enters and leaves
        rows.append(((last - first)[here, None] * _mean_of_clamped(a, b)).sum(0))
    return -torch.stack(rows)


def _mean_of_clamped(a: Tensor, b: Tensor) -> Tensor:
    """The mean of clamp(u, 0, 1) for u running evenly from a to b: (G(b) - G(a)) / (b - a) with G' = clamp."""
    steep = (b - a).abs() < 1e-4  # nearly upright: the middle is exact to 1e-9 and does not divide by zero
    span = torch.where(steep, torch.ones_like(a), b - a)

    def integral(u: Tensor) -> Tensor:
        return 0.5 * u.clamp(0, 1) ** 2 + (u - 1).clamp(min=0)

    return torch.where(steep, (0.5 * (a + b)).clamp(0, 1), (integral(b) - integral(a)) / span)


def winding_number(points: Tensor, contours: Sequence[Tensor]) -> Tensor:
    """How often the contours run around each point, clockwise on the screen counted positive.

    Args:
        points: (..., 2) places.
        contours: Closed polygons (N, 2).

    Returns:
        (...) int64.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(points=(points, "... 2"))
    start, end = _edges(contours)
    (x0, y0), (x1, y1) = start.T, end.T
    x, y = points[..., 0, None], points[..., 1, None]
    side = (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)  # positive: the point lies to the right of the way, y down
    down = (y0 <= y) & (y < y1) & (side > 0)
    up = (y1 <= y) & (y < y0) & (side < 0)
    return down.sum(-1) - up.sum(-1)


def sampled_coverage(
    contours: Sequence[Tensor], height: int, width: int, *, samples: int = 4, rule: str = "nonzero"
) -> Tensor:
    """The share of a regular grid of samples in each pixel that lies inside; 1 sample is no anti-aliasing.

    Args:
        contours: Closed polygons (N, 2).
        height, width: Size of the picture.
        samples: Samples a side, samples^2 a pixel.
        rule: nonzero or evenodd.

    Returns:
        (H, W) in [0, 1].

    Raises:
        ValueError: For bad shapes or values, or an unknown rule.
    """
    if rule not in ("nonzero", "evenodd"):
        raise ValueError(f"rule must be 'nonzero' or 'evenodd', not {rule!r}")
    if samples < 1:
        raise ValueError(f"samples must be at least 1, not {samples}")
    start, end = _edges(contours)
    places = (torch.arange(max(height, width) * samples, device=start.device, dtype=start.dtype) + 0.5) / samples
    rows = []
    for y in places[: height * samples]:
        here = (start[:, 1] <= y) != (end[:, 1] <= y)  # edges that cross this line of samples
        (x0, y0), (x1, y1) = start[here].T, end[here].T
        crossing = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        winding = ((places[: width * samples, None] < crossing) * (y1 - y0).sign()).sum(1)
        rows.append((winding != 0) if rule == "nonzero" else (winding % 2 != 0))
    inside = torch.stack(rows).to(start.dtype).reshape(height, samples, width, samples)
    return inside.mean(dim=(1, 3))  # (H, W)


def outline_distance(points: Tensor, contours: Sequence[Tensor]) -> Tensor:
    """Distance to the nearest outline, negative inside (non-zero rule): an implicit form f(x, y) of the shape.

    Args:
        points: (..., 2) places.
        contours: Closed polygons (N, 2).

    Returns:
        (...) distances in the units of the points.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(points=(points, "... 2"))
    start, end = _edges(contours)
    way = end - start
    offset = points[..., None, :] - start  # (..., E, 2)
    share = ((offset * way).sum(-1) / (way * way).sum(-1).clamp(min=1e-300)).clamp(0, 1)
    distance = (offset - share[..., None] * way).norm(dim=-1).amin(-1)
    return torch.where(winding_number(points, contours) != 0, -distance, distance)


def _edges(contours: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Start and end (E, 2) of all edges of all contours."""
    if len(contours) == 0:
        raise ValueError("contours is empty: at least one closed polygon is needed")
    for index, contour in enumerate(contours):
        check_tensors(**{f"contours[{index}]": (contour, "N 2")})
    return torch.cat(list(contours)), torch.cat([contour.roll(-1, 0) for contour in contours])
