"""Do the outlines of a class map lie where they should? (chapter 9, "seg-metrics")

    F_k    boundary F-score of class k in one picture: `course_lib.metrics.segmentation.boundary_f_score` of its masks
    mean   over the classes that are in the picture's truth or prediction, and over the pictures

Csurka, Larlus and Perronnin, "What is a good evaluation measure for semantic segmentation?", 2013: mIoU hardly notices
an outline that is smooth where it should have corners, since few pixels lie there. A class that is in the prediction
alone has outlines with nothing near, F = 0. The tolerance belongs to a resolution: state it in pixels beside the size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, describe
from course_lib.metrics.segmentation import boundary_f_score


def class_boundary_f(
    prediction: Tensor, target: Tensor, classes: int, *, tolerance: float = 1.0, ignore: int | None = None
) -> Tensor:
    """Boundary F-score of each class in each picture.

    Args:
        prediction: (B, H, W) int64, 0 ... classes - 1.
        target: (B, H, W) int64, 0 ... classes - 1 or `ignore`.
        classes: K.
        tolerance: Pixels by which a point of an outline may lie beside the other outline, 0 or more.
        ignore: A label of the target; a prediction there is taken for right.

    Returns:
        (B, K) float32 in [0, 1]; NaN for a class that is in neither.

    Raises:
        ValueError: For other shapes, kinds or labels, or a negative tolerance.
    """
    check_positive(classes=classes)
    for name, value in (("prediction", prediction), ("target", target)):
        if not isinstance(value, Tensor) or value.dtype != torch.int64 or value.ndim != 3:
            raise ValueError(f"{name} must be an int64 tensor of shape (B, H, W), not a {describe(value)}")
        if value.shape != target.shape or value.numel() == 0:
            raise ValueError(f"prediction and target must be alike, not {describe(prediction)}, {describe(target)}")
        known = value if ignore is None else value[target != ignore]
        if known.numel() and not 0 <= int(known.min()) <= int(known.max()) < classes:
            low, high = int(known.min()), int(known.max())
            raise ValueError(f"{name} must hold labels 0 to {classes - 1}, but its values run from {low} to {high}")
    if ignore is not None:
        prediction = torch.where(target == ignore, ignore, prediction)
    kinds = torch.arange(classes, device=target.device)[:, None, None]
    ours, theirs = (value[:, None] == kinds for value in (prediction, target))  # (B, K, H, W)
    score = boundary_f_score(ours.flatten(0, 1), theirs.flatten(0, 1), tolerance).view(ours.shape[:2])
    return torch.where((ours | theirs).any(-1).any(-1), score, torch.nan)


def mean_boundary_f(scores: Tensor) -> float:
    """The mean over each picture's classes, then over the pictures, of (B, K) scores with NaN where there is none."""
    return float(scores.nanmean(1).nanmean())
