"""Panoptic quality: every pixel a class, every thing an instance (chapter 11, "panoptic").

Kirillov, He, Girshick, Rother, Dollar, "Panoptic segmentation", 2018, arXiv:1801.00868.

    match     a predicted and a true segment of one class whose IoU is above 1/2; there can be one partner at most
    PQ        sum of IoU over the matches / (TP + FP / 2 + FN / 2)      for each class, then the mean over classes
            = SQ (mean IoU of the matches)  x  RQ = TP / (TP + FP / 2 + FN / 2)

A map (B, H, W) holds class * 1000 + instance, as `panoptic_map` of the course's scenes writes it; stuff has one segment
a class. Below 0 is void: pixels of no known class. True void is left out of a prediction's area, and a prediction that
lies in it by more than half is no error; a prediction of void excuses nothing (torchmetrics lets it).
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import describe


class PanopticQuality:
    """Collect images, then compute. Images may be on any device; the counts are kept on the CPU.

    Args:
        classes: K.
        offset: By which a class is multiplied; instances are 0 ... offset - 1.
    """

    def __init__(self, classes: int, *, offset: int = 1000):
        if classes < 1 or offset < 1:
            raise ValueError(f"classes and offset must be at least 1, not {classes} and {offset}")
        self.classes, self.offset = classes, offset
        self.overlap = torch.zeros(classes, dtype=torch.float64)  # sum of IoU
        self.matched, self.wrong, self.missed = (torch.zeros(classes, dtype=torch.int64) for _ in range(3))

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Add images.

        Args:
            predictions: (B, H, W) int64, class * offset + instance; below 0 is void.
            targets: (B, H, W) int64, likewise.

        Raises:
            ValueError: For other shapes or kinds, or a class out of range.
        """
        for name, value in (("predictions", predictions), ("targets", targets)):
            if not isinstance(value, Tensor) or value.dtype != torch.int64 or value.shape != targets.shape:
                raise ValueError(
                    f"predictions and targets must be int64 of one shape, but {name} is a {describe(value)}"
                )
            if value.ndim != 3:
                raise ValueError(f"{name} must have shape (B, H, W), not {tuple(value.shape)}")
            if value.numel() and int(value.max()) >= self.classes * self.offset:
                highest = int(value.max()) // self.offset
                raise ValueError(f"{name} must hold classes 0 to {self.classes - 1}, but the highest is {highest}")
        for prediction, target in zip(predictions, targets, strict=True):
            self._add(prediction.clamp(min=-1), target.clamp(min=-1))

    def _add(self, prediction: Tensor, target: Tensor) -> None:
        """One image; each pair of segments that share pixels is looked at once."""
        ours, our_area = prediction.unique(return_counts=True)  # (P,)
        theirs, their_area = target.unique(return_counts=True)  # (G,)
        place = torch.searchsorted(ours, prediction) * len(theirs) + torch.searchsorted(theirs, target)
        shared = torch.bincount(place.flatten(), minlength=len(ours) * len(theirs)).view(len(ours), len(theirs))
        in_void = shared[:, theirs < 0].sum(1)  # (P,)
        union = (our_area - in_void)[:, None] + their_area - shared  # (P, G)
        classes = ours.div(self.offset, rounding_mode="floor"), theirs.div(self.offset, rounding_mode="floor")
        alike = (classes[0][:, None] == classes[1]) & (ours >= 0)[:, None]
        match = alike & (2 * shared > union)  # IoU above 1/2, without rounding
        wrong = (ours >= 0) & ~match.any(1) & (2 * in_void <= our_area)
        missed = (theirs >= 0) & ~match.any(0)
        rows, columns = match.nonzero().unbind(1)
        found = classes[0][rows].cpu()
        self.overlap.index_add_(0, found, shared[rows, columns].cpu().double() / union[rows, columns].cpu())
        for total, seen in ((self.matched, found), (self.wrong, classes[0][wrong]), (self.missed, classes[1][missed])):
            total += torch.bincount(seen.cpu(), minlength=self.classes)

    def by_class(self) -> tuple[Tensor, Tensor, Tensor]:
        """PQ, SQ and RQ of each class, (K,) float64 each; NaN for a class that is nowhere. SQ is 0 without a match."""
        total = self.matched + (self.wrong + self.missed) / 2
        pq = self.overlap / total
        sq = self.overlap / self.matched.clamp(min=1)
        return pq, torch.where(total > 0, sq, torch.nan), self.matched / total

    def compute(self) -> dict[str, float]:
        """Means over the classes that are somewhere: PQ, SQ, RQ in [0, 1]; NaN if there is none."""
        return {name: float(value.nanmean()) for name, value in zip(("PQ", "SQ", "RQ"), self.by_class(), strict=True)}
