"""Least squares, solved exactly (chapter 2, "linear-regression" and "normal-equation").

    minimise |X w - y|^2    =>    X^T X w = X^T y        (the normal equation)

`normal_equation` forms X^T X and solves it by Cholesky factors: fast, but it squares the condition number of X.
`least_squares` factors X = Q R instead (Q has orthonormal columns, R is triangular). Then X^T X = R^T R, the normal
equation shrinks to R w = Q^T y, and no accuracy is lost by squaring. Neither forms an inverse.

Golub and Van Loan, Matrix Computations (2013), chapter 5.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors


def normal_equation(X: Tensor, y: Tensor) -> Tensor:
    """Solve X^T X w = X^T y by Cholesky factorisation.

    Args:
        X: (N, D) design matrix, floating point, with N >= D and linearly independent columns.
        y: (N,) targets, or (N, K) for K problems at once.

    Returns:
        (D,) or (D, K) weights.

    Raises:
        ValueError: For bad shapes or values, fewer samples than features, or columns so nearly dependent that
            X^T X is singular but for rounding.
    """
    targets = _targets(X, y)
    gram = X.mT @ X
    factor, failed = torch.linalg.cholesky_ex(gram)
    if failed or _dependent(factor.diagonal().square(), gram.diagonal(), len(X)):
        raise ValueError(f"X^T X is singular in {X.dtype}: its columns depend on each other; use ridge")
    return torch.cholesky_solve(X.mT @ targets, factor).reshape(X.shape[1:] + y.shape[1:])


def least_squares(X: Tensor, y: Tensor) -> Tensor:
    """Solve min |X w - y|^2 by the QR factorisation of X.

    Args:
        X: (N, D) design matrix, floating point, with N >= D and linearly independent columns.
        y: (N,) targets, or (N, K) for K problems at once.

    Returns:
        (D,) or (D, K) weights, equal to `numpy.linalg.lstsq`'s.

    Raises:
        ValueError: For bad shapes or values, fewer samples than features, or linearly dependent columns.
    """
    targets = _targets(X, y)
    Q, R = torch.linalg.qr(X)
    if _dependent(R.diagonal().abs(), R.norm(dim=0), len(X)):
        raise ValueError("columns of X are linearly dependent, many weights fit alike: drop a column or use ridge")
    return torch.linalg.solve_triangular(R, Q.mT @ targets, upper=True).reshape(X.shape[1:] + y.shape[1:])


def _dependent(own: Tensor, whole: Tensor, samples: int) -> bool:
    """Whether what some column adds to those before it is rounding beside the column itself, in whatever units.

    The rounding of a sum of N products grows like sqrt(N) eps; dependent columns leave about a fifth of this limit.
    """
    return bool((own <= 4 * samples**0.5 * torch.finfo(own.dtype).eps * whole).any())


def _targets(X: Tensor, y: Tensor) -> Tensor:
    """Check the pair and return the targets as (N, K) in X's precision."""
    check_tensors(X=(X, "N D"), y=(y, "N K" if isinstance(y, Tensor) and y.ndim == 2 else "N"))
    samples, features = X.shape
    if samples < features:
        raise ValueError(f"{samples} samples cannot fix {features} weights: infinitely many fit exactly; use ridge")
    return y.to(X.dtype).reshape(samples, -1)
