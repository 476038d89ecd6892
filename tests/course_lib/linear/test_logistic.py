"""Logistic regression against scikit-learn, and as what it is: a maximum of the likelihood."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from course_lib.core.seeding import generator
from course_lib.data import breast_cancer, iris, standardise
from course_lib.linear import add_bias, fit_logistic, linear_scores, logistic_loss


def biopsies(columns: slice = slice(None)) -> tuple[torch.Tensor, torch.Tensor]:
    data = breast_cancer()
    return standardise(data.features[:, columns])[0], data.labels


@pytest.mark.parametrize("penalty", [0.01, 1.0, 50.0])
def test_coefficients_equal_scikit_learns(penalty, device, dtype, close):
    X, labels = biopsies()
    peer = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=100_000).fit(X.numpy(), labels.numpy())
    weights = fit_logistic(X.to(device, dtype), labels.to(device), penalty)
    close(weights[:-1], peer.coef_[0], rtol=1e-3, atol=1e-3)
    close(weights[-1], peer.intercept_[0], rtol=1e-3, atol=1e-3)


def test_without_penalty_the_gradient_of_the_likelihood_vanishes():
    """At the maximum X^T (p - y) = 0: expected and observed sums of every feature agree (here, two iris species)."""
    data = iris()
    X, labels = data.features[50:], data.labels[50:] - 1
    weights = fit_logistic(X, labels, penalty=0.0)
    probabilities = torch.sigmoid(linear_scores(X, weights))
    assert (add_bias(X).T @ (probabilities - labels)).abs().max() < 1e-6
    peer = LogisticRegression(C=1e10, tol=1e-10, max_iter=100_000).fit(X.numpy(), labels.numpy())
    assert weights[:-1].numpy() == pytest.approx(peer.coef_[0], rel=1e-3)


def test_loss_is_minus_the_log_likelihood_plus_penalty_without_the_intercept(device, dtype, close):
    X = torch.tensor([[0.5, -1.0], [2.0, 0.0], [-1.0, 1.0]], dtype=torch.float64)
    labels = torch.tensor([1, 0, 1])
    weights = torch.tensor([0.3, -0.7, 10.0], dtype=torch.float64)
    p = torch.sigmoid(X @ weights[:2] + 10)
    wanted = -(p[0].log() + (1 - p[1]).log() + p[2].log()) + 0.5 * 4 * (0.3**2 + 0.7**2)
    close(logistic_loss(weights.to(device, dtype), X.to(device, dtype), labels.to(device), penalty=4), wanted, 1e-9)


def test_loss_is_finite_for_huge_scores():
    X, labels = torch.tensor([[1e4], [-1e4]], dtype=torch.float64), torch.tensor([0, 1])
    wrong, right = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    assert float(logistic_loss(wrong, X, labels)) == pytest.approx(2e4)
    assert float(logistic_loss(right, X, labels)) == pytest.approx(0, abs=1e-12)


@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 10))
def test_loss_is_convex_on_random_segments(seed, scale):
    X, labels = biopsies(slice(0, 4))
    g = generator(seed)
    a, b = scale * torch.randn(2, 5, generator=g, dtype=torch.float64)
    middle = logistic_loss((a + b) / 2, X, labels, penalty=1.0)
    assert middle <= (logistic_loss(a, X, labels, penalty=1.0) + logistic_loss(b, X, labels, penalty=1.0)) / 2 + 1e-9


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("X", "labels"),
    [
        ([[-1.0], [1.0]], [0, 1]),
        ([[-3.0, 0.1], [-2.0, 0.3], [1.0, 0.2], [4.0, -0.5]], [1, 1, 0, 0]),
        ([[-1.0], [0.0], [0.0], [1.0]], [0, 0, 1, 1]),  # touching at 0: separable but for equal points
    ],
)
def test_separable_classes_without_penalty_have_no_minimum(X, labels, precision):
    X, labels = torch.tensor(X, dtype=precision), torch.tensor(labels)
    with pytest.raises(ValueError, match=r"no minimum reached: .*add a penalty"):
        fit_logistic(X, labels, penalty=0.0)
    assert torch.isfinite(fit_logistic(X, labels, penalty=1.0)).all()


def test_separable_real_classes_without_penalty_have_no_minimum():
    data = iris()
    with pytest.raises(ValueError, match=r"no minimum reached"):
        fit_logistic(data.features[:100], data.labels[:100], penalty=0.0)


def test_one_class_alone_is_refused():
    with pytest.raises(ValueError, match=r"all 3 labels are 1: both classes are needed"):
        fit_logistic(torch.eye(3), torch.ones(3, dtype=torch.int64))
