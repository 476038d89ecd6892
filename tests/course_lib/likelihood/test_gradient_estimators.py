"""Both estimators have the right mean; the reparameterised one is quieter where the function is smooth."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.likelihood.gradient_estimators import reparameterised_gradients, score_function_gradients

MEAN, DEVIATION = torch.tensor([0.5, -1.0, 2.0]).double(), 0.7


def square(z):
    return z.square().sum(1)  # E f = |m|^2 + D s^2, so its gradient is 2 m


def test_both_are_right_on_average_and_one_is_quieter():
    first = score_function_gradients(square, MEAN, DEVIATION, samples=200_000, generator=generator(0))
    second = reparameterised_gradients(square, MEAN, DEVIATION, samples=200_000, generator=generator(1))
    for found in (first, second):
        error = 4 * found.std(0) / len(found) ** 0.5
        assert ((found.mean(0) - 2 * MEAN).abs() < error).all()
    torch.testing.assert_close(second.var(0), torch.full((3,), 4 * DEVIATION**2).double(), rtol=0.03, atol=0)
    assert (first.var(0) > 20 * second.var(0)).all()


def test_a_baseline_leaves_the_mean_and_lowers_the_noise():
    plain = score_function_gradients(square, MEAN, DEVIATION, samples=100_000, generator=generator(0))
    level = float(MEAN.square().sum() + 3 * DEVIATION**2)
    quiet = score_function_gradients(square, MEAN, DEVIATION, samples=100_000, generator=generator(0), baseline=level)
    assert ((quiet.mean(0) - 2 * MEAN).abs() < 4 * quiet.std(0) / len(quiet) ** 0.5).all()
    assert (quiet.var(0) < 0.6 * plain.var(0)).all()


def test_the_score_function_needs_no_slope():
    def above(z):
        return (z[:, 0] > 0).double()

    found = score_function_gradients(above, MEAN, DEVIATION, samples=200_000, generator=generator(0))
    density = torch.distributions.Normal(MEAN[0], DEVIATION).log_prob(torch.tensor(0.0)).exp()
    assert abs(float(found[:, 0].mean() - density)) < 4 * float(found[:, 0].std()) / len(found) ** 0.5


def test_bad_input_is_refused():
    for estimate in (score_function_gradients, reparameterised_gradients):
        with pytest.raises(ValueError, match="mean"):
            estimate(square, torch.zeros(2, 2), 1.0, samples=1, generator=generator(0))
        with pytest.raises(ValueError, match="deviation"):
            estimate(square, MEAN, 0.0, samples=1, generator=generator(0))
