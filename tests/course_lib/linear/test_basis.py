"""Basis functions against scikit-learn and numpy, and what too many of them do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import PolynomialFeatures

from course_lib.core.seeding import generator
from course_lib.data import iris
from course_lib.linear import add_bias, least_squares, polynomial_features, quadratic_features

number = st.floats(-100, 100)


def test_add_bias_appends_ones(device, dtype):
    X = torch.randn(7, 3, generator=generator(), dtype=torch.float64).to(device, dtype)
    extended = add_bias(X)
    assert extended.device == X.device
    assert torch.equal(extended[:, :3], X)
    assert torch.equal(extended[:, 3], torch.ones(7, device=device, dtype=dtype))


@pytest.mark.parametrize("degree", [0, 1, 4, 9])
def test_polynomial_features_equal_numpy_vander(degree, device, dtype, close):
    x = torch.linspace(-1.5, 2, 50, dtype=torch.float64)
    close(polynomial_features(x.to(device, dtype), degree), np.vander(x.numpy(), degree + 1), rtol=1e-12)


def test_quadratic_features_equal_scikit_learn_in_the_courses_order(device, dtype, close):
    X = iris().features[:, 2:]
    peer = PolynomialFeatures(degree=2)
    wanted = peer.fit_transform(X.numpy())
    order = [peer.get_feature_names_out(["x", "y"]).tolist().index(n) for n in ("x^2", "x y", "y^2", "x", "y", "1")]
    close(quadratic_features(X.to(device, dtype)), wanted[:, order], rtol=1e-12)


@given(x=number, y=number, weights=st.lists(number, min_size=6, max_size=6))
def test_any_quadratic_is_linear_in_the_features(x, y, weights):
    a, b, c, d, e, f = weights
    features = quadratic_features(torch.tensor([[x, y]], dtype=torch.float64))
    wanted = a * x**2 + b * x * y + c * y**2 + d * x + e * y + f
    assert float(features[0] @ torch.tensor(weights, dtype=torch.float64)) == pytest.approx(wanted, rel=1e-9, abs=1e-6)


def test_six_quadratic_features_recover_a_quadratic_exactly():
    X = iris().features[:, :2]
    truth = torch.tensor([0.5, -1.0, 2.0, 3.0, -4.0, 1.5], dtype=torch.float64)
    design = quadratic_features(X)
    torch.testing.assert_close(least_squares(design, design @ truth), truth, rtol=1e-7, atol=1e-7)


def test_training_error_falls_with_degree_while_held_out_error_turns_up():
    """Petal width from petal length of 12 flowers of each species; the other 114 flowers are held out."""
    table = iris().features
    order = torch.randperm(150, generator=generator(0))
    x = (table[:, 2] - 4) / 3  # about [-1, 1]
    train, rest = order[:24], order[24:]
    errors = []
    for degree in (1, 3, 6, 10, 14):
        weights = least_squares(polynomial_features(x[train], degree), table[train, 3])
        residual = polynomial_features(x, degree) @ weights - table[:, 3]
        errors.append((float(residual[train].square().mean()), float(residual[rest].square().mean())))
    training, held_out = zip(*errors, strict=True)
    assert list(training) == sorted(training, reverse=True)
    assert held_out[-1] > 10 * min(held_out)
    assert min(held_out) in held_out[:3]
