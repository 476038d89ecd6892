"""Softmax regression: logistic regression for K classes (chapter 2, "softmax-regression").

    p(k | x) = exp(s_k) / sum_j exp(s_j),    s = W^T x + b
    cross-entropy = -mean_n log p(y_n | x_n),     its gradient in the scores is (p - one_hot(y)) / N

exp overflows above 88 in float32. Subtracting the largest score from all of them changes no probability and keeps
every exponent at or below zero.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_labels, check_positive, check_tensors, describe
from course_lib.linear.basis import add_bias
from course_lib.optim.newton import newton


def log_softmax(scores: Tensor) -> Tensor:
    """Logarithm of the class probabilities, safe for scores of any size.

    Args:
        scores: (N, K), floating point.

    Returns:
        (N, K), each row the logarithm of probabilities that sum to one.

    Raises:
        ValueError: If the scores are not a non-empty floating-point matrix.
    """
    if not isinstance(scores, Tensor) or scores.ndim != 2 or not scores.is_floating_point() or scores.numel() == 0:
        raise ValueError(f"scores must be a floating-point tensor of shape (N, K), not a {describe(scores)}")
    shifted = scores - scores.amax(dim=1, keepdim=True)
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean negative log-probability of the right class.

    Args:
        scores: (N, K), floating point: any real numbers, not probabilities.
        labels: (N,) int64 classes 0 ... K - 1.

    Returns:
        A tensor of shape (): nats a sample; log K for a model that knows nothing.

    Raises:
        ValueError: For bad shapes, values or labels.
    """
    check_tensors(scores=(scores, "N K"))
    check_labels("labels", labels, scores.shape[1], scores=scores)
    return -log_softmax(scores).gather(1, labels[:, None]).mean()


def cross_entropy_gradient(scores: Tensor, labels: Tensor) -> Tensor:
    """Derivative of `cross_entropy` in the scores: probabilities minus one-hot targets, over N.

    Args:
        scores: (N, K), floating point.
        labels: (N,) int64 classes.

    Returns:
        (N, K); each row sums to zero.

    Raises:
        ValueError: For bad shapes, values or labels.
    """
    check_tensors(scores=(scores, "N K"))
    check_labels("labels", labels, scores.shape[1], scores=scores)
    probabilities = log_softmax(scores).exp()
    probabilities[torch.arange(len(labels), device=labels.device), labels] -= 1
    return probabilities / len(labels)


def fit_softmax(X: Tensor, labels: Tensor, classes: int, *, penalty: float = 1.0) -> Tensor:
    """Maximum-likelihood weights with an L2 penalty, by Newton's method; meant for tens of features, not thousands.

    Minimises  sum_n -log p(y_n | x_n) + penalty/2 |W|^2, the intercepts unpenalised (scikit-learn's objective with
    C = 1/penalty). Only the differences of the intercepts matter; they are returned with mean zero.

    Args:
        X: (N, D) samples, floating point.
        labels: (N,) int64 classes 0 ... classes - 1, each present.
        classes: K, at least 2.
        penalty: lambda > 0.

    Returns:
        (D + 1, K) weights, the intercepts in the last row.

    Raises:
        ValueError: For bad shapes, values or labels, a class without samples, or a penalty that is not above 0.
    """
    check_tensors(X=(X, "N D"))
    check_labels("labels", labels, classes, X=X)
    check_positive(penalty=penalty)
    absent = (labels.bincount(minlength=classes) == 0).nonzero()[:, 0].tolist()
    if absent:
        raise ValueError(f"class {absent[0]} of {classes} has no sample: its intercept would fall for ever")
    inputs, shape = add_bias(X), (X.shape[1] + 1, classes)

    def loss(flat: Tensor) -> Tensor:
        W = flat.reshape(shape)
        centre = 0.5 * W[-1].mean().square()  # pins the free constant of the intercepts, changes no probability
        likelihood = log_softmax(inputs @ W).gather(1, labels[:, None]).sum()
        return -likelihood + 0.5 * penalty * W[:-1].square().sum() + centre

    return newton(loss, torch.zeros(shape, dtype=X.dtype, device=X.device).flatten()).reshape(shape)
