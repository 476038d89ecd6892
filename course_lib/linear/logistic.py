"""Logistic regression by maximum likelihood (chapter 2, "logistic-regression").

    p(y = 1 | x) = sigmoid(w^T x + b) = 1 / (1 + exp(-(w^T x + b)))
    loss(w, b) = -sum_n log p(y_n | x_n) + penalty/2 |w|^2,     the intercept b is not penalised

The loss is convex and has no closed-form minimum; Newton's method needs a handful of steps. With penalty = 1/C it is
scikit-learn's objective.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_lib.core.checks import check_labels, check_tensors, describe
from course_lib.linear.basis import add_bias
from course_lib.optim.newton import newton


def logistic_loss(weights: Tensor, X: Tensor, labels: Tensor, *, penalty: float = 0.0) -> Tensor:
    """Negative log-likelihood of two-class labels, plus an L2 penalty.

    -log p(y | x) is softplus(-s) for y = 1 and softplus(s) for y = 0, with s = w^T x + b and
    softplus(s) = log(1 + e^s); that form never takes the logarithm of a rounded zero.

    Args:
        weights: (D + 1,), the intercept last.
        X: (N, D) samples, floating point.
        labels: (N,) int64, 0 or 1.
        penalty: lambda >= 0 on all weights but the intercept.

    Returns:
        A tensor of shape (): the summed loss in nats.

    Raises:
        ValueError: For bad shapes, values or labels.
    """
    check_tensors(X=(X, "N D"))
    check_labels("labels", labels, 2, X=X)
    if weights.shape != (X.shape[1] + 1,):
        raise ValueError(f"weights must have shape ({X.shape[1] + 1},), the intercept last, not {describe(weights)}")
    scores = add_bias(X) @ weights  # (N,)
    sign = 1 - 2 * labels.to(X.dtype)  # -1 for class 1, +1 for class 0
    return softplus(sign * scores).sum() + 0.5 * penalty * weights[:-1].square().sum()


def fit_logistic(X: Tensor, labels: Tensor, penalty: float = 1.0) -> Tensor:
    """The weights that minimise `logistic_loss`.

    Args:
        X: (N, D) samples, floating point; float64 for coefficients that match other software.
        labels: (N,) int64, 0 or 1, both present.
        penalty: lambda >= 0. Without a penalty, separable data have no minimum: the weights grow for ever.

    Returns:
        (D + 1,) weights, the intercept last.

    Raises:
        ValueError: For bad shapes, values or labels, one class only, or weights that do not settle.
    """
    check_tensors(X=(X, "N D"))
    check_labels("labels", labels, 2, X=X)
    if labels.min() == labels.max():
        raise ValueError(f"all {len(labels)} labels are {int(labels[0])}: both classes are needed")
    if not 0 <= penalty < float("inf"):
        raise ValueError(f"penalty must be a finite number, 0 or more, not {penalty}")
    start = torch.zeros(X.shape[1] + 1, dtype=X.dtype, device=X.device)
    return newton(lambda w: logistic_loss(w, X, labels, penalty=penalty), start)
