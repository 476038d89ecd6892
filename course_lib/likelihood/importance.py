"""A tighter bound on the likelihood from several samples (chapter 16). Burda, Grosse and Salakhutdinov 2016,
arXiv:1509.00519.

    log p(x)  >=  E log 1/S sum_s  p(x | z_s) p(z_s) / q(z_s | x),     z_1 ... z_S from q(z | x)

For S = 1 it is the bound of the VAE; it never falls as S grows, and tends to log p(x). So the distance between the two
says how good q is.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.likelihood.gaussian import gaussian_log_density, reparameterise, standard_log_density


class Latent(Protocol):
    """What a model with latent codes must offer; `vae.VAE` does."""

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, K) of q(z | x)."""

    def log_likelihood(self, images: Tensor, codes: Tensor) -> Tensor:
        """log p(x | z), (B,)."""


@torch.no_grad()
def importance_bound(model: Latent, images: Tensor, generator: torch.Generator, *, samples: int) -> Tensor:
    """The bound from several samples, which are gone through one by one.

    Args:
        model: With `encode` and `log_likelihood`.
        images: (B, C, H, W).
        generator: Source of the samples.
        samples: S, at least 1.

    Returns:
        (B,) nats.

    Raises:
        ValueError: If pictures are no finite batch or there is no sample.
    """
    check_positive(samples=samples)
    check_tensors(images=(images, "B C H W"))
    mean, log_variance = model.encode(images)
    weights = []
    for _ in range(samples):
        codes = reparameterise(mean, log_variance, generator)
        weights.append(model.log_likelihood(images, codes) + standard_log_density(codes)
                       - gaussian_log_density(codes, mean, log_variance))  # fmt: skip
    return torch.stack(weights).logsumexp(0) - math.log(samples)
