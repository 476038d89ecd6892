"""The closed form against the chain in distribution, and the posterior against Bayes on a grid."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import kstest, norm

from course_lib.core.seeding import generator
from course_lib.diffusion.forward import add_noise, forward_step, posterior, to_images, to_signal
from course_lib.diffusion.schedules import cosine_schedule, linear_schedule

from ..refusals import refused


@pytest.mark.parametrize("schedule", [linear_schedule(50), cosine_schedule(50)])
def test_the_chain_step_by_step_has_the_law_of_the_closed_form(schedule):
    x, stream = torch.full((20_000, 1), 0.7, dtype=torch.float64), generator(0)
    for t in range(1, 31):
        x = forward_step(x, t, stream, schedule=schedule)
    bar = float(schedule.alpha_bar[30])
    law = norm(bar**0.5 * 0.7, (1 - bar) ** 0.5)
    assert kstest(x[:, 0].numpy(), law.cdf).pvalue > 0.01
    at_once = add_noise(torch.full_like(x, 0.7), 30, torch.randn(x.shape, generator=stream).double(), schedule=schedule)
    assert kstest(at_once[:, 0].numpy(), law.cdf).pvalue > 0.01


def test_signals_and_pixels():
    pixels = torch.rand(2, 1, 4, 4, generator=generator(0))
    assert torch.allclose(to_images(to_signal(pixels)), pixels)
    assert to_images(torch.tensor([-3.0, 3.0])).tolist() == [0, 1]


@pytest.mark.parametrize("t", [2, 17, 49])
def test_the_posterior_is_bayes_rule_on_a_grid(t):
    """q(x_(t-1) | x_t, x_0) is proportional to q(x_t | x_(t-1)) q(x_(t-1) | x_0): multiplied out numerically."""
    schedule, x0, x = linear_schedule(50), 0.4, -0.3
    grid = torch.linspace(-6, 6, 60_001, dtype=torch.float64)
    beta, before = float(schedule.beta[t]), float(schedule.alpha_bar[t - 1])
    log = -(x - (1 - beta) ** 0.5 * grid).square() / (2 * beta) - (grid - before**0.5 * x0).square() / (
        2 * (1 - before)
    )
    weight = log.softmax(0)
    mean = (weight * grid).sum()
    ours, variance = posterior(torch.tensor([[x0]]).double(), torch.tensor([[x]]).double(), t, schedule=schedule)
    assert float(ours) == pytest.approx(float(mean), abs=1e-6)
    assert float(variance) == pytest.approx(float((weight * (grid - mean).square()).sum()), rel=1e-4)


def test_the_last_step_back_is_certain(device, dtype, close):
    x0, x = torch.randn(2, 3, 1, 4, 4, generator=generator(0)).to(device, dtype)
    mean, variance = posterior(x0, x, torch.tensor([1, 1, 1], device=device), schedule=cosine_schedule(10))
    close(mean, x0, rtol=1e-5, atol=1e-6)
    assert (variance == 0).all()
    assert variance.shape == (3, 1, 1, 1)


def test_bad_input():
    schedule, x = cosine_schedule(10), torch.zeros(2, 3)
    refused(lambda: forward_step(x, 0, generator(0), schedule=schedule), "t must be 1 to 10, not 0")
    refused(lambda: add_noise(x, 11, x, schedule=schedule), "t must be 0 to 10, not 11")
    refused(lambda: add_noise(x, 1, torch.zeros(2, 4), schedule=schedule), "noise must have the shape of x0")
    refused(lambda: posterior(torch.zeros(1, 3), x, 1, schedule=schedule), "x0 must have the shape of x")
    refused(lambda: posterior(x, x, 0, schedule=schedule), "t must be 1 to 10, not 0")
