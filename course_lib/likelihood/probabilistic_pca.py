"""Principal components as a model of pictures (chapter 16). Tipping and Bishop, "Probabilistic principal component
analysis", Journal of the Royal Statistical Society B 61, 1999.

    z ~ N(0, 1),   x | z ~ N(m + W z, s^2),   so   x ~ N(m, W W^T + s^2)
    most likely:  s^2 = mean of the variances that are left out,   W = U (L - s^2)^(1/2)
    z | x ~ N( M^-1 W^T (x - m), s^2 M^-1 ),   M = W^T W + s^2 = L

U holds K components, L their variances. It is a VAE whose maps are straight lines, and whose posterior is known: there
the bound of the VAE is exact. With a given s^2, components of less variance than s^2 get no weight at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.likelihood.gaussian import gaussian_log_density
from course_lib.ops.pca import PCA


@dataclass(frozen=True)
class ProbabilisticPCA:
    """A fitted model; has what `importance.Latent` asks for.

    Attributes:
        mean: (D,).
        weights: W (D, K), of orthogonal columns.
        variance: s^2, shape ().
    """

    mean: Tensor
    weights: Tensor
    variance: Tensor

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, K) of z given pictures (B, ...) of D numbers: the exact posterior."""
        inner = self.weights.square().sum(0) + self.variance  # M, diagonal since the columns are orthogonal
        mean = (images.flatten(1) - self.mean) @ self.weights / inner
        return mean, (self.variance / inner).log().expand_as(mean)

    def decode(self, codes: Tensor) -> Tensor:
        """Expected samples (B, D) of codes (B, K)."""
        return codes @ self.weights.T + self.mean

    def log_likelihood(self, images: Tensor, codes: Tensor) -> Tensor:
        """log p(x | z) in nats (B,), of pictures (B, ...) of D numbers and codes (B, K)."""
        return gaussian_log_density(images.flatten(1), self.decode(codes), self.variance.log())

    def log_density(self, images: Tensor) -> Tensor:
        """log p(x) in nats (B,), exact; in the basis of the components the covariance is diagonal."""
        lengths = self.weights.square().sum(0)  # L - s^2
        centred = images.flatten(1) - self.mean
        along = (centred @ self.weights).square() / lengths.clamp(min=1e-30)  # squared coordinates on the components
        rest, inner = centred.square().sum(1) - along.sum(1), lengths + self.variance
        left = len(self.mean) - len(lengths)
        logs = inner.log().sum() + left * self.variance.log() + len(self.mean) * math.log(2 * math.pi)
        return -0.5 * ((along / inner).sum(1) + rest / self.variance + logs)

    def sample(self, count: int, generator: torch.Generator, *, noise: bool = True) -> Tensor:
        """Samples (count, D); without noise the expected ones of drawn codes."""
        codes = torch.randn(count, self.weights.shape[1], generator=generator, device=self.mean.device)
        expected = self.decode(codes.to(self.mean))
        spread = torch.randn(expected.shape, generator=generator, device=self.mean.device).to(expected)
        return expected + self.variance.sqrt() * spread if noise else expected


def fit_probabilistic_pca(pca: PCA, variance: float | None = None) -> ProbabilisticPCA:
    """The most likely model that has the components of a fitted PCA.

    Args:
        pca: K components, fewer than D.
        variance: s^2 if it is given, above 0; else the most likely one, the mean of the variances left out.

    Raises:
        ValueError: If all D components are kept and no variance is given, or values are not finite.
    """
    check_tensors(components=(pca.components, "K D"), variances=(pca.variances, "K"))
    kept, dimensions = pca.components.shape
    if variance is None:
        if kept == dimensions:
            raise ValueError(f"with all {dimensions} components nothing is left for the variance; give one")
        variance = float((pca.total - pca.variances.sum()) / (dimensions - kept))
    check_positive(variance=variance)
    weights = pca.components.T * (pca.variances - variance).clamp(min=0).sqrt()
    return ProbabilisticPCA(pca.mean, weights, torch.tensor(variance).to(pca.mean))
