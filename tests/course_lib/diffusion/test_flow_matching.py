"""Flow matching: ends of the lines, the loss of a known velocity, Euler and Heun against an exact flow."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.diffusion.flow_matching import flow_loss, flow_path, sample_flow
from course_lib.diffusion.mixture import GaussianMixture

from ..refusals import refused

ONE = GaussianMixture(torch.tensor([[0.5, -0.2]]).double(), torch.tensor([0.3]).double())


def velocity(x, t):
    """E[eps - x_0 | x_t] of one Gaussian."""
    t = t[:, None]
    return ONE.noise(x, 1 - t, t) - ONE.clean(x, 1 - t, t)


def test_lines_begin_at_data_and_end_at_noise(device, dtype, close):
    x0, noise = torch.randn(2, 3, 1, 4, 4, generator=generator(0)).to(device, dtype)
    t = torch.tensor([0.0, 1.0, 0.25], device=device, dtype=dtype)
    x = flow_path(x0, noise, t)
    close(x[0], x0[0])
    close(x[1], noise[1])
    close(x[2], 0.75 * x0[2] + 0.25 * noise[2], rtol=1e-5, atol=1e-6)


def test_the_loss_of_a_point_is_nothing_for_who_knows_it():
    x0 = torch.full((500, 2), 0.3, dtype=torch.float64)
    assert float(flow_loss(lambda x, t: (x - 0.3) / t[:, None], x0, generator(0))) < 1e-15
    assert float(flow_loss(lambda x, t: torch.zeros_like(x), x0, generator(0))) == pytest.approx(1.09, abs=0.1)


def test_a_gaussian_flows_to_its_mean_and_deviation():
    """The flow of one Gaussian is affine: x_0 = m + d eps exactly, point by point."""
    start = torch.randn(500, 2, generator=generator(0), dtype=torch.float64)
    wanted = ONE.means + 0.3 * start
    errors = {(method, steps): float((sample_flow(velocity, start, steps, method=method) - wanted).abs().max())
              for method in ("euler", "heun") for steps in (10, 20, 40)}  # fmt: skip
    assert errors["euler", 20] / errors["euler", 40] == pytest.approx(2, abs=0.3)  # first order
    assert errors["heun", 20] / errors["heun", 40] > 3  # second order, but for the last step
    assert errors["heun", 40] < errors["euler", 40] / 5


def test_heun_asks_twice_but_in_the_last_step():
    asked = []

    def predict(x, t):
        asked.append(round(float(t[0]), 3))
        return torch.zeros_like(x)

    sample_flow(predict, torch.zeros(1, 2), 2, method="heun")
    assert asked == [1.0, 0.5, 0.5]
    asked.clear()
    sample_flow(predict, torch.zeros(1, 2), 4)
    assert asked == [1.0, 0.75, 0.5, 0.25]


def test_bad_input():
    x, t = torch.zeros(2, 3), torch.zeros(2)
    refused(lambda: flow_path(x, torch.zeros(3, 3), t), "noise and t must fit x0")
    refused(lambda: flow_path(x, x, t + 2), "t must be 0 to 1, not 2 to 2")
    refused(lambda: flow_loss(velocity, x / 0, generator(0)), "x0")
    refused(lambda: sample_flow(velocity, x, 0), "steps must be a finite number above 0")
    refused(lambda: sample_flow(velocity, x, 2, method="rk4"), "method must be one of euler, heun")
