"""Classification by least squares on one-hot targets (chapter 2, "one-hot-least-squares" and "masking-problem").

    Y[n, k] = 1 if sample n has class k, else 0;    W = argmin |X W - Y|^2;    class of x = argmax_k (x^T W)_k

Closed form and quick, but a class between two others is never the largest: Hastie, Tibshirani and Friedman,
The Elements of Statistical Learning (2009), section 4.2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_labels, check_tensors
from course_lib.linear.basis import add_bias
from course_lib.linear.least_squares import least_squares


def one_hot_least_squares(X: Tensor, labels: Tensor, classes: int) -> Tensor:
    """One least-squares fit a class, all in one solve.

    Args:
        X: (N, D) samples, floating point, without a column of ones.
        labels: (N,) int64 classes 0 ... classes - 1.
        classes: K, at least 2.

    Returns:
        (D + 1, K) weights, the intercepts in the last row; scores are `add_bias(X) @ weights`.

    Raises:
        ValueError: For bad shapes, values or labels, or fewer samples than features.
    """
    check_tensors(X=(X, "N D"))
    check_labels("labels", labels, classes, X=X)
    targets = torch.nn.functional.one_hot(labels, classes).to(X.dtype)  # (N, K)
    return least_squares(add_bias(X), targets)
