"""How good is a map of classes? (chapter 9, "seg-metrics")

All but the last are read off one table, n[i, j] = how many pixels of class i were called j, summed over all pictures:

    pixel accuracy   sum_i n_ii / sum_ij n_ij                           large classes decide
    IoU of class i   n_ii / (row i + column i - n_ii)                   TP / (TP + FN + FP); their mean is mIoU
    Dice of class i  2 n_ii / (row i + column i)                        = 2 IoU / (1 + IoU)
    boundary F       2 P R / (P + R) of two outlines, a point being right within a tolerance

IoU is of the whole data set, not a mean over pictures: tables add up, so count each batch and add. A class that is in
neither truth nor prediction has no score (NaN) and does not enter the mean. Boundary F: Perazzi et al., "A benchmark
dataset and evaluation methodology for video object segmentation" (DAVIS), 2016; where the frame cuts an object off
there is no outline.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.core.checks import describe


def confusion_matrix(prediction: Tensor, target: Tensor, classes: int, *, ignore: int | None = None) -> Tensor:
    """Count which class was called what.

    Args:
        prediction: int64 of any shape, 0 ... classes - 1.
        target: int64 of the same shape, 0 ... classes - 1 or `ignore`.
        classes: K.
        ignore: A label of the target whose pixels do not count, say 255 or -1.

    Returns:
        (K, K) int64, truth in rows and prediction in columns.

    Raises:
        ValueError: If shapes or kinds differ, or a label is out of range.
    """
    for name, value in (("prediction", prediction), ("target", target)):
        if not isinstance(value, Tensor) or value.dtype != torch.int64 or value.shape != target.shape:
            raise ValueError(f"prediction and target must be int64 of one shape, but {name} is a {describe(value)}")
    if ignore is not None:
        prediction, target = prediction[target != ignore], target[target != ignore]
    for name, value in (("prediction", prediction), ("target", target)):
        if value.numel() and not 0 <= int(value.min()) <= int(value.max()) < classes:
            low, high = int(value.min()), int(value.max())
            raise ValueError(f"{name} must hold labels 0 to {classes - 1}, but its values run from {low} to {high}")
    pairs = classes * target.flatten() + prediction.flatten()
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def pixel_accuracy(matrix: Tensor) -> float:
    """Share of right pixels, 0 to 1; NaN if none was counted. The matrix (K, K) is `confusion_matrix`'s."""
    return float(matrix.diagonal().sum().double() / matrix.sum())


def class_iou(matrix: Tensor) -> Tensor:
    """(K,) float64, intersection over union of each class, 0 to 1; NaN for a class that is nowhere."""
    right = matrix.diagonal().double()
    return right / (matrix.sum(0) + matrix.sum(1) - matrix.diagonal())


def mean_iou(matrix: Tensor) -> float:
    """mIoU: the mean of `class_iou` over the classes that are somewhere; NaN if there is none."""
    return float(class_iou(matrix).nanmean())


def class_dice(matrix: Tensor) -> Tensor:
    """(K,) float64, Dice coefficient (F1) of each class, 0 to 1; NaN for a class that is nowhere."""
    return 2 * matrix.diagonal().double() / (matrix.sum(0) + matrix.sum(1))


def mask_boundary(masks: Tensor) -> Tensor:
    """Pixels of (..., H, W) bool masks with one of their four neighbours outside the mask but inside the picture."""
    padded = F.pad(masks, (1, 1, 1, 1), value=True)
    inner = padded[..., :-2, 1:-1] & padded[..., 2:, 1:-1] & padded[..., 1:-1, :-2] & padded[..., 1:-1, 2:]
    return masks & ~inner


def boundary_f_score(prediction: Tensor, target: Tensor, tolerance: float = 2.0) -> Tensor:
    """How well outlines agree.

    Args:
        prediction: (B, H, W) bool.
        target: (B, H, W) bool.
        tolerance: Pixels by which a point of an outline may lie beside the other outline, 0 or more.

    Returns:
        (B,) float32 in [0, 1]; 1 if neither mask has an outline, 0 if only one has.

    Raises:
        ValueError: If the masks are no such tensors or the tolerance is negative.
    """
    for name, value in (("prediction", prediction), ("target", target)):
        if not isinstance(value, Tensor) or value.dtype != torch.bool or value.ndim != 3 or value.shape != target.shape:
            raise ValueError(f"prediction and target must be bool (B, H, W) alike, but {name} is a {describe(value)}")
    if not 0 <= tolerance < float("inf"):
        raise ValueError(f"tolerance must be 0 pixels or more, not {tolerance}")
    reach = int(tolerance)
    place = torch.arange(-reach, reach + 1, device=target.device)
    disc = (place.square()[:, None] + place.square() <= tolerance**2).float()

    def share(points: Tensor, others: Tensor) -> Tensor:
        """Which part of the points has one of the others within the tolerance; 1 without points."""
        near = F.conv2d(others[:, None].float(), disc[None, None], padding=reach)[:, 0] > 0.5
        count = points.sum((1, 2))
        return torch.where(count > 0, (points & near).sum((1, 2)) / count.clamp(min=1), 1)

    ours, theirs = mask_boundary(prediction), mask_boundary(target)
    precision, recall = share(ours, theirs), share(theirs, ours)  # (B,)
    return 2 * precision * recall / (precision + recall).clamp(min=torch.finfo(torch.float32).tiny)
