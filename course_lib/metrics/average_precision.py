"""Average precision as COCO counts it, for boxes and for masks (chapters 10 and 11, "detection-metrics").

Lin et al., "Microsoft COCO: common objects in context", 2014, arXiv:1405.0312; cocodataset.org/#detection-eval.

    AP      mean over IoU thresholds 0.50, 0.55, ..., 0.95 and over classes of the area under precision over recall
    AP50    at IoU 0.5 alone;  AP75 at 0.75
    AP_small, _medium, _large    objects up to 32^2, up to 96^2 and above it; all others are skipped
    AR_n    mean over thresholds and classes of the recall with the n best detections an image and class

    score = AveragePrecision()
    for each batch: score.update(predictions, targets)
    score.compute()["AP"]

Numbers equal pycocotools' for data without crowds; where it gives -1, for no such object, we give NaN. The order of
images matters in one case only: equal scores. Boxes are xyxy, masks bool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.core.checks import describe
from course_lib.metrics.matching import interpolated_precision, match_detections, precision_recall_curve
from course_lib.ops.boxes import box_area, box_iou, check_boxes
from course_lib.ops.masks import check_masks, mask_iou

THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())  # rounded as the reference evaluator rounds them
SIZES = ("all", "small", "medium", "large")


@dataclass
class _Image:
    """What one image gives for one class; detections with the best scores first. A = 4 sizes, T thresholds."""

    scores: Tensor  # (D,)
    hits: Tensor  # (A, T, D)
    counted: Tensor  # (A, T, D)
    positives: Tensor  # (A,)


class AveragePrecision:
    """Collect images, then compute.

    Args:
        kind: boxes or masks.
        areas: Where small ends and where large begins, square pixels.
        detections: For the recalls: how many detections an image and class; the last also limits AP.
    """

    def __init__(
        self,
        kind: str = "boxes",
        *,
        areas: tuple[float, float] = (32**2, 96**2),
        detections: tuple[int, int, int] = (1, 10, 100),
    ):
        if kind not in ("boxes", "masks"):
            raise ValueError(f"kind must be 'boxes' or 'masks', not {kind!r}")
        self.kind, self.detections = kind, detections
        far = float("inf")
        self.ranges = ((0.0, far), (0.0, areas[0]), (areas[0], areas[1]), (areas[1], far))
        self.images: dict[int, list[_Image]] = {}

    def update(self, predictions: Sequence[Mapping[str, Tensor]], targets: Sequence[Mapping[str, Tensor]]) -> None:
        """Add images.

        Args:
            predictions: For each image "boxes" (D, 4) or "masks" (D, H, W), "scores" (D,), "labels" (D,) int64.
            targets: For each image "boxes" (G, 4) or "masks" (G, H, W), "labels" (G,) int64, and, if the size of an
                object shall not be that of its box or mask, "area" (G,). No objects are tensors of length 0.

        Raises:
            ValueError: If something is missing or misshapen.
        """
        if len(predictions) != len(targets):
            raise ValueError(f"{len(predictions)} predictions and {len(targets)} targets: one of each for each image")
        for prediction, target in zip(predictions, targets, strict=True):
            _check(prediction, "predictions", (self.kind, "scores", "labels"))
            _check(target, "targets", (self.kind, "labels"))
            found, true = prediction[self.kind], target[self.kind]
            areas = target["area"] if "area" in target else _areas(true)
            for label in {*prediction["labels"].tolist(), *target["labels"].tolist()}:
                ours, theirs = prediction["labels"] == label, target["labels"] == label
                one = self._match(found[ours], prediction["scores"][ours], true[theirs], areas[theirs])
                self.images.setdefault(label, []).append(one)

    def _match(self, found: Tensor, scores: Tensor, true: Tensor, areas: Tensor) -> _Image:
        order = scores.argsort(descending=True, stable=True)[: self.detections[-1]]
        found, scores = found[order], scores[order]
        if self.kind == "masks":
            iou = mask_iou(found, true, dtype=torch.float64)
        else:
            iou = box_iou(found.double(), true.double())
        low, high = torch.tensor(self.ranges, dtype=torch.float64, device=scores.device).mT[..., None]  # (A, 1)
        ignored = (areas < low) | (areas > high)  # (A, G)
        own = _areas(found)
        outside = (own < low) | (own > high)  # (A, D)
        matches = match_detections(iou, iou.new_tensor(THRESHOLDS), ignored)  # (A, T, D)
        hits = matches >= 0
        if len(true):
            taken = ignored[:, None].expand(*matches.shape[:2], -1).gather(-1, matches.clamp(min=0))
        else:
            taken = torch.zeros_like(hits)
        skipped = torch.where(hits, taken, outside[:, None])
        return _Image(scores, hits, ~skipped, (~ignored).sum(1))

    def _of_class(self, images: list[_Image], most: int) -> tuple[Tensor, Tensor]:
        """Interpolated precision (A, T, 101) and final recall (A, T) of one class; NaN without objects."""
        scores = torch.cat([image.scores[:most] for image in images])
        hits = torch.cat([image.hits[..., :most] for image in images], -1)
        counted = torch.cat([image.counted[..., :most] for image in images], -1)
        positives = torch.stack([image.positives for image in images]).sum(0)[:, None, None]  # (A, 1, 1)
        precision, right = precision_recall_curve(scores, hits, 1, counted=counted)
        recall = right / positives.clamp(min=1)
        last = recall[..., -1] if len(scores) else recall.new_zeros(recall.shape[:2])
        none = positives == 0
        best = interpolated_precision(precision, recall).masked_fill(none, float("nan"))
        return best, last.masked_fill(none[..., 0], float("nan"))

    def class_precision(self) -> dict[int, float]:
        """AP of each class that was seen, over all thresholds; NaN for one without objects."""
        most = self.detections[-1]
        return {
            label: float(self._of_class(images, most)[0][0].mean()) for label, images in sorted(self.images.items())
        }

    def compute(self) -> dict[str, float]:
        """AP, AP50, AP75, AP by size, and AR by number of detections and by size; each in [0, 1], or NaN."""
        most = self.detections[-1]
        names = ["AP", "AP50", "AP75", *(f"AP_{size}" for size in SIZES[1:])]
        names += [*(f"AR_{count}" for count in self.detections), *(f"AR_{size}" for size in SIZES[1:])]
        if not self.images:
            return dict.fromkeys(names, float("nan"))
        parts = {count: [self._of_class(images, count) for images in self.images.values()] for count in self.detections}
        precision = torch.stack([part[0] for part in parts[most]])  # (K, A, T, 101)
        recall = {count: torch.stack([part[1] for part in found]) for count, found in parts.items()}  # (K, A, T)
        values = [precision[:, 0], precision[:, 0, 0], precision[:, 0, 5], *precision[:, 1:].unbind(1)]
        values += [*(recall[count][:, 0] for count in self.detections), *recall[most][:, 1:].unbind(1)]
        return {name: float(value.nanmean()) for name, value in zip(names, values, strict=True)}


def _areas(shapes: Tensor) -> Tensor:
    return shapes.sum((1, 2)) if shapes.dtype == torch.bool else box_area(shapes)


def _check(entry: Mapping[str, Tensor], name: str, keys: tuple[str, ...]) -> None:
    """One image's dictionary has what is needed, as many of each, and sound boxes or masks."""
    missing = [key for key in keys if key not in entry]
    if missing:
        raise ValueError(f"{name} must have {', '.join(keys)} for each image; {', '.join(missing)} is missing")
    shapes, labels = entry[keys[0]], entry["labels"]
    (check_boxes if keys[0] == "boxes" else check_masks)(**{f"{name}' {keys[0]}": shapes})
    if labels.dtype != torch.int64 or len({len(entry[key]) for key in keys}) > 1:
        what = ", ".join(f"{key} a {describe(entry[key])}" for key in keys)
        raise ValueError(f"{name} must have one of each for each box or mask and int64 labels, but {what}")
