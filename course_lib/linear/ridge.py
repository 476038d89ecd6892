"""Ridge regression: least squares that prefers small weights (chapter 2, "ridge").

    minimise |X w + b - y|^2 + penalty |w|^2    =>    (X^T X + penalty I) w = X^T y     (X and y centred)

The intercept b is not penalised: moving all targets by a constant must not change the weights. Centring X and y
takes b out of the problem. With more features than samples the same w is found from the smaller N x N system
w = X^T (X X^T + penalty I)^{-1} y.

Hoerl and Kennard (1970). The penalty multiplies |w|^2 against the *sum* of squared errors, as in scikit-learn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def ridge(X: Tensor, y: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Closed-form ridge regression with an unpenalised intercept.

    Args:
        X: (N, D) samples, floating point, without a column of ones. Scale the columns first (see `standardise`):
            the penalty treats all weights alike.
        y: (N,) targets.
        penalty: lambda > 0.

    Returns:
        Weights (D,) and the intercept (a tensor of shape ()).

    Raises:
        ValueError: For bad shapes or values, one sample, or a penalty that is not above 0.
    """
    check_tensors(X=(X, "N D"), y=(y, "N"))
    check_positive(penalty=penalty)
    samples, features = X.shape
    if samples < 2:
        raise ValueError("one sample cannot tell weights from the intercept: at least 2 samples are needed")
    x_mean, y_mean = X.mean(dim=0), y.to(X.dtype).mean()
    Xc, yc = X - x_mean, (y.to(X.dtype) - y_mean)[:, None]
    if features <= samples:
        weights = _solve(Xc.mT @ Xc, Xc.mT @ yc, penalty)[:, 0]
    else:
        weights = (Xc.mT @ _solve(Xc @ Xc.mT, yc, penalty))[:, 0]
    return weights, y_mean - x_mean @ weights


def _solve(matrix: Tensor, right: Tensor, penalty: float) -> Tensor:
    """Solve (matrix + penalty I) z = right; the matrix is symmetric and has no negative eigenvalue."""
    matrix.diagonal().add_(penalty)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if failed:
        raise ValueError(f"penalty {penalty} is too small for {matrix.dtype} here: raise it or use float64")
    return torch.cholesky_solve(right, factor)
