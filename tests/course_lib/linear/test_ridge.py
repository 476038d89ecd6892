"""Ridge against scikit-learn on tall and wide problems, and its two limits and one invariance."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from course_lib.core.seeding import generator
from course_lib.data import breast_cancer, split_indices, standardise
from course_lib.linear import add_bias, least_squares, ridge


def problem(samples: int, features: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    g = generator(seed)
    X = 3 + torch.randn(samples, features, generator=g, dtype=torch.float64)
    return X, X[:, 0] - 5 + torch.randn(samples, generator=g, dtype=torch.float64)


@pytest.mark.parametrize("penalty", [1e-3, 1.0, 250.0])
@pytest.mark.parametrize(("samples", "features"), [(500, 20), (30, 30), (40, 400), (2, 5)])
def test_equals_scikit_learn_tall_and_wide(samples, features, penalty, device, dtype, close):
    X, y = problem(samples, features)
    peer = Ridge(alpha=penalty, solver="svd").fit(X.numpy(), y.numpy())
    weights, intercept = ridge(X.to(device, dtype), y.to(device, dtype), penalty)
    close(weights, peer.coef_, rtol=1e-6, atol=1e-9)
    close(intercept, peer.intercept_, rtol=1e-6)


def test_tends_to_least_squares_as_the_penalty_vanishes():
    X, y = problem(100, 5)
    wanted = least_squares(add_bias(X), y)
    distances = []
    for penalty in (1e2, 1.0, 1e-2, 1e-6):
        weights, intercept = ridge(X, y, penalty)
        distances.append(float((torch.cat([weights, intercept[None]]) - wanted).norm()))
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 1e-6


def test_weights_shrink_as_the_penalty_grows_and_none_is_exactly_zero():
    data = breast_cancer()
    X = standardise(data.features)[0]
    path = torch.stack([ridge(X, data.labels.double(), penalty)[0] for penalty in (0.1, 1.0, 10.0, 100.0, 1e4)])
    norms = path.norm(dim=1)
    assert (norms[1:] < norms[:-1]).all()
    assert (path != 0).all()


@given(seed=st.integers(0, 1000), shift=st.floats(-1e3, 1e3), penalty=st.sampled_from([0.01, 1.0, 100.0]))
def test_moving_all_targets_moves_only_the_intercept(seed, shift, penalty):
    X, y = problem(20, 3, seed)
    weights, intercept = ridge(X, y, penalty)
    moved, moved_intercept = ridge(X, y + shift, penalty)
    torch.testing.assert_close(moved, weights, rtol=1e-8, atol=1e-9)
    assert float(moved_intercept - intercept) == pytest.approx(shift, rel=1e-8, abs=1e-8)


def test_a_penalty_chosen_on_validation_beats_none_on_held_out_samples():
    """60 noisy samples of 50 features, 5 of which matter: ridge's held-out error is below plain least squares'."""
    g = generator(5)
    X = torch.randn(2060, 50, generator=g, dtype=torch.float64)
    y = X[:, :5].sum(dim=1) + 2 * torch.randn(2060, generator=g, dtype=torch.float64)
    train, validation, test = X[:60], X[60:1060], X[1060:]

    def error(weights: torch.Tensor, intercept: torch.Tensor, part: torch.Tensor, targets: torch.Tensor) -> float:
        return float((part @ weights + intercept - targets).square().mean())

    fits = [ridge(train, y[:60], 10.0**power) for power in range(-4, 5)]
    best = min(fits, key=lambda fit: error(*fit, validation, y[60:1060]))
    plain = least_squares(add_bias(train), y[:60])
    assert error(*best, test, y[1060:]) < 0.5 * error(plain[:-1], plain[-1], test, y[1060:])


def test_inputs_are_left_alone():
    X, y = problem(10, 20)
    before = X.clone(), y.clone()
    ridge(X, y, 1.0)
    assert torch.equal(X, before[0])
    assert torch.equal(y, before[1])


def test_works_on_a_real_split():
    """On breast cancer the sign of the fit is a classifier: more than nine in ten held-out biopsies are right."""
    data = breast_cancer()
    train, test = split_indices(len(data), (0.7, 0.3))
    X_train, X_test = standardise(data.features[train], data.features[test])
    weights, intercept = ridge(X_train, 2.0 * data.labels[train] - 1, 1.0)
    right = ((X_test @ weights + intercept > 0).long() == data.labels[test]).double().mean()
    assert right > 0.9
