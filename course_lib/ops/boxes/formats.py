"""Four numbers for a box, three ways to choose them (chapter 10, "boxes-iou").

    xyxy      x0, y0, x1, y1            left, top, right and bottom edge: the format of this library
    xywh      x0, y0, w, h              the format of COCO's files
    cxcywh    x0 + w/2, y0 + h/2, w, h  what networks predict: a centre and a size

Edges are places in pixels, not pixel numbers: x to the right, y down, (0, 0) is the top left corner of the picture, so
that a box around the single pixel (row 0, column 0) is 0, 0, 1, 1 and has the area 1. All functions are differentiable,
take any leading dimensions, also none or no box at all, and look at shapes only; `check_boxes` looks at values, for
entry points. Names are torchvision's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import describe


def check_box_shape(**arguments: object) -> None:
    """Check that each named value is a floating-point tensor (..., 4); no boxes, (0, 4), are boxes.

    Raises:
        ValueError: One line that names the argument, what came and what was wanted.
    """
    for name, value in arguments.items():
        if not isinstance(value, Tensor) or not value.is_floating_point() or value.shape[-1:] != (4,):
            raise ValueError(f"{name} must be a floating-point tensor of shape (..., 4), not a {describe(value)}")


def check_boxes(**arguments: object) -> None:
    """Check xyxy boxes by their values, too: finite, and no edge beyond its opposite. Waits for a GPU.

    Raises:
        ValueError: One line that names the argument and the first bad box.
    """
    check_box_shape(**arguments)
    for name, value in arguments.items():
        assert isinstance(value, Tensor)
        bad = ~(value[..., 2:] >= value[..., :2]).all(-1) | ~torch.isfinite(value).all(-1)  # NaN compares as False
        if bad.any():
            first = [round(number, 4) for number in value[bad][0].tolist()]
            raise ValueError(
                f"{name} must be x0, y0, x1, y1 with x0 <= x1 and y0 <= y1, but {int(bad.sum())} of {bad.numel()} are "
                f"not, first {first}; box_xywh_to_xyxy and box_cxcywh_to_xyxy convert other formats"
            )


def box_xywh_to_xyxy(boxes: Tensor) -> Tensor:
    """(..., 4) x0, y0, w, h to x0, y0, x1, y1."""
    check_box_shape(boxes=boxes)
    corner, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([corner, corner + size], -1)


def box_xyxy_to_xywh(boxes: Tensor) -> Tensor:
    """(..., 4) x0, y0, x1, y1 to x0, y0, w, h."""
    check_box_shape(boxes=boxes)
    first, last = boxes[..., :2], boxes[..., 2:]
    return torch.cat([first, last - first], -1)


def box_cxcywh_to_xyxy(boxes: Tensor) -> Tensor:
    """(..., 4) centre x, centre y, w, h to x0, y0, x1, y1."""
    check_box_shape(boxes=boxes)
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], -1)


def box_xyxy_to_cxcywh(boxes: Tensor) -> Tensor:
    """(..., 4) x0, y0, x1, y1 to centre x, centre y, w, h."""
    check_box_shape(boxes=boxes)
    first, last = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(first + last) / 2, last - first], -1)


def box_area(boxes: Tensor) -> Tensor:
    """Area of xyxy boxes (..., 4), (...) in pixels; negative for a box that is reversed in one direction."""
    check_box_shape(boxes=boxes)
    width, height = (boxes[..., 2:] - boxes[..., :2]).unbind(-1)
    return width * height


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut what sticks out of the picture; a box outside it becomes one of area 0 on the edge.

    Args:
        boxes: (..., 4) xyxy.
        size: (height, width) of the picture, pixels: rows first, as in shapes of pictures.

    Returns:
        (..., 4) xyxy with 0 <= x <= width and 0 <= y <= height.
    """
    check_box_shape(boxes=boxes)
    height, width = size
    return boxes.clamp(min=0).minimum(boxes.new_tensor([width, height, width, height]))
