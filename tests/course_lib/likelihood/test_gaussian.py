"""Normal distributions with diagonal covariance, against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch import distributions

from course_lib.core.seeding import generator
from course_lib.likelihood.gaussian import (
    divergence_from_standard,
    gaussian_log_density,
    reparameterise,
    standard_log_density,
)


@pytest.fixture
def parts(device, dtype):
    stream = generator(0)
    mean, log_variance, x = (torch.randn(5, 3, generator=stream).to(device, dtype) for _ in range(3))
    return mean, log_variance, x, distributions.Normal(mean, (0.5 * log_variance).exp())


def test_density_and_divergence_equal_torch(parts, close):
    mean, log_variance, x, normal = parts
    close(gaussian_log_density(x, mean, log_variance), normal.log_prob(x).sum(1))
    standard = distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    close(standard_log_density(x), standard.log_prob(x).sum(1))
    close(divergence_from_standard(mean, log_variance), distributions.kl_divergence(normal, standard).sum(1))


def test_divergence_is_the_mean_log_ratio_of_samples():
    mean, log_variance = torch.tensor([[0.7, -1.0]]).double(), torch.tensor([[-1.0, 0.5]]).double()
    z = reparameterise(mean.expand(200_000, 2), log_variance.expand(200_000, 2), generator(0))
    ratio = gaussian_log_density(z, mean, log_variance) - standard_log_density(z)
    error = 4 * ratio.std() / len(ratio) ** 0.5
    assert abs(float(ratio.mean() - divergence_from_standard(mean, log_variance)[0])) < error < 0.02


def test_gradients_pass_the_sample():
    mean, log_variance = torch.zeros(4, 2, requires_grad=True), torch.zeros(4, 2, requires_grad=True)
    z = reparameterise(mean, log_variance, generator(0))
    z.sum().backward()
    assert torch.equal(mean.grad, torch.ones(4, 2))
    torch.testing.assert_close(log_variance.grad, 0.5 * z.detach())  # dz / d log s^2 = s e / 2


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="mean"):
        divergence_from_standard(torch.zeros(3), torch.zeros(3))
