"""Axis-parallel boxes (chapters 9 to 13): formats, overlap, suppression of doubles. xyxy unless a name says else."""

from course_lib.ops.boxes.formats import (
    box_area,
    box_cxcywh_to_xyxy,
    box_xywh_to_xyxy,
    box_xyxy_to_cxcywh,
    box_xyxy_to_xywh,
    check_box_shape,
    check_boxes,
    clip_boxes_to_image,
)
from course_lib.ops.boxes.iou import box_iou, generalized_box_iou, generalized_box_iou_loss
from course_lib.ops.boxes.nms import batched_nms, nms, nms_mask, nms_steps, soft_nms

__all__ = [
    "batched_nms",
    "box_area",
    "box_cxcywh_to_xyxy",
    "box_iou",
    "box_xywh_to_xyxy",
    "box_xyxy_to_cxcywh",
    "box_xyxy_to_xywh",
    "check_box_shape",
    "check_boxes",
    "clip_boxes_to_image",
    "generalized_box_iou",
    "generalized_box_iou_loss",
    "nms",
    "nms_mask",
    "nms_steps",
    "soft_nms",
]
