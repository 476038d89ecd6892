"""Probabilistic PCA: equal to scikit-learn's likelihood, a tight bound, and components that are given up."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA as Reference

from course_lib.core.seeding import generator
from course_lib.likelihood.gaussian import divergence_from_standard
from course_lib.likelihood.importance import importance_bound
from course_lib.likelihood.probabilistic_pca import fit_probabilistic_pca
from course_lib.ops.pca import fit_pca

DIGITS = torch.from_numpy(load_digits().data / 16) + 0.05 * torch.rand(1797, 64, generator=generator(0)).double()


@pytest.fixture(scope="module")
def model():
    return fit_probabilistic_pca(fit_pca(DIGITS[:1200], 5))


def test_equals_scikit_learn(model):
    reference = Reference(5).fit(DIGITS[:1200].numpy())
    wanted = torch.from_numpy(reference.score_samples(DIGITS[1200:].numpy()))
    torch.testing.assert_close(model.log_density(DIGITS[1200:]), wanted, rtol=1e-6, atol=1e-6)
    assert float(model.variance) == pytest.approx(float(reference.noise_variance_))


def test_the_bound_of_one_sample_is_the_likelihood_and_a_worse_guess_loses_its_divergence(model):
    images = DIGITS[1200:1300].view(100, 1, 8, 8)
    exact = model.log_density(images)
    torch.testing.assert_close(importance_bound(model, images, generator(0), samples=1), exact)

    class Wrong:
        log_likelihood = staticmethod(model.log_likelihood)

        def encode(self, images):
            mean, log_variance = model.encode(images)
            return mean + 0.5 * (0.5 * log_variance).exp(), log_variance  # half a deviation off in each direction

    found = torch.stack([importance_bound(Wrong(), images, generator(s), samples=1) for s in range(200)]).mean()
    assert float(exact.mean() - found) == pytest.approx(5 * 0.5**2 / 2, rel=0.05)


def test_components_below_the_given_variance_collapse_and_others_cost_half_a_log():
    plane = fit_pca(DIGITS, 12)
    limit = float(plane.variances[4:6].mean())
    mean, log_variance = (model := fit_probabilistic_pca(plane, limit)).encode(DIGITS)
    assert (model.weights.norm(dim=0) > 0).tolist() == [True] * 5 + [False] * 7
    each = torch.stack([divergence_from_standard(mean[:, [k]], log_variance[:, [k]]).mean() for k in range(12)])
    torch.testing.assert_close(each, 0.5 * (plane.variances / limit).log().clamp(min=0), rtol=2e-3, atol=1e-9)


def test_samples_have_the_models_covariance(model):
    drawn = model.sample(40_000, generator(1))
    wanted = model.weights @ model.weights.T + model.variance * torch.eye(64)
    assert (drawn.T.cov() - wanted).abs().max() < 0.03 * wanted.diagonal().max()
    smooth = model.sample(10, generator(1), noise=False) - model.mean
    assert torch.linalg.matrix_rank(smooth, rtol=1e-6) == 5


def test_bad_input_is_refused(model):
    whole = fit_pca(DIGITS[:, 10:20], 10)
    with pytest.raises(ValueError, match="give one"):
        fit_probabilistic_pca(whole)
    with pytest.raises(ValueError, match="above 0"):
        fit_probabilistic_pca(whole, 0.0)
    with pytest.raises(ValueError, match="NaN"):
        fit_probabilistic_pca(replace(whole, variances=whole.variances * float("nan")), 1.0)
