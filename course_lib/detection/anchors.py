"""Anchors, and boxes as corrections to them (chapter 10, "faster-rcnn").

    anchors     at each place of the map boxes of every size and aspect ratio a = h / w: w = s / sqrt(a), h = s sqrt(a)
    coding      t_x = (x - x_a) / w_a, t_y alike, t_w = log(w / w_a), t_h = log(h / h_a), with centres x and widths w
    matching    an anchor takes the object with which its IoU is largest, if that is at least `above`; below `below`
                it is background; between them nobody asks. An object's best anchors count as well, whatever the IoU

Shifts are counted in widths and sizes in logarithms, so that an error of a tenth costs the same for a large box and a
small one. Ren, He, Girshick, Sun, Faster R-CNN, 2015, arXiv:1506.01497.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.ops.boxes import box_cxcywh_to_xyxy, box_iou, box_xyxy_to_cxcywh, check_box_shape

IGNORED, BACKGROUND = -2, -1
LARGEST = math.log(1000 / 16)  # no box grows by more: a wild log-width would overflow


def grid_anchors(
    height: int, width: int, *, stride: float, sizes: Sequence[float], ratios: Sequence[float] = (0.5, 1.0, 2.0)
) -> Tensor:
    """Anchors around the centre of each place of a map.

    Args:
        height: Rows of the map.
        width: Its columns.
        stride: Pixels from one place to the next; the centre of the first is at stride / 2.
        sizes: Root of the area, in pixels.
        ratios: Height over width.

    Returns:
        (height * width * A, 4) xyxy, A = sizes * ratios; place by place, row by row, at a place size by size.

    Raises:
        ValueError: For a number that is not positive.
    """
    check_positive(height=height, width=width, stride=stride)
    for k, size in enumerate(sizes):
        check_positive(**{f"sizes[{k}]": size})
    for k, ratio in enumerate(ratios):
        check_positive(**{f"ratios[{k}]": ratio})
    shapes = torch.tensor([[s / math.sqrt(a), s * math.sqrt(a)] for s in sizes for a in ratios])  # (A, 2), w and h
    y, x = torch.meshgrid((torch.arange(height) + 0.5) * stride, (torch.arange(width) + 0.5) * stride, indexing="ij")
    centres = torch.stack([x, y], -1).flatten(0, 1)  # (h w, 2)
    boxes = torch.cat([centres[:, None].expand(-1, len(shapes), -1), shapes.expand(len(centres), -1, -1)], -1)
    return box_cxcywh_to_xyxy(boxes.flatten(0, 1))


def encode_boxes(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Corrections (t_x, t_y, t_w, t_h) that make boxes of anchors.

    Args:
        boxes: (..., 4) xyxy of positive width and height.
        anchors: (..., 4) xyxy.

    Returns:
        (..., 4).

    Raises:
        ValueError: For a shape that does not end with 4.
    """
    check_box_shape(boxes=boxes, anchors=anchors)
    box, anchor = box_xyxy_to_cxcywh(boxes), box_xyxy_to_cxcywh(anchors)
    shift = (box[..., :2] - anchor[..., :2]) / anchor[..., 2:]
    return torch.cat([shift, (box[..., 2:] / anchor[..., 2:]).log()], -1)


def decode_boxes(corrections: Tensor, anchors: Tensor) -> Tensor:
    """Boxes that corrections make of anchors: `encode_boxes` backwards.

    Args:
        corrections: (..., 4).
        anchors: (..., 4) xyxy.

    Returns:
        (..., 4) xyxy.

    Raises:
        ValueError: For a shape that does not end with 4.
    """
    check_box_shape(corrections=corrections, anchors=anchors)
    anchor = box_xyxy_to_cxcywh(anchors)
    centre = anchor[..., :2] + corrections[..., :2] * anchor[..., 2:]
    return box_cxcywh_to_xyxy(torch.cat([centre, anchor[..., 2:] * corrections[..., 2:].clamp(max=LARGEST).exp()], -1))


def match_anchors(
    anchors: Tensor, objects: Tensor, *, above: float = 0.7, below: float = 0.3, rescue: bool = True
) -> Tensor:
    """Which object each anchor is to find.

    Args:
        anchors: (N, 4) xyxy.
        objects: (K, 4) xyxy; K may be 0, then all is background.
        above: IoU from which an anchor takes an object.
        below: IoU below which it is background.
        rescue: An object's best anchors count as well, whatever the IoU.

    Returns:
        (N,) int64: number of an object, BACKGROUND or IGNORED.

    Raises:
        ValueError: For bad shapes, or thresholds that are not 0 <= below <= above <= 1.
    """
    if not 0 <= below <= above <= 1:
        raise ValueError(f"thresholds must be 0 <= below <= above <= 1, not below {below} and above {above}")
    if not len(objects):
        return torch.full((len(anchors),), BACKGROUND, device=anchors.device)
    overlap = box_iou(anchors, objects)  # (N, K)
    best, match = overlap.max(1)
    found = torch.where(best >= above, match, torch.where(best < below, BACKGROUND, IGNORED))
    if not rescue:
        return found
    best_of_object = ((overlap == overlap.amax(0)) & (overlap > 0)).any(1)  # ties too
    return torch.where(best_of_object, match, found)
