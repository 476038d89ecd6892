"""Gaussian classifiers (chapter 1, "discriminative-generative"): a model of the data, from which the class follows.

    p(x, k) = pi_k N(x; mu_k, Sigma_k)          the joint density: one Gaussian a class
    p(k | x) = p(x, k) / p(x),   p(x) = sum_k p(x, k)       Bayes' rule

One covariance for all classes (`shared`) makes log p(k | x) linear in x: linear discriminant analysis, Fisher (1936).
Different ones make it quadratic. Diagonal ones treat the features of a class as independent: naive Bayes. Fitting is
counting and averaging; there is nothing to optimise. Logistic regression fits p(k | x) alone, so it can neither draw
samples nor say that an x is strange. Ng and Jordan (2002) compare the two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.core.checks import check_labels, check_positive, check_tensors


@dataclass(frozen=True)
class GaussianClassifier:
    """p(x, k) for K classes of D features; `fit_gaussians` makes one.

    Attributes:
        priors: (K,) share of each class.
        means: (K, D).
        covariances: (K, D, D); equal for all classes if they were shared.
    """

    priors: Tensor
    means: Tensor
    covariances: Tensor

    def log_joint(self, X: Tensor) -> Tensor:
        """log p(x, k): (N, D) samples to (N, K) nats.

        Raises:
            ValueError: For bad shapes or values.
        """
        check_tensors(X=(X, "N D"), means=(self.means, "K D"))
        factor = torch.linalg.cholesky(self.covariances)  # (K, D, D), Sigma = L L^T
        centred = (X - self.means[:, None]).mT  # (K, D, N)
        whitened = torch.linalg.solve_triangular(factor, centred, upper=False)
        log_volume = factor.diagonal(dim1=1, dim2=2).log().sum(1)  # log sqrt(det Sigma)
        constant = 0.5 * X.shape[1] * math.log(2 * math.pi)
        return self.priors.log() - log_volume - constant - 0.5 * whitened.square().sum(1).T

    def log_likelihood(self, X: Tensor) -> Tensor:
        """log p(x), how usual each sample is: (N, D) to (N,) nats."""
        return self.log_joint(X).logsumexp(1)

    def posterior(self, X: Tensor) -> Tensor:
        """p(k | x): (N, D) to (N, K), rows sum to 1."""
        return self.log_joint(X).softmax(1)

    def predict(self, X: Tensor) -> Tensor:
        """The most probable class: (N, D) to (N,) int64."""
        return self.log_joint(X).argmax(1)

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw new samples: first the class, then x from its Gaussian.

        Args:
            count: N, at least 1.
            generator: Source of randomness, on the model's device.

        Returns:
            X (N, D) and its classes (N,) int64.

        Raises:
            ValueError: For a count below 1.
        """
        check_positive(count=count)
        labels = torch.multinomial(self.priors, count, replacement=True, generator=generator)
        noise = torch.randn(count, self.means.shape[1], 1, generator=generator, dtype=self.means.dtype,
                            device=self.means.device)  # fmt: skip
        spread = torch.linalg.cholesky(self.covariances)[labels] @ noise  # (N, D, 1)
        return self.means[labels] + spread[..., 0], labels


def fit_gaussians(
    X: Tensor,
    labels: Tensor,
    classes: int,
    *,
    shared: bool = False,
    diagonal: bool = False,
    floor: float = 0.0,
) -> GaussianClassifier:
    """Fit one Gaussian a class by counting, averaging and averaging squares: the maximum of the likelihood.

    Args:
        X: (N, D) samples, floating point.
        labels: (N,) int64 classes 0 ... classes - 1, each present.
        classes: K, at least 2.
        shared: One covariance for all classes, pooled over them.
        diagonal: Keep variances only.
        floor: Added to every variance, in squared units of X: what makes few samples or constant features usable.

    Returns:
        The classifier, on X's device.

    Raises:
        ValueError: For bad shapes, values or labels, a class without samples, or covariances that are not positive
            definite.
    """
    check_tensors(X=(X, "N D"))
    check_labels("labels", labels, classes, X=X)
    if not 0 <= floor < math.inf:
        raise ValueError(f"floor must be a finite number of 0 or more, not {floor!r}")
    counts = labels.bincount(minlength=classes)
    if counts.min() == 0:
        raise ValueError(f"class {int(counts.argmin())} of {classes} has no sample to fit a Gaussian to")
    member = torch.nn.functional.one_hot(labels, classes).to(X.dtype)  # (N, K)
    means = member.T @ X / counts[:, None]
    centred = X - means[labels]
    scatter = torch.einsum("nk,nd,ne->kde", member, centred, centred)  # (K, D, D)
    if shared:
        covariances = (scatter.sum(0) / len(X)).expand(classes, -1, -1)
    else:
        covariances = scatter / counts[:, None, None]
    if diagonal:
        covariances = torch.diag_embed(covariances.diagonal(dim1=1, dim2=2))
    covariances = covariances + floor * torch.eye(X.shape[1], dtype=X.dtype, device=X.device)
    if torch.linalg.cholesky_ex(covariances).info.any():
        raise ValueError(
            f"a covariance is not positive definite: {int(counts.min())} samples of a class and {X.shape[1]} features; "
            "use shared or diagonal covariances, or a floor above 0"
        )
    return GaussianClassifier(counts / len(X), means, covariances)
