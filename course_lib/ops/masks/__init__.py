"""Masks, (H, W) bool: which pixels are an object's (chapters 9 to 13). Overlap, boxes, run lengths, outlines."""

from course_lib.ops.masks.compare import boxes_to_masks, check_masks, mask_iou, masks_to_boxes
from course_lib.ops.masks.polygons import (
    box_to_polygon,
    mask_to_polygons,
    polygon_area,
    polygons_to_box,
    polygons_to_mask,
)
from course_lib.ops.masks.run_lengths import from_run_lengths, run_lengths

__all__ = [
    "box_to_polygon",
    "boxes_to_masks",
    "check_masks",
    "from_run_lengths",
    "mask_iou",
    "mask_to_polygons",
    "masks_to_boxes",
    "polygon_area",
    "polygons_to_box",
    "polygons_to_mask",
    "run_lengths",
]
