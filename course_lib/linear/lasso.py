"""The lasso: least squares with an L1 penalty, which sets weights to exactly zero (chapter 2, "ridge").

    minimise  1/(2N) |X w + b - y|^2 + penalty |w|_1

Coordinate descent: with all other weights fixed, the best value of one weight has a closed form, soft thresholding,

    w_j <- soft(c_j, penalty) / s_j,   c_j = x_j^T r_j / N,   s_j = x_j^T x_j / N,
    soft(c, t) = sign(c) max(|c| - t, 0)

where r_j is the residual without feature j. With G = X^T X / N kept at hand, one update costs D multiplications.

Tibshirani (1996); Friedman, Hastie and Tibshirani (2010). The penalty stands against the *mean* squared error over
two, as in scikit-learn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def lasso(
    X: Tensor, y: Tensor, penalty: float, *, steps: int = 1000, tolerance: float = 1e-10
) -> tuple[Tensor, Tensor]:
    """L1-penalised least squares by cyclic coordinate descent, with an unpenalised intercept.

    Args:
        X: (N, D) samples, floating point, without a column of ones, no constant column.
        y: (N,) targets.
        penalty: lambda > 0.
        steps: At most this many passes over all weights.
        tolerance: Stop when no weight moved in a sweep by more than this times the largest weight, or by more than
            rounding in X's precision.

    Returns:
        Weights (D,), many exactly zero, and the intercept (a tensor of shape ()).

    Raises:
        ValueError: For bad shapes or values, one sample, a constant column, a penalty that is not above 0, or no
            convergence.
    """
    check_tensors(X=(X, "N D"), y=(y, "N"))
    check_positive(penalty=penalty, steps=steps, tolerance=tolerance)
    if len(X) < 2:
        raise ValueError("one sample cannot tell weights from the intercept: at least 2 samples are needed")
    x_mean, y_mean = X.mean(dim=0), y.to(X.dtype).mean()
    Xc, yc = X - x_mean, y.to(X.dtype) - y_mean
    G = Xc.mT @ Xc / len(X)  # (D, D)
    correlation = Xc.mT @ yc / len(X)  # (D,)
    constant = (X.amax(dim=0) == X.amin(dim=0)).nonzero()[:, 0].tolist()
    if constant:
        raise ValueError(f"column {constant[0]} of X is constant: drop it, the intercept covers it")
    weights, settled = torch.zeros_like(correlation), max(tolerance, 10 * torch.finfo(X.dtype).eps)
    for _ in range(steps):
        before = weights.clone()
        for j in range(len(weights)):
            c = correlation[j] - G[j] @ weights + G[j, j] * weights[j]
            weights[j] = torch.sign(c) * torch.clamp(c.abs() - penalty, min=0) / G[j, j]
        if (weights - before).abs().max() <= settled * weights.abs().max():
            return weights, y_mean - x_mean @ weights
    raise ValueError(f"the lasso did not settle within {steps} steps: scale the columns or allow more")
