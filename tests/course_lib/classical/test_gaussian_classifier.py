"""Gaussian classifiers against scikit-learn's LDA, QDA and naive Bayes, SciPy's densities, and their own samples."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB

from course_lib.classical.gaussian_classifier import fit_gaussians
from course_lib.core.seeding import generator
from course_lib.data import breast_cancer, iris
from course_lib.linear import fit_softmax, linear_scores

from ..refusals import refused


def flowers(device="cpu", dtype=torch.float64):
    data = iris()
    return data.features.to(device, dtype), data.labels.to(device)


PEERS = {
    "LDA": ({"shared": True}, LinearDiscriminantAnalysis(solver="lsqr")),
    "QDA": ({}, QuadraticDiscriminantAnalysis()),
    "naive Bayes": ({"diagonal": True}, GaussianNB(var_smoothing=0)),
}


@pytest.mark.parametrize("name", PEERS)
def test_posteriors_equal_scikit_learn(name, device, dtype, close):
    options, peer = PEERS[name]
    X, labels = flowers(device, dtype)
    model = fit_gaussians(X[:120], labels[:120], 3, **options)
    peer.fit(X[:120].cpu().numpy(), labels[:120].cpu().numpy())
    wanted = torch.tensor(peer.predict_proba(X.cpu().numpy()), device=device, dtype=dtype)
    torch.testing.assert_close(model.posterior(X), wanted, rtol=1e-5, atol=1e-7)
    assert torch.equal(model.predict(X), wanted.argmax(1))


def test_densities_equal_scipy(device, dtype):
    X, labels = flowers(device, dtype)
    model = fit_gaussians(X, labels, 3)
    wanted = torch.stack(
        [torch.tensor(multivariate_normal(m, c).logpdf(X.cpu().numpy())) + p.log().cpu().double()
         for m, c, p in zip(model.means.cpu().numpy(), model.covariances.cpu().numpy(), model.priors, strict=True)], 1
    )  # fmt: skip
    torch.testing.assert_close(model.log_joint(X).cpu().double(), wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(model.log_likelihood(X).cpu().double(), wanted.logsumexp(1), rtol=1e-5, atol=1e-5)


def test_the_joint_density_integrates_to_one():
    X, labels = flowers()
    model = fit_gaussians(X[:, 2:], labels, 3, floor=0.05)
    axis = torch.linspace(-6, 14, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    cell = float(axis[1] - axis[0]) ** 2
    assert float(model.log_joint(grid).exp().sum() * cell) == pytest.approx(1, abs=1e-6)


def test_samples_have_the_models_moments(device, dtype):
    X, labels = flowers(device, dtype)
    model = fit_gaussians(X[20:], labels[20:], 3)
    drawn, classes = model.sample(60_000, generator(0, device))
    again, _ = model.sample(60_000, generator(0, device))
    assert torch.equal(drawn, again)
    refit = fit_gaussians(drawn, classes, 3)
    torch.testing.assert_close(refit.priors, model.priors, rtol=0, atol=0.01)
    torch.testing.assert_close(refit.means, model.means, rtol=0, atol=0.02)
    torch.testing.assert_close(refit.covariances, model.covariances, rtol=0, atol=0.01)


def test_a_shared_covariance_is_a_softmax_of_linear_scores(device, dtype, close):
    """log p(k|x) - log p(0|x) must change by the same amount along a straight line."""
    X, labels = flowers(device, dtype)
    line = X[:1] + torch.linspace(-3, 3, 7, device=device, dtype=dtype)[:, None] * (X[70] - X[10])
    for shared, straight in ((True, True), (False, False)):
        joint = fit_gaussians(X, labels, 3, shared=shared).log_joint(line)
        bend = (joint[:, 1:] - joint[:, :1]).diff(n=2, dim=0).abs().max()
        assert (bend < 1e-3) == straight


def test_the_fitted_parameters_are_the_most_likely_ones():
    X, labels = flowers()
    model = fit_gaussians(X, labels, 3)

    def joint(means, roots):
        trial = type(model)(model.priors, means, roots @ roots.mT)
        return trial.log_joint(X)[torch.arange(len(X)), labels].mean()

    means, roots = model.means.requires_grad_(), torch.linalg.cholesky(model.covariances).requires_grad_()
    slopes = torch.autograd.grad(joint(means, roots), (means, roots))
    assert max(float(slope.abs().max()) for slope in slopes) < 1e-10


def test_few_samples_favour_the_generative_model_and_both_learn():
    """Ng and Jordan's effect on tumours: naive Bayes is ahead of logistic regression with 12 samples."""
    data = breast_cancer()
    X = (data.features - data.features.mean(0)) / data.features.std(0)
    ahead, sure = 0.0, 0.0
    for seed in range(20):
        order = torch.randperm(len(X), generator=generator(seed))
        train = torch.cat([order[data.labels[order] == k][:6] for k in (0, 1)])
        test = order[300:]
        few = fit_gaussians(X[train], data.labels[train], 2, shared=True, diagonal=True, floor=1e-3)
        weights = fit_softmax(X[train], data.labels[train], 2, penalty=1e-3)
        guess = linear_scores(X[test], weights).argmax(1)
        ahead += float((few.predict(X[test]) == data.labels[test]).double().mean()) / 20
        sure += float((guess == data.labels[test]).double().mean()) / 20
    assert ahead > sure
    assert min(ahead, sure) > 0.85


X = torch.randn(6, 3, generator=generator(1))
LABELS = torch.tensor([0, 0, 0, 1, 1, 1])
CASES = {
    "constant": (lambda: fit_gaussians(X * 0, LABELS, 2), r"not positive definite: 3 samples .* 3 features"),
    "absent": (lambda: fit_gaussians(X, LABELS, 3), r"class 2 of 3 has no sample"),
    "integers": (lambda: fit_gaussians(LABELS[:, None], LABELS, 2), r"X must be a floating-point tensor"),
    "labels": (lambda: fit_gaussians(X, LABELS.float(), 2), r"labels must be an int64 tensor"),
    "floor": (lambda: fit_gaussians(X, LABELS, 2, floor=-1.0), r"floor must be a finite number of 0 or more, not -1.0"),
    "features": (lambda: fit_gaussians(X, LABELS, 2, floor=1.0).posterior(X[:, :2]), r"means has D = 3 but X has D"),
    "count": (lambda: fit_gaussians(X, LABELS, 2, floor=1.0).sample(0, generator()), r"count must be .* above 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_refusal(case):
    call, message = CASES[case]
    refused(call, message)
