"""Contours as rows of points: from a box to an octagon, resampling, matching, filling (chapter 11, "deep-snake").

    diamond      the middles of a box's four sides: a first guess at the object's extreme points
    octagon      at each extreme point a side along the box, a quarter of the box's side long, cut off at its corners
    resampling   V points at equal distances along the closed line
    matching     the true outline begins at the point nearest to the contour's first vertex; then point i belongs to i

Peng et al., Deep Snake for real-time instance segmentation, 2020, arXiv:2001.01629, sections 3.2 and 3.3; the octagon
is that of Zhou et al., ExtremeNet, 2019, arXiv:1901.08043. A contour is (V, 2) points (x, y) in pixels, clockwise on
the screen, and its last point joins its first. Extreme points come as top, right, bottom, left. On purpose smaller: one
contour an object, so holes and second pieces of hidden objects are left out; matching does not use the extreme points.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes, check_tensors
from course_lib.ops.boxes import check_box_shape
from course_lib.ops.masks import mask_to_polygons, polygon_area, polygons_to_mask

SIDE = 0.25  # length of an octagon's side at an extreme point, in sides of the box


def box_to_diamond(boxes: Tensor) -> Tensor:
    """Middles of the sides.

    Args:
        boxes: (..., 4) xyxy.

    Returns:
        (..., 4, 2): top, right, bottom, left.
    """
    check_box_shape(boxes=boxes)
    x0, y0, x1, y1 = boxes.unbind(-1)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return torch.stack([x, y0, x1, y, x, y1, x0, y], -1).unflatten(-1, (4, 2))


def extreme_points(contour: Tensor) -> Tensor:
    """The points of one contour (P, 2) that lie farthest up, right, down and left; (4, 2).

    Where several lie equally far, as on a square's side, it is the one nearest to the middle of them.
    """
    check_tensors(contour=(contour, "P 2"))
    found = []
    for axis, sign in ((1, -1), (0, 1), (1, 1), (0, -1)):
        reach = sign * contour[:, axis]
        far = contour[reach >= reach.max() - 0.5]
        middle = (far.amin(0) + far.amax(0)) / 2
        found.append(far[(far - middle).square().sum(1).argmin()])
    return torch.stack(found)


def extremes_to_octagon(points: Tensor) -> Tensor:
    """The octagon around four extreme points.

    Args:
        points: (..., 4, 2) top, right, bottom, left.

    Returns:
        (..., 12, 2): each extreme point between the two corners of its side, clockwise, beginning with the top one.
    """
    check_shapes(points=(points, "... 4 2"))
    low, high = points.amin(-2), points.amax(-2)  # (..., 2)
    half = SIDE / 2 * (high - low)
    corners = []
    for k, (axis, sign) in enumerate(((0, 1), (1, 1), (0, -1), (1, -1))):  # which way the side runs, clockwise
        shift = torch.zeros_like(half)
        shift[..., axis] = sign * half[..., axis]
        middle = points[..., k, :]
        before, after = ((middle + way * shift).clamp(low, high) for way in (-1, 1))
        corners += [middle, after, before]
    return torch.stack([corners[k] for k in (0, 1, 5, 3, 4, 8, 6, 7, 11, 9, 10, 2)], -2)


def resample_contours(contours: Tensor, count: int) -> Tensor:
    """Points at equal distances along closed lines.

    Args:
        contours: (N, P, 2); points may come twice.
        count: V, how many points are wanted.

    Returns:
        (N, V, 2); the first stays where it was.
    """
    check_shapes(contours=(contours, "N P 2"))
    check_positive(count=count)
    closed = torch.cat([contours, contours[:, :1]], 1)  # (N, P + 1, 2)
    lengths = (closed[:, 1:] - closed[:, :-1]).norm(dim=-1)
    along = torch.nn.functional.pad(lengths.cumsum(1), (1, 0))  # (N, P + 1), from 0
    wanted = along[:, -1:] * torch.arange(count, device=contours.device) / count  # (N, V)
    after = torch.searchsorted(along, wanted.contiguous(), right=True).clamp(1, contours.shape[1])
    start, length = along.gather(1, after - 1), lengths.gather(1, after - 1)
    share = ((wanted - start) / length.clamp(min=1e-6))[..., None]  # (N, V, 1)
    pick = lambda index: closed.gather(1, index[..., None].expand(-1, -1, 2))  # noqa: E731
    return torch.lerp(pick(after - 1), pick(after), share)


def mask_contour(mask: Tensor, count: int) -> Tensor:
    """The outline of one mask that encloses most, as `count` points at equal distances.

    Args:
        mask: (H, W) bool with at least one pixel.
        count: V.

    Returns:
        (V, 2) pixels, clockwise, from one of the topmost points.

    Raises:
        ValueError: For an empty mask.
    """
    lines = [line[:-1] for line in mask_to_polygons(mask)]
    if not lines:
        raise ValueError("mask must have at least one pixel, or there is no outline")
    line = max(lines, key=lambda points: float(polygon_area(points).abs()))
    if polygon_area(line) < 0:
        line = line.flip(0)
    top = extreme_points(line)[0]
    return resample_contours(line.roll(-int((line - top).square().sum(1).argmin()), 0)[None], count)[0]


def match_contours(truth: Tensor, contours: Tensor) -> Tensor:
    """The point of the true outline that each vertex should move to.

    Args:
        truth: (N, k V, 2) points at equal distances, as from `mask_contour`; k whole.
        contours: (N, V, 2).

    Returns:
        (N, V, 2): every k-th point of the truth, beginning with the one nearest to the contour's first vertex.

    Raises:
        ValueError: If the truth has no multiple of V points.
    """
    check_shapes(truth=(truth, "N P 2"), contours=(contours, "N V 2"))
    points, vertices = truth.shape[1], contours.shape[1]
    if points % vertices:
        raise ValueError(f"truth must have a multiple of the contours' {vertices} points, not {points}")
    first = (truth - contours[:, :1]).square().sum(-1).argmin(1)  # (N,)
    index = (first[:, None] + torch.arange(0, points, points // vertices, device=truth.device)) % points
    return truth.gather(1, index[..., None].expand(-1, -1, 2))


def contours_to_masks(contours: Tensor, height: int, width: int) -> Tensor:
    """Fill each of (N, V, 2) contours by the even-odd rule: (N, H, W) bool."""
    check_shapes(contours=(contours, "... V 2"))
    if not len(contours):
        return torch.zeros(0, height, width, dtype=torch.bool, device=contours.device)
    return torch.stack([polygons_to_mask([contour], height, width) for contour in contours])
