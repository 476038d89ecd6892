"""Masks and boxes, masks against masks (chapters 9 and 11).

    IoU(A, B) = pixels in both / pixels in either

All pairs at once are one matrix product: with masks as rows of 0s and 1s, A B^T counts the common pixels. A mask's box
has its edges at the outer edges of the pixels, so that the box of the single pixel (row 0, column 0) is (0, 0, 1, 1)
as in COCO; torchvision's masks_to_boxes gives (0, 0, 0, 0) for it, the number of the last pixel instead of its edge.
Masks are bool, boxes xyxy. None of the functions has a gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import describe
from course_lib.ops.boxes import check_box_shape


def check_masks(**arguments: object) -> None:
    """Check that each named value is a bool tensor (..., H, W); no masks, (0, H, W), are masks.

    Raises:
        ValueError: One line that names the argument, what came and what was wanted.
    """
    for name, value in arguments.items():
        if not isinstance(value, Tensor) or value.dtype != torch.bool or value.ndim < 2:
            raise ValueError(f"{name} must be a bool tensor of shape (..., H, W), not a {describe(value)}")


def mask_iou(masks1: Tensor, masks2: Tensor, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """Intersection over union of all pairs.

    Args:
        masks1: (N, H, W) bool.
        masks2: (M, H, W) bool, of the same pictures' size.
        dtype: Of the result and of the counting; float32 is exact up to 16 million pixels.

    Returns:
        (N, M) in [0, 1]; 0 where both masks are empty.

    Raises:
        ValueError: For bad shapes, or pictures of two sizes.
    """
    check_masks(masks1=masks1, masks2=masks2)
    if masks1.ndim != 3 or masks2.ndim != 3 or masks1.shape[1:] != masks2.shape[1:]:
        raise ValueError(
            f"masks must have shapes (N, H, W) and (M, H, W), not {tuple(masks1.shape)} and {tuple(masks2.shape)}"
        )
    rows, columns = masks1.flatten(1).to(dtype), masks2.flatten(1).to(dtype)  # (N, H W), (M, H W)
    both = rows @ columns.mT  # (N, M)
    either = rows.sum(1)[:, None] + columns.sum(1) - both
    return both / either.clamp(min=1)


def masks_to_boxes(masks: Tensor) -> Tensor:
    """Tight boxes around masks.

    Args:
        masks: (..., H, W) bool.

    Returns:
        (..., 4) float32 xyxy in pixels; an empty mask has the box (0, 0, 0, 0).
    """
    check_masks(masks=masks)
    rows, columns = masks.any(-1), masks.any(-2)
    some = rows.any(-1, keepdim=True)
    edges = []
    for line in (columns, rows):
        count = line.shape[-1]
        place = torch.arange(count, device=masks.device)
        first = torch.where(line, place, count).amin(-1)
        last = torch.where(line, place + 1, 0).amax(-1)
        edges.append((first, last))
    (x0, x1), (y0, y1) = edges
    return torch.where(some, torch.stack([x0, y0, x1, y1], -1), 0).float()


def boxes_to_masks(boxes: Tensor, height: int, width: int) -> Tensor:
    """The pixels whose centres lie in each box: centres are at (column + 0.5, row + 0.5), edges count at left and top.

    Args:
        boxes: (..., 4) xyxy in pixels.
        height, width: Size of the picture.

    Returns:
        (..., H, W) bool.
    """
    check_box_shape(boxes=boxes)
    x = torch.arange(width, device=boxes.device, dtype=boxes.dtype) + 0.5
    y = torch.arange(height, device=boxes.device, dtype=boxes.dtype) + 0.5
    x0, y0, x1, y1 = boxes[..., None].unbind(-2)  # (..., 1) each
    columns, rows = (x >= x0) & (x < x1), (y >= y0) & (y < y1)  # (..., W), (..., H)
    return rows.unsqueeze(-1) & columns.unsqueeze(-2)
