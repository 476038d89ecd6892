"""Samplers on a Gaussian mixture whose noise is known: DDIM at eta = 1 is DDPM, laws are met, codes come back."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.diffusion.forward import posterior
from course_lib.diffusion.mixture import GaussianMixture
from course_lib.diffusion.sampling import ddim_step, ddpm_step, even_times, sample_ddim, sample_ddpm
from course_lib.diffusion.schedules import cosine_schedule, linear_schedule
from course_lib.metrics.energy import energy_distance

from ..refusals import refused

SCHEDULE = cosine_schedule(100)


def ring():
    angle = torch.arange(5) * 2 * math.pi / 5
    return GaussianMixture(torch.stack([angle.cos(), angle.sin()], 1), torch.full((5,), 0.15))


def exact(x, t):
    return ring().noise(x, *SCHEDULE.rates(t, x))


@pytest.mark.parametrize("t", [1, 2, 60, 100])
def test_at_eta_one_a_step_of_ddim_is_one_of_ddpm(t, device, dtype, close):
    x, noise = torch.randn(2, 6, 2, generator=generator(t)).to(device, dtype)
    stream = lambda: generator(9, device)  # noqa: E731
    schedule = linear_schedule(100)
    ours = ddim_step(noise, x, t, to=t - 1, schedule=schedule, eta=1.0, generator=stream())
    close(ours, ddpm_step(noise, x, t, schedule=schedule, generator=stream()), rtol=1e-4, atol=1e-5)


def test_the_mean_of_a_step_is_the_posterior_s_for_the_believed_picture():
    x, noise = torch.randn(2, 4, 2, generator=generator(0), dtype=torch.float64)
    signal, sigma = SCHEDULE.rates(50, x)
    mean, variance = posterior((x - sigma * noise) / signal, x, 50, schedule=SCHEDULE)
    z = torch.randn(x.shape, generator=generator(3), dtype=torch.float64)
    made = ddpm_step(noise, x, 50, schedule=SCHEDULE, generator=generator(3))
    assert torch.allclose(made, mean + variance.sqrt() * z, atol=1e-12)
    large = ddpm_step(noise, x, 50, schedule=SCHEDULE, generator=generator(3), large=True)
    assert torch.allclose(large, mean + SCHEDULE.beta[50].sqrt() * z, atol=1e-12)


def test_all_samplers_meet_the_law_and_too_few_steps_do_not():
    start, real = torch.randn(2000, 2, generator=generator(0)), ring().sample(2000, generator(1))[0]
    floor = energy_distance(ring().sample(2000, generator(2))[0], real)
    full = even_times(SCHEDULE, 100)
    made = [sample_ddpm(exact, start, generator(3), schedule=SCHEDULE),
            sample_ddim(exact, start, full, schedule=SCHEDULE),
            sample_ddim(exact, start, full, schedule=SCHEDULE, eta=1.0, generator=generator(4))]  # fmt: skip
    assert all(energy_distance(x, real) < 6 * floor for x in made)
    few = sample_ddim(exact, start, even_times(SCHEDULE, 3), schedule=SCHEDULE)
    assert energy_distance(few, real) > 10 * floor


def test_a_gaussian_comes_out_between_the_two_variances():
    """The best variance of a step lies between beta_tilde and beta; both are right for many steps."""
    one = GaussianMixture(torch.tensor([[0.5, -0.2]]), torch.tensor([0.3]))
    gaps = {}
    for steps in (25, 200):
        schedule = cosine_schedule(steps)
        predict = lambda x, t, schedule=schedule: one.noise(x, *schedule.rates(t, x))  # noqa: E731
        for large in (False, True):
            start = torch.randn(20_000, 2, generator=generator(0))
            x = sample_ddpm(predict, start, generator(1), schedule=schedule, large=large)
            assert torch.allclose(x.mean(0), one.means[0], atol=0.02)
            gaps[steps, large] = float(x.std(0).mean()) - 0.3
    assert gaps[25, False] < gaps[200, False] < 0 < gaps[200, True] < gaps[25, True]
    assert abs(gaps[200, False]) < 0.01


def test_codes_come_back():
    x = ring().sample(200, generator(0))[0].double()
    smooth = linear_schedule(100)
    predict = lambda x, t: ring().noise(x.float(), *smooth.rates(t, x.float())).double()  # noqa: E731
    gaps = []
    for steps in (20, 100):
        times = even_times(smooth, steps)
        code = sample_ddim(predict, x, times[::-1], schedule=smooth)
        gaps.append(float((sample_ddim(predict, code, times, schedule=smooth) - x).square().mean().sqrt()))
    assert gaps[1] < 0.05
    assert gaps[1] < gaps[0] / 2


def test_cutting_keeps_the_believed_picture_inside():
    x, noise = torch.full((1, 2), 3.0), torch.full((1, 2), -1.0)
    assert float(ddim_step(noise, x, 50, to=0, schedule=SCHEDULE, clip=1.0).abs().max()) <= 1
    assert float(ddim_step(noise, x, 50, to=0, schedule=SCHEDULE).abs().max()) > 1


def test_watching_and_times():
    assert even_times(SCHEDULE, 4) == [100, 75, 50, 25, 0]
    assert even_times(SCHEDULE, 100) == list(range(100, -1, -1))
    seen = []
    sample_ddim(exact, torch.zeros(3, 2), [100, 40, 0], schedule=SCHEDULE, watch=lambda t, x, noise: seen.append(t))
    assert seen == [100, 40]


def test_bad_input():
    x = torch.zeros(2, 2)
    refused(lambda: even_times(SCHEDULE, 101), "steps must be 1 to 100, not 101")
    refused(lambda: ddpm_step(x, x, 0, schedule=SCHEDULE, generator=generator(0)), "t must be 1 to 100, not 0")
    refused(lambda: ddim_step(x, x, 101, to=1, schedule=SCHEDULE), "t must be 0 to 100, not 101")
    refused(lambda: ddim_step(x, x, 5, to=6, schedule=SCHEDULE, eta=0.5, generator=generator(0)), "on the way up")
    refused(lambda: ddim_step(x, x, 5, to=4, schedule=SCHEDULE, eta=0.5), "give a generator")
    refused(lambda: sample_ddim(exact, x, [100], schedule=SCHEDULE), "steps must be a finite number above 0")
    refused(lambda: sample_ddpm(exact, x / 0, generator(0), schedule=SCHEDULE), "start")
