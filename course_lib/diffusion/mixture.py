"""A Gaussian mixture, whose best denoiser can be written down: the referee of every sampler (chapter 18).

    data        p(x_0) = sum_k w_k N(m_k, d_k^2 1)
    noisy       x = a x_0 + s eps:   p(x) = sum_k w_k N(a m_k, v_k 1),   v_k = a^2 d_k^2 + s^2
    whose       r_k(x) = w_k N(x; a m_k, v_k) / sum_j w_j N(x; a m_j, v_j)
    picture     E[x_0 | x] = sum_k r_k ( m_k + a d_k^2 / v_k (x - a m_k) )
    noise       E[eps | x] = sum_k r_k s / v_k (x - a m_k)
    score       grad log p(x) = sum_k r_k (a m_k - x) / v_k = - E[eps | x] / s

With these a sampler makes no error but that of its steps: no network has to be trained, or believed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors


class GaussianMixture:
    """Round Gaussians in D dimensions.

    Args:
        means: (K, D).
        deviations: (K,), above 0.
        weights: (K,), above 0; divided by their sum. Equal without.

    Raises:
        ValueError: For bad shapes or values.
    """

    def __init__(self, means: Tensor, deviations: Tensor, weights: Tensor | None = None):
        weights = torch.ones_like(deviations) if weights is None else weights
        check_tensors(means=(means, "K D"), deviations=(deviations, "K"), weights=(weights, "K"))
        if not (deviations > 0).all() or not (weights > 0).all():
            raise ValueError("deviations and weights must be above 0")
        self.means, self.deviations, self.weights = means, deviations, weights / weights.sum()

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw (count, D) points, and (count,) int64 which component each is of."""
        part = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        noise = torch.randn(count, self.means.shape[1], generator=generator, dtype=self.means.dtype,
                            device=self.means.device)  # fmt: skip
        return self.means[part] + self.deviations[part, None] * noise, part

    def _split(self, x: Tensor, signal: Tensor | float, sigma: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
        """log w_k N(x; a m_k, v_k), (B, K); x - a m_k, (B, K, D); v_k, (B or 1, K)."""
        check_tensors(x=(x, f"B {self.means.shape[1]}"))
        a = torch.as_tensor(signal, dtype=x.dtype, device=x.device).reshape(-1, 1)
        s = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).reshape(-1, 1)
        gap = x[:, None] - a[..., None] * self.means  # (B, K, D)
        variance = (a * self.deviations).square() + s.square()
        log = self.weights.log() - gap.square().sum(-1) / (2 * variance)
        return log - x.shape[1] / 2 * (2 * math.pi * variance).log(), gap, variance

    def log_density(self, x: Tensor, signal: Tensor | float = 1.0, sigma: Tensor | float = 0.0) -> Tensor:
        """log p(x) of data, or of noisy data.

        Args:
            x: (B, D).
            signal: a; a number or (B, 1).
            sigma: s; a number or (B, 1).

        Returns:
            (B,) nats.
        """
        return self._split(x, signal, sigma)[0].logsumexp(1)

    def clean(self, x: Tensor, signal: Tensor | float, sigma: Tensor | float) -> Tensor:
        """E[x_0 | x], (B, D); arguments as in `log_density`."""
        log, gap, variance = self._split(x, signal, sigma)
        a = torch.as_tensor(signal, dtype=x.dtype, device=x.device).reshape(-1, 1, 1)
        each = self.means + a * (self.deviations.square() / variance)[..., None] * gap
        return (log.softmax(1)[..., None] * each).sum(1)

    def noise(self, x: Tensor, signal: Tensor | float, sigma: Tensor | float) -> Tensor:
        """E[eps | x], (B, D); arguments as in `log_density`."""
        log, gap, variance = self._split(x, signal, sigma)
        s = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).reshape(-1, 1, 1)
        return (log.softmax(1)[..., None] * s * gap / variance[..., None]).sum(1)

    def score(self, x: Tensor, signal: Tensor | float = 1.0, sigma: Tensor | float = 0.0) -> Tensor:
        """Gradient of `log_density`, (B, D); the same arguments."""
        log, gap, variance = self._split(x, signal, sigma)
        return -(log.softmax(1)[..., None] * gap / variance[..., None]).sum(1)

    def part_probability(self, x: Tensor, signal: Tensor | float = 1.0, sigma: Tensor | float = 0.0) -> Tensor:
        """r_k(x), (B, K): the exact classifier on noisy data; the same arguments."""
        return self._split(x, signal, sigma)[0].softmax(1)
