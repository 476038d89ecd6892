"""Outlines and masks (chapter 11, "deep-snake", and COCO's polygons).

Fill: a point is inside if a ray to the right meets the outline an odd number of times (the even-odd rule), so that
holes are outlines of their own. A pixel is set if its centre (column + 0.5, row + 0.5) is inside. Instead of asking
each pixel, each crossing of an edge with a row of centres turns over all pixels left of it; what is turned over an odd
number of times is inside. That costs edges x rows + pixels and not edges x pixels.

Outline: the line between set and other pixels, from scikit-image's marching squares, exact to half a pixel; filling it
gives the mask again. A polygon is (P, 2) points (x, y) in pixels; its last point joins its first, repeated or not.
COCO's own polygon filling draws the outline first and so sets a few more pixels at the edge.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from skimage.measure import find_contours
from torch import Tensor

from course_lib.core.checks import check_tensors, describe
from course_lib.ops.boxes import check_box_shape
from course_lib.ops.masks.compare import check_masks


def polygons_to_mask(polygons: Sequence[Tensor], height: int, width: int) -> Tensor:
    """Fill outlines together by the even-odd rule.

    Args:
        polygons: Outlines (P, 2) of points (x, y), pixels, floating point; holes are further outlines.
        height, width: Size of the mask; what lies outside is left out.

    Returns:
        (H, W) bool. A centre on an edge counts at the left and at the top of a shape, not at its right and bottom.

    Raises:
        ValueError: If an outline has no such shape, or there is none: an empty list would not say on which device.
    """
    _check_polygons(polygons)
    start = torch.cat(list(polygons))  # (E, 2)
    end = torch.cat([polygon.roll(-1, 0) for polygon in polygons])
    x0, y0, x1, y1 = (values[:, None] for values in (*start.unbind(-1), *end.unbind(-1)))  # (E, 1) each
    rows = torch.arange(height, device=start.device, dtype=start.dtype) + 0.5
    crosses = (torch.minimum(y0, y1) <= rows) & (rows < torch.maximum(y0, y1))  # (E, H)
    where = x0 + (rows - y0) * (x1 - x0) / torch.where(y0 == y1, 1, y1 - y0)
    turned = (where - 0.5).ceil().clamp(0, width).long()  # pixels 0 ... turned - 1 lie left of the crossing
    marks = torch.zeros(height, width + 1, dtype=torch.int64, device=start.device)
    marks.scatter_add_(1, turned.mT, crosses.mT.long())
    left_of = marks.flip(1).cumsum(1).flip(1)[:, 1:]  # (H, W): how many crossings lie right of each centre
    return left_of % 2 == 1


def mask_to_polygons(mask: Tensor) -> list[Tensor]:
    """Outlines of one mask. `polygons_to_mask` gives the mask again.

    Args:
        mask: (H, W) bool.

    Returns:
        A list of closed outlines (P, 2) float32, pixels (x, y), first point = last, on the mask's device; holes are
        outlines of their own. Empty for an empty mask.
    """
    check_masks(mask=mask)
    padded = torch.nn.functional.pad(mask.float(), (1, 1, 1, 1)).cpu().numpy()
    # find_contours counts (row, column) from the centre of the padded image's first pixel.
    lines = [torch.from_numpy(line[:, ::-1] - 0.5).float() for line in find_contours(padded, 0.5)]
    return [line.to(mask.device) for line in lines]


def box_to_polygon(box: Tensor) -> Tensor:
    """Corners of boxes: (..., 4) xyxy to (..., 4, 2), clockwise as seen, from the top left."""
    check_box_shape(box=box)
    x0, y0, x1, y1 = box.unbind(-1)
    return torch.stack([x0, y0, x1, y0, x1, y1, x0, y1], -1).unflatten(-1, (4, 2))


def polygons_to_box(polygons: Sequence[Tensor]) -> Tensor:
    """The smallest box around some outlines together: (4,) xyxy; arguments as in `polygons_to_mask`."""
    _check_polygons(polygons)
    points = torch.cat(list(polygons))
    return torch.cat([points.amin(0), points.amax(0)])


def polygon_area(polygon: Tensor) -> Tensor:
    """Signed area of a closed polygon by the shoelace formula, positive when clockwise on the screen.

    Args:
        polygon: (N, 2) corners.

    Returns:
        A scalar, in squared units.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(polygon=(polygon, "N 2"))
    following = polygon.roll(-1, 0)
    return 0.5 * (polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0]).sum()


def _check_polygons(polygons: object) -> None:
    if not isinstance(polygons, list | tuple) or not polygons:
        raise ValueError(f"polygons must be a list of outlines, at least one, not a {describe(polygons)}")
    for polygon in polygons:
        if not isinstance(polygon, Tensor) or not polygon.is_floating_point() or polygon.shape[1:] != (2,):
            raise ValueError(f"polygons must be floating-point tensors of shape (P, 2), not a {describe(polygon)}")
        if len(polygon) == 0:
            raise ValueError("polygons must have points: one of the outlines is empty")
