"""Classification by least squares, and the class that it hides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data import iris
from course_lib.linear import add_bias, fit_softmax, linear_scores, one_hot_least_squares


def three_in_line(dimensions: int, device, dtype, each: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    """Three round clusters at -4, 0 and 4 along the diagonal, the whole picture its own mirror image."""
    g = generator(0)
    last = 4 + 0.6 * torch.randn(each, dimensions, generator=g, dtype=torch.float64)
    half = 0.6 * torch.randn(each // 2, dimensions, generator=g, dtype=torch.float64)
    return torch.cat([-last, half, -half, last]).to(device, dtype), torch.arange(3).repeat_interleave(each).to(device)


def test_equals_one_lstsq_a_class(device, dtype, close):
    data = iris()
    weights = one_hot_least_squares(data.features.to(device, dtype), data.labels.to(device), 3)
    assert weights.shape == (5, 3)
    design = add_bias(data.features).numpy()
    for k in range(3):
        wanted = np.linalg.lstsq(design, (data.labels == k).numpy().astype(float), rcond=None)[0]
        close(weights[:, k], wanted, rtol=1e-6, atol=1e-9)


def test_scores_sum_to_one_though_they_are_no_probabilities():
    data = iris()
    scores = linear_scores(data.features, one_hot_least_squares(data.features, data.labels, 3))
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(150, dtype=torch.float64))
    assert scores.min() < 0


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_masking_least_squares_never_predicts_the_middle_class_and_softmax_does(dimensions, device, dtype):
    X, labels = three_in_line(dimensions, device, dtype)
    least = linear_scores(X, one_hot_least_squares(X, labels, 3)).argmax(dim=1)
    soft = linear_scores(X, fit_softmax(X, labels, 3)).argmax(dim=1)
    assert least.bincount(minlength=3).tolist()[1] == 0
    assert int((soft == labels).sum()) >= 596
    assert abs(int((soft == 1).sum()) - 200) <= 4


def test_masking_on_real_flowers():
    """By petal length versicolor lies between setosa and virginica: least squares calls none of 150 flowers so."""
    data = iris()
    X, labels = data.features[:, 2:3], data.labels
    least = linear_scores(X, one_hot_least_squares(X, labels, 3)).argmax(dim=1)
    soft = linear_scores(X, fit_softmax(X, labels, 3, penalty=0.01)).argmax(dim=1)
    assert least.bincount(minlength=3).tolist() == [57, 0, 93]
    assert soft.bincount(minlength=3).tolist() == [50, 49, 51]


def test_a_class_may_have_no_samples_and_then_scores_zero():
    X = torch.randn(10, 2, generator=generator(1), dtype=torch.float64)
    weights = one_hot_least_squares(X, torch.arange(10) % 2, 3)
    assert weights[:, 2].abs().max() < 1e-12
