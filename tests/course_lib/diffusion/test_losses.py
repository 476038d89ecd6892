"""Algorithm 1: its value for a known predictor, the bound's weights against the divergence, forgotten labels."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.diffusion.forward import posterior
from course_lib.diffusion.losses import bound_weights, diffusion_loss, drop_labels
from course_lib.diffusion.schedules import cosine_schedule, linear_schedule

from ..refusals import refused


def test_who_predicts_nothing_pays_one_and_who_knows_the_picture_nothing():
    schedule, x0 = cosine_schedule(50), torch.full((4000, 2), 0.3, dtype=torch.float64)
    nothing = diffusion_loss(lambda x, t: torch.zeros_like(x), x0, generator(0), schedule=schedule)
    assert float(nothing) == pytest.approx(1, abs=0.05)

    def knows(x, t):
        signal, sigma = schedule.rates(t, x)
        return (x - signal * 0.3) / sigma

    assert float(diffusion_loss(knows, x0, generator(0), schedule=schedule)) < 1e-20
    clean = diffusion_loss(lambda x, t: torch.full_like(x, 0.3), x0, generator(0), schedule=schedule, kind="clean")
    assert float(clean) == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize("t", [2, 10, 40])
def test_the_weights_turn_errors_of_noise_into_the_divergence(t):
    schedule = linear_schedule(50)
    x0, x = torch.randn(2, 1, 3, generator=generator(0), dtype=torch.float64)
    signal, sigma = schedule.rates(t, x)
    noise, guess = (x - signal * x0) / sigma, torch.randn(1, 3, generator=generator(1), dtype=torch.float64)
    believed = (x - sigma * guess) / signal
    true, thought = (posterior(p, x, t, schedule=schedule)[0] for p in (x0, believed))
    divergence = (true - thought).square().sum() / (2 * schedule.beta[t])  # equal variances: the rest does not move
    assert float(bound_weights(schedule)[t] * (noise - guess).square().sum()) == pytest.approx(float(divergence))
    assert float(bound_weights(schedule)[0]) == 0  # there is no step back from time 0


def test_weights_multiply_each_sample_s_error():
    schedule, x0 = cosine_schedule(10), torch.zeros(20_000, 1)
    only = torch.zeros(11)
    only[7] = 10.0
    loss = diffusion_loss(lambda x, t: torch.zeros_like(x), x0, generator(0), schedule=schedule, weights=only)
    assert float(loss) == pytest.approx(1, abs=0.1)


def test_labels_are_forgotten_in_the_share_asked_for():
    labels = torch.arange(10).repeat(1000)
    some = drop_labels(labels, 0.15, generator(0))
    gone = some == -1
    assert float(gone.double().mean()) == pytest.approx(0.15, abs=0.015)
    assert torch.equal(some[~gone], labels[~gone])
    assert torch.equal(drop_labels(labels, 0.0, generator(0)), labels)
    assert (drop_labels(labels, 1.0, generator(0)) == -1).all()


def test_bad_input():
    schedule = cosine_schedule(10)
    zero = lambda x, t: torch.zeros_like(x)  # noqa: E731
    refused(lambda: diffusion_loss(zero, torch.full((2, 1), float("nan")), generator(0), schedule=schedule), "x0")
    refused(lambda: diffusion_loss(zero, torch.zeros(2, 1), generator(0), schedule=schedule, kind="x"), "kind must be")
    refused(lambda: drop_labels(torch.zeros(2).long(), 1.5, generator(0)), "probability must be 0 to 1, not 1.5")
