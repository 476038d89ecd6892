"""One box for each object: non-maximum suppression (chapter 10, "nms").

    nms       take the best box, drop all others whose IoU with it is above a threshold, repeat with what is left
    batched   the same for several classes at once: boxes of different classes do not see each other
    soft      scores are lowered instead, s <- s exp(-IoU^2 / sigma)  or  s <- s (1 - IoU) above a threshold

By its definition (`nms_steps`) the loop runs over the boxes that are kept. `nms_mask` asks all at once and repeats:
keep_i = no better j with keep_j and IoU_ij > threshold; from "all stay" this settles after as many turns as the longest
chain of boxes that decide about each other, two or three. Of equal scores the earlier box wins. Results equal
torchvision's, which moves the boxes of each class to a place of their own; here classes are compared, so that nothing
is rounded. Soft: Bodla, Singh, Chellappa, Davis, 2017, arXiv:1704.04503.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, describe
from course_lib.ops.boxes.formats import check_box_shape
from course_lib.ops.boxes.iou import box_iou

MATRIX = 1000  # up to so many boxes are compared all with all


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float = 0.5) -> Tensor:
    """Non-maximum suppression.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,).
        iou_threshold: A box goes if its IoU with a better one that stays is above this; an equal IoU lets it stay.

    Returns:
        (K,) int64 indices of the boxes that stay, best first.

    Raises:
        ValueError: For bad shapes, or a threshold outside 0 ... 1.
    """
    return batched_nms(boxes, scores, torch.zeros_like(scores, dtype=torch.int64), iou_threshold=iou_threshold)


def batched_nms(boxes: Tensor, scores: Tensor, classes: Tensor, *, iou_threshold: float = 0.5) -> Tensor:
    """Non-maximum suppression within each class, or within each image, level or whatever `classes` numbers.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,).
        classes: (N,) int64; only boxes of one class suppress each other.
        iou_threshold: As in `nms`.

    Returns:
        (K,) int64 indices of the boxes that stay, best first.

    Raises:
        ValueError: For bad shapes, or a threshold outside 0 ... 1.
    """
    _check(boxes, scores, iou_threshold)
    if not isinstance(classes, Tensor) or classes.dtype != torch.int64 or classes.shape != scores.shape:
        raise ValueError(f"classes must be an int64 tensor of shape {tuple(scores.shape)}, not a {describe(classes)}")
    order = scores.argsort(descending=True, stable=True)
    if len(order) <= MATRIX:
        return order[nms_mask(boxes[order], classes[order], iou_threshold=iou_threshold)]
    left, kept = order, [order[:0]]
    while len(left):
        best, left = left[:1], left[1:]
        kept.append(best)
        apart = box_iou(boxes[best], boxes[left])[0] <= iou_threshold
        left = left[apart | (classes[left] != classes[best])]
    return torch.cat(kept)


def nms_mask(boxes: Tensor, classes: Tensor | None = None, *, iou_threshold: float = 0.5) -> Tensor:
    """Which boxes stay, for boxes that are sorted already; several pictures at once.

    Args:
        boxes: (..., N, 4) xyxy, best first.
        classes: (..., N) int64; only boxes of one class suppress each other. One class without it.
        iou_threshold: As in `nms`.

    Returns:
        (..., N) bool. Takes memory for N^2 overlaps.
    """
    check_box_shape(boxes=boxes)
    rivals = (box_iou(boxes, boxes) > iou_threshold).triu(1)  # (..., N, N): i is better than j and covers it
    if classes is not None:
        rivals &= classes[..., :, None] == classes[..., None, :]
    kept = torch.ones(boxes.shape[:-1], dtype=torch.bool, device=boxes.device)
    for _ in range(boxes.shape[-2]):
        before, kept = kept, ~(rivals & kept[..., :, None]).any(-2)
        if torch.equal(before, kept):
            break
    return kept


def nms_steps(boxes: Tensor, scores: Tensor, iou_threshold: float = 0.5) -> list[tuple[int, Tensor]]:
    """Suppression turn by turn, to be drawn: the box that each turn keeps, and (n,) indices of those that it drops.

    Arguments and errors as in `nms`; the kept boxes are those that `nms` returns, in its order.
    """
    _check(boxes, scores, iou_threshold)
    left, steps = scores.argsort(descending=True, stable=True), []
    while len(left):
        best, left = left[:1], left[1:]
        covered = box_iou(boxes[best], boxes[left])[0] > iou_threshold
        steps.append((int(best), left[covered]))
        left = left[~covered]
    return steps


def soft_nms(
    boxes: Tensor,
    scores: Tensor,
    *,
    sigma: float | None = 0.5,
    iou_threshold: float = 0.3,
    score_threshold: float = 1e-3,
) -> tuple[Tensor, Tensor]:
    """Lower the scores of boxes that overlap a better one.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,), not negative.
        sigma: Width of the Gaussian form; None chooses the linear form.
        iou_threshold: For the linear form: below it scores are left alone.
        score_threshold: Boxes whose score falls to this or below are dropped.

    Returns:
        (K,) int64 indices and (K,) lowered scores, best first.

    Raises:
        ValueError: For bad shapes, a threshold outside 0 ... 1, or sigma not above 0.
    """
    _check(boxes, scores, iou_threshold)
    if sigma is not None:
        check_positive(sigma=sigma)
    left, values = torch.arange(len(scores), device=scores.device), scores
    kept, lowered = [left[:0]], [values[:0]]
    while True:
        alive = values > score_threshold
        left, values = left[alive], values[alive]
        if not len(left):
            return torch.cat(kept), torch.cat(lowered)
        first = int(values.argmax())  # of equal ones the first
        kept.append(left[first : first + 1])
        lowered.append(values[first : first + 1])
        rest = torch.arange(len(left), device=left.device) != first
        overlap = box_iou(boxes[left[first : first + 1]], boxes[left[rest]])[0]
        linear = torch.where(overlap > iou_threshold, 1 - overlap, 1)
        values = values[rest] * (linear if sigma is None else torch.exp(-overlap.square() / sigma))
        left = left[rest]


def _check(boxes: object, scores: object, iou_threshold: float) -> None:
    check_box_shape(boxes=boxes)
    assert isinstance(boxes, Tensor)
    if boxes.ndim != 2:
        raise ValueError(f"boxes must have shape (N, 4), not {tuple(boxes.shape)}")
    if not isinstance(scores, Tensor) or not scores.is_floating_point() or scores.shape != boxes.shape[:1]:
        raise ValueError(f"scores must be a floating-point tensor of shape ({len(boxes)},), not a {describe(scores)}")
    if not 0 <= iou_threshold <= 1:
        raise ValueError(f"iou_threshold must be 0 to 1, not {iou_threshold}")
