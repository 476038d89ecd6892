"""Least squares and ridge against numpy and scikit-learn on tall, wide and ill-conditioned problems."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LinearRegression, Ridge

from benchmarks.common import compare
from course_lib.core.seeding import generator
from course_lib.linear import least_squares, normal_equation, polynomial_features, ridge


def run() -> None:
    """Print all comparisons."""
    _least_squares("tall, 100,000 x 50", *_problem(100_000, 50), rounds=5)
    x = torch.linspace(0, 1, 20_000, dtype=torch.float64)
    design = polynomial_features(x, 9)
    _least_squares("ill-conditioned, 20,000 x 10", design, design.sum(dim=1))
    _errors(design)
    for name, (X, y) in {"tall, 100,000 x 50": _problem(100_000, 50), "wide, 200 x 5,000": _problem(200, 5000)}.items():
        A, b = X.numpy(), y.numpy()
        compare(
            f"ridge, {name}",
            {"ridge": lambda X=X, y=y: ridge(X, y, 1.0)},
            {"sklearn Ridge": lambda A=A, b=b: Ridge(alpha=1.0).fit(A, b)},
            why="numpy asks for huge pages for the centred copy, torch only with THP_MEM_ALLOC_ENABLE=1 (then 1.2)",
            rounds=7,
        )


def _problem(samples: int, features: int) -> tuple[torch.Tensor, torch.Tensor]:
    X = torch.randn(samples, features, generator=generator(0), dtype=torch.float64)
    return X, X.sum(dim=1) + torch.randn(samples, generator=generator(1), dtype=torch.float64)


def _least_squares(name: str, X: torch.Tensor, y: torch.Tensor, **options) -> None:
    A, b = X.numpy(), y.numpy()
    compare(
        f"least squares, {name}",
        {"normal_equation": lambda: normal_equation(X, y), "least_squares": lambda: least_squares(X, y)},
        {
            "numpy lstsq": lambda: np.linalg.lstsq(A, b, rcond=None),
            "sklearn LinearRegression": lambda: LinearRegression(fit_intercept=False).fit(A, b),
        },
        **options,
    )


def _errors(X: torch.Tensor) -> None:
    """How far each answer is from the true weights, all ones, on a design of known condition number."""
    y = X.sum(dim=1)
    answers = {
        "normal_equation": normal_equation(X, y),
        "least_squares": least_squares(X, y),
        "numpy lstsq": torch.from_numpy(np.linalg.lstsq(X.numpy(), y.numpy(), rcond=None)[0]),
        "sklearn LinearRegression": torch.from_numpy(
            LinearRegression(fit_intercept=False).fit(X.numpy(), y.numpy()).coef_
        ),
    }
    print(f"\nlargest error of a weight where all are 1, condition number {float(torch.linalg.cond(X)):.1e}")
    for name, weights in answers.items():
        print(f"  {name:<24}{float((weights - 1).abs().max()):>10.1e}")
