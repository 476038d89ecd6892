"""Masks of objects and masks of boxes: cut one out of the other, and paste it back (chapter 11, "mask-rcnn").

    crop     a box is cut into M x M cells; RoIAlign of the object's mask; a cell is 1 where half of it is covered
    paste    at the centre of each pixel, x, the cells are read at u = (x - x0) / (x1 - x0) M - 1/2, between the four
             neighbours: sum_ij hat(v - i) c_ij hat(u - j), hat(t) = max(0, 1 - |t|). Outside of the box all cells are 0

The sum is R C W^T with a matrix for the rows and one for the columns, as in `roi_align`. No side is rounded. What
torchvision pastes has a frame of zeros and a box that is widened and rounded to whole pixels, its last pixel included;
with that box and those cells ours gives the same. He and others, Mask R-CNN, 2017, arXiv:1703.06870. A target is one of
`detector` with "masks" (G, H, W) bool: the visible pixels of each object, so that no two masks overlap.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes, describe
from course_lib.detection.detector import Target, check_targets
from course_lib.ops.boxes import check_box_shape
from course_lib.ops.boxes.regions import roi_align
from course_lib.ops.masks import check_masks, masks_to_boxes


def masked_targets(masks: Tensor, labels: Tensor) -> list[dict[str, Tensor]]:
    """Targets with masks from tables with empty rows, as the course's scenes have them.

    Args:
        masks: (B, N, H, W) bool; empty for what cannot be seen.
        labels: (B, N) int64; -1 for an empty slot.

    Returns:
        "boxes" (G, 4) xyxy around the visible pixels, "labels" (G,) and "masks" (G, H, W) of each picture.

    Raises:
        ValueError: For shapes that do not fit.
    """
    check_masks(masks=masks)
    if masks.ndim != 4 or masks.shape[:2] != labels.shape:
        raise ValueError(f"masks must be (B, N, H, W) and labels (B, N), not {tuple(masks.shape)} and "
                         f"{tuple(labels.shape)}")  # fmt: skip
    kept = (labels >= 0) & masks.flatten(2).any(2)
    return [{"boxes": masks_to_boxes(mask[keep]), "labels": label[keep], "masks": mask[keep]}
            for mask, label, keep in zip(masks, labels, kept, strict=True)]  # fmt: skip


def check_masked_targets(images: Tensor, targets: Sequence[Target], classes: int) -> None:
    """`check_targets`, and one mask of the picture's size for each box.

    Raises:
        ValueError: One line that names the target and what came.
    """
    check_targets(images, targets, classes)
    for number, target in enumerate(targets):
        masks, wanted = target.get("masks"), (len(target["boxes"]), *images.shape[-2:])
        if not isinstance(masks, Tensor) or masks.dtype != torch.bool or masks.shape != wanted:
            raise ValueError(f"targets[{number}]['masks'] must be bool of shape {wanted}, not a {describe(masks)}")


def crop_masks(masks: Tensor, boxes: Tensor, objects: Tensor, *, size: int) -> Tensor:
    """What a box should say of an object: its mask, cut out and counted in size x size cells.

    Args:
        masks: (G, H, W) bool.
        boxes: (R, 4) xyxy, pixels.
        objects: (R,) int64, the mask that each box is asked about.
        size: M, cells a side.

    Returns:
        (R, M, M) bool: cells of which at least half is covered, by 2 x 2 bilinear look-ups.

    Raises:
        ValueError: For shapes that do not fit.
    """
    check_masks(masks=masks)
    check_positive(size=size)
    if not len(boxes):
        return masks.new_zeros(0, size, size)
    return roi_align(masks[:, None].float(), boxes, objects, size=(size, size))[:, 0] >= 0.5


def paste_masks(cells: Tensor, boxes: Tensor, *, height: int, width: int) -> Tensor:
    """Cells of boxes as pictures.

    Args:
        cells: (D, M, M), such as chances in [0, 1].
        boxes: (D, 4) xyxy, pixels, of positive area.
        height, width: Of the picture.

    Returns:
        (D, H, W); 0 outside of the boxes. Gradients flow.

    Raises:
        ValueError: For shapes that do not fit.
    """
    check_box_shape(boxes=boxes)
    check_positive(height=height, width=width)
    if not len(cells):
        return cells.new_zeros(0, height, width)
    check_shapes(cells=(cells, "D M M"), boxes=(boxes, "D 4"))
    matrices = []
    for side, length in enumerate((width, height)):
        pixel = torch.arange(length, dtype=cells.dtype, device=cells.device) + 0.5
        begin, end = boxes[:, side, None], boxes[:, side + 2, None]
        place = (pixel - begin) / (end - begin) * cells.shape[1] - 0.5  # (D, length), counted in cells
        cell = torch.arange(cells.shape[1], dtype=cells.dtype, device=cells.device)
        matrices.append((1 - (place[..., None] - cell).abs()).clamp(min=0))  # (D, length, M)
    across, down = matrices
    return down @ cells @ across.mT
