"""Oriented boxes in space, and how much two of them overlap (chapter 10, "detection-3d").

    box       centre x, y, z; sizes along its own axes; yaw, the turn about the vertical, anticlockwise from above
    overlap   IoU = A h / (V1 + V2 - A h)      A: area common to both footprints, h: common part of their heights
    clipping  a convex polygon cut by each side of the other in turn: what lies to the left of the side stays, and where
              an edge crosses the side's line there is a new corner (Sutherland and Hodgman, 1974)
    area      1/2 |sum of x_i y_{i+1} - x_{i+1} y_i|

Boxes stand upright, as cars and furniture do, so that the problem is one in the plane and one in height. No sampling:
the result is exact and differentiable. Boxes are (..., 7) as `scenes.oriented_boxes` gives them, in metres.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.data.scenes import box_corners
from course_lib.ops.masks import polygon_area


def footprint(boxes: Tensor) -> Tensor:
    """Corners (..., 4, 2) of boxes (..., 7) on the ground, anticlockwise from above."""
    return box_corners(boxes)[..., [0, 1, 3, 2], :2]


def clip_polygon(polygon: Tensor, window: Tensor) -> Tensor:
    """What of a convex polygon lies inside another.

    Args:
        polygon: (P, 2), anticlockwise.
        window: (Q, 2), anticlockwise.

    Returns:
        (R, 2), anticlockwise; R is 0 where they do not meet.
    """
    for k in range(len(window)):
        start, side = window[k], window[(k + 1) % len(window)] - window[k]
        if not len(polygon):
            break
        away = polygon - start
        left = side[0] * away[:, 1] - side[1] * away[:, 0]  # (P,), positive on the inner side
        corners = []
        for i in range(len(polygon)):
            j = (i + 1) % len(polygon)
            if left[i] >= 0:
                corners.append(polygon[i])
            if (left[i] > 0 > left[j]) or (left[i] < 0 < left[j]):
                share = left[i] / (left[i] - left[j])
                corners.append(polygon[i] + share * (polygon[j] - polygon[i]))
        polygon = torch.stack(corners) if corners else polygon[:0]
    return polygon


def rotated_intersection(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Area that the footprints of all pairs have in common.

    Args:
        boxes1: (N, 7).
        boxes2: (M, 7).

    Returns:
        (N, M) square metres. Gradients flow.

    Raises:
        ValueError: For another shape, or a size that is not positive.
    """
    _check(boxes1=boxes1, boxes2=boxes2)
    first, second = footprint(boxes1), footprint(boxes2)
    reach = [boxes[:, 3:5].norm(dim=1) / 2 for boxes in (boxes1, boxes2)]
    near = torch.cdist(boxes1[:, :2].detach(), boxes2[:, :2].detach()) < reach[0][:, None] + reach[1]
    common = [[clip_polygon(a, b) if near[i, j] else a[:0] for j, b in enumerate(second)] for i, a in enumerate(first)]
    areas = [polygon_area(part) if len(part) else part.new_zeros(()) for row in common for part in row]
    return torch.stack(areas).view(near.shape) if areas else boxes1.new_zeros(near.shape)


def box_iou_3d(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Intersection over union of all pairs of oriented boxes.

    Args:
        boxes1: (N, 7) centre, sizes, yaw.
        boxes2: (M, 7).

    Returns:
        (N, M) in [0, 1]. Gradients flow where boxes overlap.

    Raises:
        ValueError: For another shape, or a size that is not positive.
    """
    area = rotated_intersection(boxes1, boxes2)
    low, high = (boxes1[:, 2] - boxes1[:, 5] / 2, boxes1[:, 2] + boxes1[:, 5] / 2)
    others = (boxes2[:, 2] - boxes2[:, 5] / 2, boxes2[:, 2] + boxes2[:, 5] / 2)
    height = (torch.minimum(high[:, None], others[1]) - torch.maximum(low[:, None], others[0])).clamp(min=0)
    volume = area * height
    return volume / (boxes1[:, 3:6].prod(1)[:, None] + boxes2[:, 3:6].prod(1) - volume)


def fit_oriented_box(points: Tensor, steps: int = 90) -> Tensor:
    """The upright box around points whose sides lie closest to them.

    Of all turns in a quarter circle the one is taken for which the points lie nearest to the sides of their rectangle
    (Zhang, Xu, Dong, Dolan, L-shape fitting, 2017): a scanner sees two sides of an object, so that they lie on an L.

    Args:
        points: (N, 3) metres; two of them apart in each direction.
        steps: Turns that are tried.

    Returns:
        (7,) centre, sizes, yaw in [0, pi / 2).

    Raises:
        ValueError: For another shape.
    """
    check_tensors(points=(points, "N 3"))
    yaw = torch.arange(steps, dtype=points.dtype, device=points.device) * (math.pi / 2 / steps)
    cos, sin = yaw.cos()[:, None], yaw.sin()[:, None]
    x, y = points[:, 0], points[:, 1]
    along, across = cos * x + sin * y, cos * y - sin * x  # (steps, N) in each turned frame
    gaps = [torch.minimum(part - part.amin(1, keepdim=True), part.amax(1, keepdim=True) - part)
            for part in (along, across)]  # fmt: skip
    best = int(torch.minimum(*gaps).mean(1).argmin())
    low = torch.stack([along[best].min(), across[best].min(), points[:, 2].min()])
    high = torch.stack([along[best].max(), across[best].max(), points[:, 2].max()])
    u, v, z = (low + high) / 2
    c, s = yaw[best].cos(), yaw[best].sin()
    return torch.cat([torch.stack([c * u - s * v, s * u + c * v, z]), high - low, yaw[best : best + 1]])


def _check(**boxes: Tensor) -> None:
    """Raise ValueError for boxes that are not (N, 7) with positive sizes; N may be 0."""
    for name, value in boxes.items():
        if not isinstance(value, Tensor) or not value.is_floating_point() or value.ndim != 2 or value.shape[1] != 7:
            raise ValueError(f"{name} must be a floating-point tensor (N, 7), not {tuple(getattr(value, 'shape', ()))}")
        if not (value[:, 3:6] > 0).all():
            raise ValueError(f"{name} must have positive sizes; {int((value[:, 3:6] <= 0).any(1).sum())} have not")
