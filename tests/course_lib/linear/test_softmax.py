"""Softmax and cross-entropy against torch and autograd, the fit against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.data import digits, iris, standardise
from course_lib.linear import cross_entropy, cross_entropy_gradient, fit_softmax, linear_scores, log_softmax


def scores_and_labels(scale: float, device, dtype, samples: int = 40, classes: int = 7):
    g = generator(0)
    scores = scale * torch.randn(samples, classes, generator=g, dtype=torch.float64)
    return scores.to(device, dtype), torch.randint(classes, (samples,), generator=g).to(device)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0, 1e4])
def test_equals_torch_also_for_huge_scores(scale, device, dtype, close):
    scores, labels = scores_and_labels(scale, device, dtype)
    close(log_softmax(scores), F.log_softmax(scores, dim=1), rtol=1e-12)
    close(cross_entropy(scores, labels), F.cross_entropy(scores, labels), rtol=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
def test_scores_of_ten_thousand_do_not_overflow_in_float32(sign, device):
    scores = sign * torch.tensor([[1e4, 0.0, -1e4]], device=device)
    best = 0 if sign == 1 else 2
    assert float(cross_entropy(scores, torch.tensor([best], device=device))) == 0
    assert float(cross_entropy(scores, torch.tensor([1], device=device))) == 1e4
    assert torch.isfinite(cross_entropy_gradient(scores, torch.tensor([1], device=device))).all()


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_gradient_equals_autograd_and_rows_sum_to_zero(scale, device, dtype, close):
    scores, labels = scores_and_labels(scale, device, dtype)
    scores.requires_grad_()
    (wanted,) = torch.autograd.grad(F.cross_entropy(scores, labels), scores)
    (ours,) = torch.autograd.grad(cross_entropy(scores, labels), scores)
    gradient = cross_entropy_gradient(scores.detach(), labels)
    close(gradient, wanted, rtol=1e-10, atol=1e-15)
    close(ours, wanted, rtol=1e-10, atol=1e-15)
    close(gradient.sum(dim=1), torch.zeros(len(labels)), atol=1e-14)


@given(seed=st.integers(0, 10_000), shift=st.floats(-1e6, 1e6))
def test_adding_a_constant_to_a_samples_scores_changes_nothing(seed, shift):
    scores = torch.randn(3, 5, generator=generator(seed), dtype=torch.float64)
    torch.testing.assert_close(log_softmax(scores + shift), log_softmax(scores), rtol=0, atol=1e-9)


@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_probabilities_sum_to_one_and_keep_the_order_of_the_scores(seed, scale):
    scores = scale * torch.randn(4, 6, generator=generator(seed), dtype=torch.float64)
    logs = log_softmax(scores)
    torch.testing.assert_close(logs.exp().sum(dim=1), torch.ones(4, dtype=torch.float64))
    assert torch.equal(logs.argsort(dim=1), scores.argsort(dim=1))


def test_a_model_that_knows_nothing_pays_log_k():
    assert float(cross_entropy(torch.zeros(5, 10), torch.arange(5))) == pytest.approx(np.log(10))


@pytest.mark.parametrize("penalty", [0.1, 1.0, 20.0])
def test_fit_equals_multinomial_scikit_learn(penalty, device, dtype, close):
    data = iris()
    X = standardise(data.features)[0]
    peer = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=100_000).fit(X.numpy(), data.labels.numpy())
    weights = fit_softmax(X.to(device, dtype), data.labels.to(device), 3, penalty=penalty)
    close(weights[:-1], peer.coef_.T, rtol=1e-3, atol=1e-3)
    close(weights[-1], peer.intercept_ - peer.intercept_.mean(), rtol=1e-3, atol=1e-3)
    assert float(weights[-1].mean()) == pytest.approx(0, abs=1e-6)


def test_fit_is_stationary_on_digits():
    """Four of the ten digits, every second pixel: the gradient by `cross_entropy_gradient` vanishes at the fit."""
    data = digits()
    chosen = data.labels < 4
    X, labels = data.features[chosen][:, 18:46:2] / 16, data.labels[chosen]
    weights = fit_softmax(X, labels, 4, penalty=1.0)
    gradient = X.T @ cross_entropy_gradient(linear_scores(X, weights), labels) * len(X) + weights[:-1]
    assert gradient.abs().max() < 1e-5


def test_two_classes_are_logistic_regression_in_another_coat():
    """Softmax splits w between two columns, so |W|^2 is half of |w|^2: penalty 2 here is penalty 1 there."""
    from course_lib.linear import fit_logistic

    data = iris()
    X, labels = data.features[50:], data.labels[50:] - 1
    weights = fit_softmax(X, labels, 2, penalty=2.0)
    torch.testing.assert_close(weights[:, 1] - weights[:, 0], fit_logistic(X, labels, 1.0), rtol=1e-6, atol=1e-6)


def test_a_class_without_samples_is_named():
    with pytest.raises(ValueError, match=r"class 1 of 3 has no sample"):
        fit_softmax(torch.eye(4), torch.tensor([0, 0, 2, 2]), 3)
