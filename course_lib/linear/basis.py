"""Basis functions: bend the input first, stay linear in the weights (chapter 2, "basis-functions").

    y = w^T phi(x),   phi(x) = [x^d, ..., x, 1]  or  [x^2, xy, y^2, x, y, 1]

The constant comes last, so that `weights[-1]` is always the intercept.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors


def add_bias(X: Tensor) -> Tensor:
    """Append a column of ones, so that the last weight becomes the intercept.

    Args:
        X: (N, D) samples, floating point.

    Returns:
        (N, D + 1).

    Raises:
        ValueError: If X is not a finite, non-empty floating-point matrix.
    """
    check_tensors(X=(X, "N D"))
    return torch.cat([X, torch.ones_like(X[:, :1])], dim=1)


def polynomial_features(x: Tensor, degree: int) -> Tensor:
    """Powers of one variable, [x^degree, ..., x, 1].

    Args:
        x: (N,) values, floating point. Scale them to about [-1, 1] first: high powers of large numbers drown the rest.
        degree: Highest power, at least 0.

    Returns:
        (N, degree + 1).

    Raises:
        ValueError: If x is not a finite, non-empty vector or the degree is negative.
    """
    check_tensors(x=(x, "N"))
    if degree < 0:
        raise ValueError(f"degree must be 0 or more, not {degree}")
    powers = torch.arange(degree, -1, -1, device=x.device)
    return x[:, None] ** powers  # (N, degree + 1)


def quadratic_features(X: Tensor) -> Tensor:
    """All products of two variables up to the second degree, [x^2, xy, y^2, x, y, 1].

    Args:
        X: (N, 2) samples, columns x and y, floating point.

    Returns:
        (N, 6).

    Raises:
        ValueError: If X is not a finite, non-empty (N, 2) matrix.
    """
    check_tensors(X=(X, "N 2"))
    x, y = X.unbind(dim=1)
    return torch.stack([x * x, x * y, y * y, x, y, torch.ones_like(x)], dim=1)
