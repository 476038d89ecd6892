"""The bound of the VAE: below the likelihood, exact where everything is linear, tighter with more samples."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.likelihood.gaussian import gaussian_log_density
from course_lib.likelihood.importance import importance_bound
from course_lib.likelihood.vae import VAE


class LinearGaussian:
    """x = W z + noise: the likelihood is known, and so is p(z | x); `slack` makes q worse than that."""

    def __init__(self, slack: float):
        self.weights, self.noise, self.slack = torch.tensor([[1.0, 0.5], [-0.3, 0.8], [0.2, -0.4]]).double(), 0.3, slack
        self.precision = torch.eye(2).double() + self.weights.T @ self.weights / self.noise

    def encode(self, images):
        x = images.flatten(1)
        mean = x @ self.weights / self.noise @ torch.linalg.inv(self.precision)
        variance = 1 / self.precision.diagonal()  # the best with independent directions
        return mean + self.slack, variance.log().expand(len(x), 2)

    def log_likelihood(self, images, codes):
        mean = codes @ self.weights.T
        return gaussian_log_density(images.flatten(1), mean, torch.full_like(mean, self.noise).log())

    def exact(self, images):
        covariance = self.weights @ self.weights.T + self.noise * torch.eye(3).double()
        return torch.distributions.MultivariateNormal(torch.zeros(3).double(), covariance).log_prob(images.flatten(1))


@pytest.mark.parametrize("slack", [0.0, 0.5])
def test_more_samples_tighten_the_bound_towards_the_exact_likelihood(slack):
    model, images = LinearGaussian(slack), torch.randn(64, 1, 3, 1, generator=generator(0)).double()
    exact = model.exact(images).mean()
    bounds = [torch.stack([importance_bound(model, images, generator(seed), samples=samples).mean()
                           for seed in range(20)]).mean() for samples in (1, 8, 256)]  # fmt: skip
    assert bounds[0] < bounds[1] < bounds[2] < exact + 0.005
    assert exact - bounds[2] < 0.1 * (exact - bounds[0])
    assert exact - bounds[0] > (0.01 if slack == 0 else 0.3)


@pytest.mark.parametrize("pixels", ["bernoulli", "gaussian", "categorical"])
def test_both_terms_of_the_bound_make_the_bound_of_one_sample(pixels):
    torch.manual_seed(0)
    model = VAE(3, size=8, width=8, pixels=pixels)
    images = torch.rand(16, 1, 8, 8, generator=generator(0)).round()
    with torch.no_grad():
        near, far = zip(*(model.bound(images, generator(seed)) for seed in range(400)), strict=True)
    bound = torch.stack(near).mean() - torch.stack(far).mean()
    single = torch.stack([importance_bound(model, images, generator(1000 + seed), samples=1) for seed in range(400)])
    assert float(bound) == pytest.approx(float(single.mean()), rel=0.01)


def test_bernoulli_pixels_equal_torch():
    model = VAE(3, size=8, width=8)
    images, codes = torch.rand(4, 1, 8, 8, generator=generator(0)).round(), torch.randn(4, 3, generator=generator(1))
    wanted = torch.distributions.Bernoulli(model.decode(codes)).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(model.log_likelihood(images, codes), wanted, atol=1e-3, rtol=1e-4)


def test_categorical_pixels_equal_torch_and_the_noise_of_dequantising_does_not_count():
    torch.manual_seed(0)
    model, codes = VAE(3, size=8, width=8, pixels="categorical", levels=5), torch.randn(4, 3, generator=generator(1))
    values = torch.randint(5, (4, 1, 8, 8), generator=generator(0))
    scores = model.decoder(codes).unflatten(1, (5, 1)).movedim(1, -1)  # (B, C, H, W, L)
    chances = torch.distributions.Categorical(logits=scores)
    wanted = chances.log_prob(values).sum((1, 2, 3))
    for inside in (0.01, 0.5, 0.99):
        torch.testing.assert_close(model.log_likelihood((values + inside) / 5, codes), wanted)
    middle = (chances.probs * (torch.arange(5) + 0.5) / 5).sum(-1)
    torch.testing.assert_close(model.decode(codes), middle)


def test_training_raises_the_bound_and_samples_have_pixels_of_the_right_kind():
    torch.manual_seed(0)
    model, stream = VAE(2, size=8, width=8), generator(0)
    images = (torch.rand(64, 1, 8, 8, generator=stream) < torch.linspace(0, 1, 8)).float()
    step, bounds = torch.optim.Adam(model.parameters(), 1e-2), []
    for _ in range(60):
        near, far = model.bound(images, stream)
        step.zero_grad()
        (far - near).mean().backward()
        step.step()
        bounds.append(float((near - far).detach().mean()))
    assert bounds[-1] > bounds[0] + 10
    drawn = model.sample(32, stream)
    assert drawn.shape == (32, 1, 8, 8)
    assert drawn.mean((0, 1, 2)).diff().min() > -0.1  # columns darken from left to right, as in the data
    assert 0 <= drawn.min() < drawn.max() <= 1


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="pixels"):
        VAE(2, pixels="poisson")
    with pytest.raises(ValueError, match="multiple of 4"):
        VAE(2, size=10)
    with pytest.raises(ValueError, match="images"):
        VAE(2, size=8).bound(torch.zeros(8, 8), generator(0))
    with pytest.raises(ValueError, match="samples"):
        importance_bound(VAE(2, size=8), torch.zeros(1, 1, 8, 8), generator(0), samples=0)
    assert isinstance(VAE(2, size=8), nn.Module)
