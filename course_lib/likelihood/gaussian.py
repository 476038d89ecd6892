"""Normal distributions with diagonal covariance: density, divergence, sampling (chapter 16).

    log N(x; m, s^2) = - 1/2 sum_d [ (x_d - m_d)^2 / s_d^2 + log s_d^2 + log 2 pi ]
    KL( N(m, s^2) || N(0, 1) ) = 1/2 sum_d [ m_d^2 + s_d^2 - 1 - log s_d^2 ]
    z = m + s e,  e ~ N(0, 1)                                          (the reparameterisation)

Kingma and Welling, "Auto-encoding variational Bayes", 2014, arXiv:1312.6114; Rezende, Mohamed and Wierstra 2014,
arXiv:1401.4082. Networks answer with log s^2, which may be any number. Sums run over all but the first axis.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors


def gaussian_log_density(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log-density in nats, summed over everything but the first axis.

    Args:
        x: (B, ...).
        mean, log_variance: Of shapes that broadcast to that of x.

    Returns:
        (B,).
    """
    terms = (x - mean).square() * (-log_variance).exp() + log_variance + math.log(2 * math.pi)
    return -0.5 * terms.flatten(1).sum(1)


def standard_log_density(z: Tensor) -> Tensor:
    """Log-density of the standard normal distribution in nats: (B, ...) to (B,)."""
    return gaussian_log_density(z, torch.zeros_like(z), torch.zeros_like(z))


def divergence_from_standard(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of N(mean, variance) from the standard normal distribution, in closed form.

    Args:
        mean, log_variance: (B, D), finite.

    Returns:
        (B,) nats, 0 or more.

    Raises:
        ValueError: For shapes that do not fit, or values that are not finite.
    """
    check_tensors(mean=(mean, "B D"), log_variance=(log_variance, "B D"))
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def reparameterise(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    """Draw from N(mean, variance) so that gradients reach both.

    Args:
        mean, log_variance: Of one shape.
        generator: Source of the noise, on the device of the mean.

    Returns:
        Of that shape.
    """
    noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return mean + (0.5 * log_variance).exp() * noise
