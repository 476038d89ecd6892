"""What a network that names every pixel is trained on (chapter 9, "per-pixel-cross-entropy").

With p = softmax of a pixel's K scores, y its class, w_y the weight of that class; sums run over all pixels that count:

    cross-entropy   sum w_y (-log p_y) / sum w_y
    focal           sum w_y (1 - p_y)^gamma (-log p_y) / sum w_y        easy pixels, p_y near 1, hardly count
    Dice of class k D_k = 2 sum p_k [y = k] / (sum p_k + sum [y = k])   of all pixels together
    Dice loss       1 - mean of D_k over the classes that are there

Cross-entropy counts pixels, so that a class of few is worth little; weights change that, and so does Dice.
Focal: Lin et al. 2017, arXiv:1708.02002; soft Dice: Milletari et al. 2016, arXiv:1606.04797, whose denominator has
squares. Pixels whose label is `ignore` count nowhere; a batch in which no pixel counts has loss 0 and gradient 0.
Scores are (B, K, H, W), labels (B, H, W) int64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes, describe


def pixel_cross_entropy(scores: Tensor, labels: Tensor, weight: Tensor | None = None, *, ignore: int = -1) -> Tensor:
    """Mean cross-entropy of the pixels that count; `torch.nn.functional.cross_entropy` with NaN replaced by 0.

    Args:
        scores: (B, K, H, W), floating point.
        labels: (B, H, W) int64, 0 ... K - 1 or `ignore`.
        weight: (K,) price of each class, 0 or more; 1 for all without it.
        ignore: The label of pixels that do not count.

    Returns:
        A value of shape (), in nats.

    Raises:
        ValueError: For shapes, kinds or labels that do not fit.
    """
    return pixel_focal_loss(scores, labels, 0.0, weight=weight, ignore=ignore)


def pixel_focal_loss(
    scores: Tensor, labels: Tensor, gamma: float = 2.0, *, weight: Tensor | None = None, ignore: int = -1
) -> Tensor:
    """Cross-entropy in which a pixel that is already right with probability p counts (1 - p)^gamma times.

    Args:
        scores, labels, weight, ignore: As in `pixel_cross_entropy`.
        gamma: 0 or more; 0 is plain cross-entropy.

    Returns:
        A value of shape (), in nats.

    Raises:
        ValueError: For shapes, kinds or labels that do not fit, or a negative gamma.
    """
    counted = _check(scores, labels, ignore)
    if not 0 <= gamma < float("inf"):
        raise ValueError(f"gamma must be a number of 0 or more, not {gamma!r}")
    if weight is not None:
        check_shapes(weight=(weight, str(scores.shape[1])))
    logs = scores.log_softmax(dim=1)
    known = labels.masked_fill(~counted, 0)
    right = logs.gather(1, known[:, None]).squeeze(1)  # (B, H, W), log p_y
    share = counted.to(scores.dtype) if weight is None else weight.to(scores.dtype)[known] * counted
    loss = -right if gamma == 0 else -((-torch.expm1(right)).clamp(min=0) ** gamma) * right
    return (share * loss).sum() / share.sum().clamp(min=torch.finfo(scores.dtype).tiny)


def soft_dice_loss(scores: Tensor, labels: Tensor, *, ignore: int = -1) -> Tensor:
    """One minus the mean Dice coefficient of the classes that are in the labels, with probabilities for the prediction.

    Args:
        scores, labels, ignore: As in `pixel_cross_entropy`.

    Returns:
        A value of shape () in [0, 1]; 0 where every pixel is surely right.

    Raises:
        ValueError: For shapes, kinds or labels that do not fit.
    """
    counted = _check(scores, labels, ignore)
    inside = counted[:, None].to(scores.dtype)
    p = scores.softmax(dim=1) * inside  # (B, K, H, W)
    classes = torch.arange(scores.shape[1], device=labels.device)[:, None, None]
    truth = (labels[:, None] == classes).to(scores.dtype) * inside
    shared, both = (p * truth).sum((0, 2, 3)), (p + truth).sum((0, 2, 3))  # (K,)
    there = truth.sum((0, 2, 3)) > 0
    missed = torch.where(there, 1 - 2 * shared / both.clamp(min=torch.finfo(scores.dtype).tiny), 0)
    return missed.sum() / there.sum().clamp(min=1)


def balanced_weights(labels: Tensor, classes: int, *, ignore: int = -1) -> Tensor:
    """Prices that make the classes' pixels add up to the same: pixels / (classes there * pixels of the class).

    Args:
        labels: int64 of any shape, 0 ... classes - 1 or `ignore`.
        classes: K.
        ignore: The label of pixels that do not count.

    Returns:
        (K,) float32; 0 for a class that is nowhere. The mean price of a pixel is 1.

    Raises:
        ValueError: For labels that do not fit, or if no pixel counts.
    """
    check_positive(classes=classes)
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        raise ValueError(f"labels must be an int64 tensor of classes, not a {describe(labels)}")
    known = labels[labels != ignore]
    if known.numel() == 0:
        raise ValueError("labels has no pixel that counts: there is nothing to balance")
    _check_range(known, classes, ignore)
    count = torch.bincount(known.flatten(), minlength=classes)
    price = known.numel() / (count.clamp(min=1) * (count > 0).sum())
    return torch.where(count > 0, price, 0).float()


def _check(scores: object, labels: object, ignore: int) -> Tensor:
    """Which pixels count, (B, H, W) bool, once all fits."""
    check_shapes(scores=(scores, "B K H W"))
    assert isinstance(scores, Tensor)
    wanted = (scores.shape[0], *scores.shape[2:])
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.shape != wanted:
        raise ValueError(f"labels must be an int64 tensor of shape {tuple(wanted)}, not a {describe(labels)}")
    if labels.device != scores.device:
        raise ValueError(f"labels is on {labels.device} but scores on {scores.device}; move them to one device")
    counted = labels != ignore
    _check_range(torch.where(counted, labels, 0), scores.shape[1], ignore)
    return counted


def _check_range(labels: Tensor, classes: int, ignore: int) -> None:
    low, high = (int(value) for value in labels.aminmax())
    if low < 0 or high >= classes:
        raise ValueError(f"labels must hold 0 to {classes - 1}, or {ignore} to ignore, but run from {low} to {high}")
