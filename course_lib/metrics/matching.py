"""From boxes and scores to precision and recall (chapter 10, "detection-metrics").

    match       best detection first: each takes the free object that it overlaps most, if IoU >= a threshold
    precision   TP / (TP + FP) among the detections with the best n scores
    recall      TP / objects
    AP          mean over recalls r = 0, 0.01, ..., 1 of the best precision at recall r or more

Objects can be set aside (too small for this column of the table): a detection takes one only if no other fits, and
counts neither as right nor as wrong then. The rules are those of COCO's evaluator (Lin et al. 2014, arXiv:1405.0312),
down to ties: of equal overlaps the later object is taken. PASCAL VOC's old rule has 11 recalls.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def match_detections(iou: Tensor, thresholds: Tensor, ignored: Tensor) -> Tensor:
    """Give detections to objects of one class in one image.

    Args:
        iou: (D, G), detections with the best scores first.
        thresholds: (T,) least IoU of a match; each is answered apart.
        ignored: (A, G) bool, objects set aside; each row is answered apart.

    Returns:
        (A, T, D) int64, number of the object that the detection takes; -1 for none.
    """
    detections, objects = iou.shape
    matches = torch.full((len(ignored), len(thresholds), detections), -1, dtype=torch.int64, device=iou.device)
    if objects == 0:
        return matches
    free = torch.ones(len(ignored), len(thresholds), objects, dtype=torch.bool, device=iou.device)
    least = thresholds.clamp(max=1 - 1e-10)[:, None]  # (T, 1)
    number = torch.arange(objects, device=iou.device)
    for d in range(detections):
        fits = free & (iou[d] >= least)  # (A, T, G)
        wanted = fits & ~ignored[:, None]
        fits = torch.where(wanted.any(-1, keepdim=True), wanted, fits)
        best = objects - 1 - torch.where(fits, iou[d], -1).flip(-1).argmax(-1)  # (A, T), of equal ones the last
        best = torch.where(fits.any(-1), best, -1)
        matches[..., d] = best
        free &= number != best[..., None]
    return matches


def precision_recall_curve(
    scores: Tensor, hits: Tensor, positives: int, *, counted: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Precision and recall of the n best detections, for each n.

    Args:
        scores: (D,).
        hits: (..., D) bool, which detections have an object.
        positives: Number of objects, at least 1.
        counted: (..., D) bool, detections that count; all without it.

    Returns:
        Precision (..., D) and recall (..., D), float64 in [0, 1], in the order of falling scores.
    """
    order = scores.argsort(descending=True, stable=True)
    counted = torch.ones_like(hits) if counted is None else counted
    right = (hits & counted)[..., order].cumsum(-1).double()
    wrong = (~hits & counted)[..., order].cumsum(-1)
    return right / (right + wrong).clamp(min=1), right / positives


def interpolated_precision(precision: Tensor, recall: Tensor, points: int = 101) -> Tensor:
    """Best precision at a recall r or more, for evenly spaced r; its mean is the average precision.

    Args:
        precision, recall: (..., D), as `precision_recall_curve` gives them.
        points: 101 as COCO, 11 as PASCAL VOC until 2009.

    Returns:
        (..., points) for r = 0 ... 1; 0 where that recall is not reached.
    """
    # One more entry, of precision 0, is where recalls lead that are never reached.
    envelope = F.pad(precision, (0, 1)).flip(-1).cummax(-1).values.flip(-1)  # (..., D + 1)
    # Multiplied, not divided: the last bit decides about recalls like 7/50, and the reference evaluator multiplies.
    wanted = torch.arange(points, dtype=recall.dtype, device=recall.device) * (1 / (points - 1))
    wanted = wanted.expand(*recall.shape[:-1], points).contiguous()
    return envelope.gather(-1, torch.searchsorted(recall.contiguous(), wanted))
