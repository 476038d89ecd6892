"""Samples along a ray: inside their steps, distributed as the weights say, and where the surface is."""

from __future__ import annotations

import torch
from scipy.stats import kstest

from course_lib.core.seeding import generator
from course_lib.fields.ray_samples import depths_within, even_borders, inverse_cdf

from ..refusals import refused


def test_even_borders_and_their_middles(device, dtype, close):
    near, far = (
        torch.tensor([1.0, 2.0], device=device, dtype=dtype),
        torch.tensor([3.0, 2.5], device=device, dtype=dtype),
    )
    borders = even_borders(near, far, 4)
    close(borders, [[1, 1.5, 2, 2.5, 3], [2, 2.125, 2.25, 2.375, 2.5]])
    close(depths_within(borders), [[1.25, 1.75, 2.25, 2.75], [2.0625, 2.1875, 2.3125, 2.4375]])


def test_stratified_depths_stay_in_their_steps_and_fill_them():
    borders = even_borders(torch.zeros(2000), torch.ones(2000), 4)
    depths = depths_within(borders, generator(0))
    assert ((depths >= borders[:, :-1]) & (depths <= borders[:, 1:])).all()
    for k in range(4):
        assert kstest(4 * depths[:, k].numpy() - k, "uniform").pvalue > 0.01


def test_samples_are_distributed_as_the_weights():
    borders = torch.tensor([[0.0, 1.0, 1.5, 4.0, 5.0]]).expand(4000, -1)
    weights = torch.tensor([[1.0, 6.0, 0.0, 3.0]]).expand(4000, -1)
    found = inverse_cdf(borders, weights, 1, generator=generator(0), floor=0.0).flatten()

    def wanted(x):
        import numpy as np

        return np.interp(x, [0, 1, 1.5, 4, 5], [0, 0.1, 0.7, 0.7, 1.0])

    assert kstest(found.numpy(), wanted).pvalue > 0.01
    assert not ((found > 1.51) & (found < 3.99)).any()
    off = kstest(found.numpy(), "uniform", args=(0, 5)).pvalue
    assert off < 1e-6  # the same test rejects samples that ignore the weights


def test_without_a_generator_they_are_the_quantiles(device, dtype, close):
    borders = torch.tensor([[0.0, 1.0, 3.0]], device=device, dtype=dtype)
    weights = torch.tensor([[1.0, 1.0]], device=device, dtype=dtype)
    close(inverse_cdf(borders, weights, 4, floor=0.0), [[0.25, 0.75, 1.5, 2.5]])


def test_they_rise_and_an_empty_ray_is_sampled_evenly(close):
    borders = even_borders(torch.zeros(50), torch.ones(50), 8)
    found = inverse_cdf(borders, torch.rand(50, 8, generator=generator(0)) ** 8, 16, generator=generator(1))
    assert (found.diff(dim=1) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()
    close(inverse_cdf(borders[:1], torch.zeros(1, 8), 8), (torch.arange(8.0)[None] + 0.5) / 8, rtol=1e-4, atol=1e-5)


def test_samples_gather_at_the_surface():
    borders = even_borders(torch.zeros(1), torch.ones(1), 10)
    weights = torch.zeros(1, 10)
    weights[0, 6] = 1.0
    found = inverse_cdf(borders, weights, 20, floor=0.001)
    assert ((found > 0.6) & (found < 0.7)).float().mean() >= 0.95


def test_bad_input():
    refused(lambda: inverse_cdf(torch.rand(2, 4), torch.rand(2, 4), 3), "S \\+ 1 borders")
    refused(lambda: inverse_cdf(torch.rand(2, 5), torch.rand(2, 4), 0), "samples")
