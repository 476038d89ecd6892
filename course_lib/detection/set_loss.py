"""The set loss: which prediction is to find which object, decided by the cheapest assignment (chapter 10, "detr").

    cost of pairing prediction i and object j     C_ij = 2 c_ij + 5 |b_i - b_j|_1 + 2 (1 - GIoU(b_i, b_j))
    assignment                                    one-to-one, sum of C smallest (Hungarian method, scipy)
    loss        class of all predictions + (5 |b - b_j|_1 + 2 (1 - GIoU)) of the assigned ones / number of objects

One prediction an object and no more: a double is punished as background, so that no suppression is needed afterwards.
Boxes are centre and size over the picture's, in [0, 1]. Two forms of the class:

    softmax   c = -p_label; cross-entropy over K + 1, background weighs 0.1     DETR, Carion et al. 2020, 2005.12872
    sigmoid   c = focal cost of the label minus that of not saying it; focal loss    Zhu et al. 2020, 2010.04159

Every layer of a decoder can be asked (auxiliary losses): `set_losses` takes one, the models sum over layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from course_lib.detection.detector import Target
from course_lib.detection.focal import sigmoid_focal_loss
from course_lib.ops.boxes import (
    box_cxcywh_to_xyxy,
    box_xyxy_to_cxcywh,
    check_box_shape,
    generalized_box_iou,
    generalized_box_iou_loss,
)

CLASS, L1, GIOU = 2.0, 5.0, 2.0
BACKGROUND_WEIGHT = 0.1


def class_costs(scores: Tensor, labels: Tensor, *, focal: bool = False) -> Tensor:
    """What it costs to let each prediction have each object, as far as the class goes.

    Args:
        scores: (N, K) before the sigmoid with `focal`, else (N, K + 1) before the softmax.
        labels: (G,) int64.
        focal: The sigmoid form.

    Returns:
        (N, G); small where the prediction says the label.
    """
    if not focal:
        return -scores.softmax(-1)[:, labels]
    yes, no = (sigmoid_focal_loss(scores, torch.full_like(scores, value)) for value in (1.0, 0.0))
    return (yes - no)[:, labels]


def assign(costs: Tensor) -> tuple[Tensor, Tensor]:
    """The one-to-one assignment whose costs have the smallest sum.

    Args:
        costs: (N, G), finite; G may be 0.

    Returns:
        Rows and columns, int64, min(N, G) each, on the device of the costs; waits for a GPU.

    Raises:
        ValueError: If a cost is not finite.
    """
    if costs.ndim != 2:
        raise ValueError(f"costs must be (N, G), not {tuple(costs.shape)}")
    if not torch.isfinite(costs).all():
        raise ValueError(f"costs must be finite, but {int((~torch.isfinite(costs)).sum())} of {costs.numel()} are not")
    rows, columns = linear_sum_assignment(costs.detach().double().cpu().numpy())
    return torch.as_tensor(rows, device=costs.device), torch.as_tensor(columns, device=costs.device)


def unit_boxes(target: Target, size: tuple[int, int]) -> Tensor:
    """A target's boxes as (G, 4) centre and size, divided by the picture's (height, width)."""
    height, width = size
    boxes = target["boxes"]
    return box_xyxy_to_cxcywh(boxes) / boxes.new_tensor([width, height, width, height])


def pixel_boxes(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The way back: (..., 4) centre and size in [0, 1] to xyxy in pixels of a picture of (height, width)."""
    height, width = size
    return box_cxcywh_to_xyxy(boxes) * boxes.new_tensor([width, height, width, height])


def match_sets(scores: Tensor, boxes: Tensor, targets: Sequence[Target], *, size: tuple[int, int],
               focal: bool = False) -> list[tuple[Tensor, Tensor]]:  # fmt: skip
    """The cheapest assignment in each picture.

    Args:
        scores: (B, N, K + 1), or (B, N, K) with `focal`.
        boxes: (B, N, 4) centre and size in [0, 1].
        targets: One a picture, boxes in pixels.
        size: (height, width) of the pictures.
        focal: The sigmoid form of the class.

    Returns:
        For each picture numbers of predictions and of the objects that they are to find.
    """
    check_box_shape(boxes=boxes)
    found = []
    with torch.no_grad():
        for score, box, target in zip(scores, boxes, targets, strict=True):
            wanted = unit_boxes(target, size)
            shift = torch.cdist(box, wanted, p=1)
            apart = 1 - generalized_box_iou(box_cxcywh_to_xyxy(box), box_cxcywh_to_xyxy(wanted))
            costs = CLASS * class_costs(score, target["labels"], focal=focal) + L1 * shift + GIOU * apart
            found.append(assign(costs))
    return found


def set_losses(scores: Tensor, boxes: Tensor, targets: Sequence[Target], *, size: tuple[int, int],
               focal: bool = False) -> dict[str, Tensor]:  # fmt: skip
    """The set loss of one layer's predictions; arguments as in `match_sets`.

    Returns:
        "class", "l1" and "giou", weighted, each of shape (); divided by the number of objects, or by 1 without any.
    """
    pairs = match_sets(scores, boxes, targets, size=size, focal=focal)
    picture = torch.cat([torch.full_like(rows, b) for b, (rows, _) in enumerate(pairs)])
    row = torch.cat([rows for rows, _ in pairs])
    wanted = torch.cat([unit_boxes(t, size)[columns] for t, (_, columns) in zip(targets, pairs, strict=True)])
    labels = torch.cat([t["labels"][columns] for t, (_, columns) in zip(targets, pairs, strict=True)])
    count = max(len(labels), 1)
    found = boxes[picture, row]
    if focal:
        said = torch.zeros_like(scores)
        said[picture, row, labels] = 1
        entropy = sigmoid_focal_loss(scores, said).sum() / count
    else:
        background = scores.shape[-1] - 1
        said = torch.full(scores.shape[:-1], background, device=scores.device)
        said[picture, row] = labels
        weights = scores.new_ones(background + 1)
        weights[background] = BACKGROUND_WEIGHT
        entropy = F.cross_entropy(scores.flatten(0, 1), said.flatten(), weights)
    apart = generalized_box_iou_loss(box_cxcywh_to_xyxy(found), box_cxcywh_to_xyxy(wanted))
    shift = (found - wanted).abs().sum() / count
    return {"class": CLASS * entropy, "l1": L1 * shift, "giou": GIOU * apart.sum() / count}
