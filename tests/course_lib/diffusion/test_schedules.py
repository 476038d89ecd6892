"""Schedules: the paper's numbers, and times that the chain does not have."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.diffusion.schedules import NoiseSchedule, cosine_schedule, linear_schedule

from ..refusals import refused


def test_the_linear_schedule_is_ddpm_s():
    schedule = linear_schedule(1000)
    assert schedule.beta[0] == 0
    assert schedule.alpha_bar[0] == 1
    assert float(schedule.beta[1]) == pytest.approx(1e-4)
    assert float(schedule.beta[1000]) == pytest.approx(0.02)
    product = 1.0
    for t in range(1, 1001):
        product *= 1 - (1e-4 + (t - 1) / 999 * (0.02 - 1e-4))
    assert float(schedule.alpha_bar[1000]) == pytest.approx(product, rel=1e-9)


def test_fewer_steps_drown_a_picture_as_much():
    ends = [float(linear_schedule(steps).alpha_bar[-1]) for steps in (1000, 500, 200)]
    assert max(ends) < 5e-5
    assert ends[0] == pytest.approx(4.0e-5, rel=0.02)


def test_the_cosine_schedule_follows_its_formula():
    schedule = cosine_schedule(200)
    f = [math.cos((t / 200 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(201)]
    for t in (1, 50, 100, 199):
        assert float(schedule.alpha_bar[t]) == pytest.approx(f[t] / f[0], rel=1e-9)
    assert float(schedule.beta.max()) <= 0.999


def test_tables_are_read_per_sample(device, dtype):
    schedule, x = linear_schedule(100), torch.zeros(3, 2, 4, 4, device=device, dtype=dtype)
    signal, sigma = schedule.rates(torch.tensor([0, 50, 100], device=device), x)
    assert signal.shape == (3, 1, 1, 1)
    assert signal.dtype == dtype
    assert signal.device == x.device
    assert torch.allclose(signal.square() + sigma.square(), torch.ones_like(signal))
    assert float(signal[0]) == 1
    assert schedule.rates(50, x)[0] == signal[1, 0, 0, 0]


def test_bad_input():
    schedule = cosine_schedule(20)
    refused(lambda: NoiseSchedule(torch.tensor([0.1, 1.0])), "betas must be above 0 and below 1, not 0.1 to 1")
    refused(lambda: cosine_schedule(0), "steps must be a finite number above 0")
    refused(lambda: linear_schedule(10), "betas must be above 0 and below 1")
    refused(lambda: schedule.check_times(21), "t must be 1 to 20, not 21")
    refused(lambda: schedule.check_times(torch.tensor([0, 3])), "t must be 1 to 20, not 0 to 3")
    refused(lambda: schedule.check_times(torch.tensor([0.5])), "int64")
    refused(lambda: schedule.at(schedule.beta, torch.tensor([1, 2]), torch.zeros(3, 1)), "3 entries")
