"""How much two boxes overlap (chapter 10, "boxes-iou").

    IoU(A, B)  = |A and B| / |A or B|                      0 (apart) to 1 (equal), whatever the size
    GIoU(A, B) = IoU - (|C| - |A or B|) / |C|              C the smallest box around both; -1 (far apart) to 1

IoU is flat where boxes do not touch: its gradient cannot bring them together. GIoU falls with the empty part of C, so
its gradient can. Rezatofighi et al., "Generalized intersection over union", 2019, arXiv:1902.09630.

Boxes are xyxy, (x0, y0, x1, y1) in any unit. Pairwise functions compare all with all, (N, 4) and (M, 4) to (N, M); the
loss compares row by row. Values equal torchvision's but for two boxes without area: here they have IoU 0, there NaN.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.ops.boxes.formats import box_area, check_box_shape


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Intersection over union of all pairs.

    Args:
        boxes1: (..., N, 4) xyxy.
        boxes2: (..., M, 4) xyxy.

    Returns:
        (..., N, M) in [0, 1]; 0 where neither box has an area. Gradients flow where boxes overlap.
    """
    check_box_shape(boxes1=boxes1, boxes2=boxes2)
    intersection, union = _overlap(boxes1.unsqueeze(-2), boxes2.unsqueeze(-3))
    return intersection / _positive(union)


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Generalised intersection over union of all pairs.

    Args:
        boxes1: (..., N, 4) xyxy.
        boxes2: (..., M, 4) xyxy.

    Returns:
        (..., N, M) in [-1, 1].
    """
    check_box_shape(boxes1=boxes1, boxes2=boxes2)
    return _generalized(boxes1.unsqueeze(-2), boxes2.unsqueeze(-3))


def generalized_box_iou_loss(boxes: Tensor, targets: Tensor) -> Tensor:
    """1 - GIoU of each box with its target.

    Args:
        boxes, targets: (..., 4) xyxy of one shape.

    Returns:
        (...) in [0, 2]. No mean is taken: the caller decides what one divides by if there is no box.

    Raises:
        ValueError: If the shapes differ; broadcasting would compare the wrong boxes.
    """
    check_box_shape(boxes=boxes, targets=targets)
    if boxes.shape != targets.shape:
        raise ValueError(f"boxes {tuple(boxes.shape)} and targets {tuple(targets.shape)} must have one shape")
    return 1 - _generalized(boxes, targets)


def _overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Area of the intersection and of the union of boxes whose leading dimensions broadcast."""
    first, last = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    width, height = (last - first).clamp(min=0).unbind(-1)
    intersection = width * height
    return intersection, box_area(a) + box_area(b) - intersection


def _generalized(a: Tensor, b: Tensor) -> Tensor:
    intersection, union = _overlap(a, b)
    first, last = torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])
    around = box_area(torch.cat([first, last], -1))
    return intersection / _positive(union) - (around - union) / _positive(around)


def _positive(area: Tensor) -> Tensor:
    """Areas to divide by: an area of 0 has 0 above it, and 0 / tiny is 0."""
    return area.clamp(min=torch.finfo(area.dtype).tiny)
