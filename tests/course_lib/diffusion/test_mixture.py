"""The referee itself: its score by autograd, its means by Monte Carlo, its classifier by Bayes."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from course_lib.core.seeding import generator
from course_lib.diffusion.mixture import GaussianMixture

from ..refusals import refused

MEANS = torch.tensor([[1.0, 0.0], [-0.5, 0.8], [0.0, -1.0]], dtype=torch.float64)
DEVIATIONS, WEIGHTS = torch.tensor([0.1, 0.3, 0.2]).double(), torch.tensor([1.0, 2.0, 1.0]).double()


@pytest.fixture
def mixture(device, dtype):
    return GaussianMixture(*(part.to(device, dtype) for part in (MEANS, DEVIATIONS, WEIGHTS)))


def torch_s(a, s):
    parts = Independent(Normal(a * MEANS, ((a * DEVIATIONS) ** 2 + s**2).sqrt()[:, None].expand(3, 2)), 1)
    return MixtureSameFamily(Categorical(WEIGHTS), parts)


@pytest.mark.parametrize(("a", "s"), [(1.0, 0.0), (0.6, 0.8), (0.0, 1.0)])
def test_density_and_score_are_torch_s(mixture, close, device, dtype, a, s):
    x = torch.randn(20, 2, generator=generator(0), dtype=torch.float64).requires_grad_()
    log = torch_s(a, s).log_prob(x)
    ours = mixture.log_density(x.detach().to(device, dtype), a, s)
    close(ours, log.detach(), rtol=1e-4, atol=1e-4)
    score = torch.autograd.grad(log.sum(), x)[0]
    close(mixture.score(x.detach().to(device, dtype), a, s), score, rtol=1e-4, atol=1e-4)
    close(mixture.noise(x.detach().to(device, dtype), a, s), -s * score, rtol=1e-4, atol=1e-4)


def test_picture_and_noise_make_the_place(mixture, device, dtype, close):
    x = torch.randn(10, 2, generator=generator(0)).to(device, dtype)
    s = torch.linspace(0, 1, 10).to(x)[:, None]  # a rate for each sample, both ends too
    a = (1 - s**2).sqrt()
    close(a * mixture.clean(x, a, s) + s * mixture.noise(x, a, s), x, rtol=1e-4, atol=1e-5)


def test_the_expected_picture_is_the_mean_of_those_that_come_here():
    mixture, stream = GaussianMixture(MEANS, DEVIATIONS, WEIGHTS), generator(0)
    x0, part = mixture.sample(1_000_000, stream)
    x = 0.8 * x0 + 0.6 * torch.randn(x0.shape, generator=stream, dtype=torch.float64)
    place = torch.tensor([[0.3, 0.2]], dtype=torch.float64)
    near = ((x - place).abs() < 0.05).all(1)
    assert torch.allclose(x0[near].mean(0), mixture.clean(place, 0.8, 0.6)[0], atol=0.04)
    shares = torch.bincount(part[near], minlength=3) / near.sum()
    assert torch.allclose(shares.double(), mixture.part_probability(place, 0.8, 0.6)[0], atol=0.04)


def test_bad_input():
    refused(lambda: GaussianMixture(MEANS, DEVIATIONS * 0), "deviations and weights must be above 0")
    refused(lambda: GaussianMixture(MEANS, DEVIATIONS[:2]), "deviations")
    refused(lambda: GaussianMixture(MEANS, DEVIATIONS).score(torch.zeros(3, 5).double()), "of shape")
