"""Losses that chapter 3 adds to chapter 2's: cross-entropy with smoothed labels, and penalties on weights.

    target of class k      (1 - smoothing) [k = y] + smoothing / K
    loss                   - sum_k target_k log softmax(s)_k,   mean over samples
    penalties              l1 sum |w|  +  l2 sum w^2            over weights, not over biases

A network that must give the right class probability 1 pushes its scores apart without end. With smoothing e the best
difference of scores is finite, log(1 + K (1 - e) / e). Szegedy et al. 2016, 1512.00567.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from course_lib.core.checks import check_labels, check_tensors


def smoothed_cross_entropy(scores: Tensor, labels: Tensor, smoothing: float = 0.1) -> Tensor:
    """Cross-entropy against labels that give a share of their certainty to all classes.

    Args:
        scores: (N, K), floating point.
        labels: (N,) int64, 0 ... K - 1.
        smoothing: Share given away, at least 0 and below 1.

    Returns:
        A value of shape (), in nats.

    Raises:
        ValueError: If shapes, labels or the share do not fit.
    """
    check_tensors(scores=(scores, "N K"))
    check_labels("labels", labels, scores.shape[1], scores=scores)
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be at least 0 and below 1, not {smoothing}")
    logs = scores.log_softmax(dim=1)
    right = logs.gather(1, labels[:, None])[:, 0]  # (N,)
    return -((1 - smoothing) * right + smoothing * logs.mean(dim=1)).mean()


def weight_penalty(parameters: Iterable[Tensor], l1: float = 0.0, l2: float = 0.0) -> Tensor:
    """The price on weights, to be added to a loss; parameters with one axis, the biases, go free.

    Args:
        parameters: Such as model.parameters().
        l1: Price of each absolute value, at least 0.
        l2: Price of each square, at least 0.

    Returns:
        A value of shape ().

    Raises:
        ValueError: For a negative price or no weights.
    """
    weights = [p for p in parameters if p.ndim > 1]
    if min(l1, l2) < 0 or not weights:
        raise ValueError(f"need weights and prices of at least 0, not {len(weights)} weights, l1={l1}, l2={l2}")
    return torch.stack([l1 * w.abs().sum() + l2 * w.square().sum() for w in weights]).sum()
