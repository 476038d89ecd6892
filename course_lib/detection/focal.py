"""The focal loss: hardly any weight for what is easy (chapter 10, "one-stage").

    p_t = p for an object, 1 - p for background          L = -a_t (1 - p_t)^gamma log p_t

A dense detector asks at thousands of places, and nearly all are background that it knows. Each costs next to nothing,
all together cost more than the few objects. The factor (1 - p_t)^gamma makes a place of p_t = 0.9 a hundred times
cheaper at gamma = 2, and one of p_t = 0.5 four times; gamma = 0 is cross-entropy. Lin, Goyal, Girshick, He, Dollar,
2017, arXiv:1708.02002.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_shapes


def sigmoid_focal_loss(scores: Tensor, targets: Tensor, *, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Focal loss of each number.

    Args:
        scores: (...), before the sigmoid.
        targets: (...), 1 for an object and 0 for background, of the scores' dtype.
        alpha: Weight of objects; background has 1 - alpha. Negative: both have 1.
        gamma: How much cheaper what is easy becomes; at least 0.

    Returns:
        (...), at least 0; a detector divides their sum by its number of objects.

    Raises:
        ValueError: For shapes that differ or a negative gamma.
    """
    check_shapes(scores=(scores, "..."), targets=(targets, "..."))
    if scores.shape != targets.shape:
        raise ValueError(f"targets must be {tuple(scores.shape)} like scores, not {tuple(targets.shape)}")
    if not gamma >= 0:
        raise ValueError(f"gamma must be at least 0, not {gamma}")
    entropy = F.binary_cross_entropy_with_logits(scores, targets, reduction="none")
    p = scores.sigmoid()
    wrong = p + targets - 2 * p * targets  # 1 - p_t
    loss = entropy * wrong**gamma
    return loss if alpha < 0 else loss * (alpha * targets + (1 - alpha) * (1 - targets))
