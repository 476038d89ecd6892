"""How good is a track of one object? (chapter 13, "tracking-metrics")

    success(t)     share of frames whose box overlaps the true one with an IoU above t, t from 0 to 1
    AUC            area under that curve; for fine steps of t it is the mean IoU
    precision(d)   share of frames whose centre is within d pixels of the true one; d = 20 is the usual headline

Wu, Lim, Yang, Online object tracking: a benchmark, CVPR 2013. The first frame, whose box was given, does not count.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_shapes
from course_lib.ops.boxes import box_iou, check_boxes

THRESHOLDS = tuple(k / 20 for k in range(21))


def paired_iou(boxes: Tensor, truth: Tensor) -> Tensor:
    """IoU of each box with the true box of the same frame: (N,) of (N, 4) and (N, 4)."""
    check_boxes(boxes=boxes, truth=truth)
    check_shapes(boxes=(boxes, "N 4"), truth=(truth, "N 4"))
    return torch.cat([box_iou(a[None], b[None])[0] for a, b in zip(boxes, truth, strict=True)])


def success_curve(iou: Tensor, thresholds: tuple[float, ...] = THRESHOLDS) -> Tensor:
    """Share of frames above each threshold: (len(thresholds),) of IoU (N,)."""
    check_shapes(iou=(iou, "N"))
    return torch.stack([(iou > t).float().mean() for t in thresholds])


def success_auc(iou: Tensor) -> float:
    """Mean of the success curve over 21 thresholds from 0 to 1."""
    return float(success_curve(iou).mean())


def precision_curve(boxes: Tensor, truth: Tensor, distances: tuple[float, ...] = tuple(range(51))) -> Tensor:
    """Share of frames whose centre is within each distance in pixels: (len(distances),) of boxes (N, 4) and (N, 4)."""
    check_boxes(boxes=boxes, truth=truth)
    apart = ((boxes[:, :2] + boxes[:, 2:]) / 2 - (truth[:, :2] + truth[:, 2:]) / 2).norm(dim=1)
    return torch.stack([(apart <= d).float().mean() for d in distances])
