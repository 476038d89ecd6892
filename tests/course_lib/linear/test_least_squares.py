"""The normal equation and QR against numpy, and what makes a solution one: a residual orthogonal to the columns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.core.seeding import generator
from course_lib.data import iris
from course_lib.linear import add_bias, least_squares, normal_equation, polynomial_features

SOLVERS = pytest.mark.parametrize("solve", [normal_equation, least_squares])


def problem(samples: int, features: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    g = generator(seed)
    X = torch.randn(samples, features, generator=g, dtype=torch.float64)
    return X, X @ torch.randn(features, generator=g, dtype=torch.float64) + torch.randn(
        samples, generator=g, dtype=torch.float64
    )


@SOLVERS
@pytest.mark.parametrize(("samples", "features"), [(3, 1), (40, 40), (200, 13), (5000, 60)])
def test_equals_numpy_lstsq(solve, samples, features, device, dtype, close):
    X, y = problem(samples, features, seed=1)
    weights = solve(X.to(device, dtype), y.to(device, dtype))
    assert weights.shape == (features,)
    assert weights.device.type == device.type
    close(weights, np.linalg.lstsq(X.numpy(), y.numpy(), rcond=None)[0])


@SOLVERS
def test_equals_numpy_on_iris_with_many_targets(solve, device, dtype, close):
    """Both petal measures from both sepal measures, all in one solve; and each column as if it were alone."""
    table = iris().features
    X, Y = add_bias(table[:, :2]), table[:, 2:]
    weights = solve(X.to(device, dtype), Y.to(device, dtype))
    close(weights, np.linalg.lstsq(X.numpy(), Y.numpy(), rcond=None)[0])
    close(weights[:, 1], solve(X.to(device, dtype), Y[:, 1].to(device, dtype)), rtol=1e-12)


@pytest.mark.parametrize(("degree", "low"), [(10, 0.0), (12, 0.0), (16, -1.0)])
def test_qr_keeps_its_accuracy_on_an_ill_conditioned_design(degree, low):
    x = torch.linspace(low, 1, 200, dtype=torch.float64)
    X = polynomial_features(x, degree)
    y = torch.sin(6 * x) + 0.1 * torch.randn(200, generator=generator(2), dtype=torch.float64)
    assert np.linalg.cond(X.numpy()) > (1e7 if low == 0 else 1e5)
    wanted = np.linalg.lstsq(X.numpy(), y.numpy(), rcond=None)[0]
    error = np.linalg.norm(least_squares(X, y).numpy() - wanted) / np.linalg.norm(wanted)
    assert error < 1e-6


def test_the_normal_equation_loses_what_squaring_the_condition_number_costs():
    """cond(X^T X) = cond(X)^2: on a noise-free design, QR finds the true weights much more closely."""
    x = torch.linspace(0, 1, 200, dtype=torch.float64)
    X = polynomial_features(x, 7)
    truth = torch.ones(8, dtype=torch.float64)
    worse, better = (float((solve(X, X @ truth) - truth).norm()) for solve in (normal_equation, least_squares))
    assert np.linalg.cond(X.numpy()) ** 2 == pytest.approx(np.linalg.cond((X.T @ X).numpy()), rel=0.05)
    assert better < 1e-9
    assert worse > 100 * better


@SOLVERS
@given(samples=st.integers(5, 60), features=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_residual_is_orthogonal_to_every_column(solve, samples, features, seed):
    X, y = problem(samples, features, seed)
    residual = X @ solve(X, y) - y
    assert (X.T @ residual).abs().max() <= 1e-9 * X.norm() * y.norm()


@SOLVERS
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-12, 1e-5, 1e6, 1e12]))
def test_units_of_a_column_change_only_its_weight(solve, seed, scale):
    X, y = problem(30, 3, seed)
    factors = torch.tensor([1.0, scale, 1.0], dtype=torch.float64)
    torch.testing.assert_close(solve(X * factors, y) * factors, solve(X, y), rtol=1e-6, atol=1e-9)


@SOLVERS
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("samples", [10, 1000, 50_000])
def test_dependent_columns_are_refused_at_every_size_and_precision(solve, precision, samples):
    for seed in range(5):
        X = torch.randn(samples, 3, generator=generator(seed), dtype=precision)
        dependent = torch.cat([X, X[:, :1] + 2 * X[:, 1:2]], dim=1)
        with pytest.raises(ValueError, match=r"depend|dependent"):
            solve(dependent, X[:, 0])


def test_tall_float32_design_with_unequal_units_is_not_called_dependent():
    X = torch.randn(100_000, 3, generator=generator(3)) * torch.tensor([1, 1e-3, 1e3])
    truth = torch.tensor([1.0, 1000.0, 0.001])
    torch.testing.assert_close(least_squares(X, X @ truth), truth, rtol=1e-4, atol=0)


@SOLVERS
def test_weights_have_the_precision_of_the_design(solve):
    X, y = problem(20, 2)
    assert solve(X.float(), y).dtype == torch.float32
    assert solve(X, y.float()).dtype == torch.float64
