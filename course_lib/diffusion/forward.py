"""Forward diffusion and what can be computed of it: q(x_t | x_0) and q(x_(t-1) | x_t, x_0) (chapter 18).

    one step      q(x_t | x_(t-1)) = N( sqrt(1 - beta_t) x_(t-1),  beta_t )
    at once       q(x_t | x_0)     = N( sqrt(alpha_bar_t) x_0,  1 - alpha_bar_t )
    backwards     q(x_(t-1) | x_t, x_0) = N( mu, beta_tilde_t )
                  mu = (sqrt(alpha_bar_(t-1)) beta_t x_0 + sqrt(alpha_t) (1 - alpha_bar_(t-1)) x_t) / (1 - alpha_bar_t)
                  beta_tilde_t = (1 - alpha_bar_(t-1)) / (1 - alpha_bar_t) * beta_t

Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020, arXiv:2006.11239, equations 2, 4, 6 and 7; the chain
is Sohl-Dickstein et al. 2015, arXiv:1503.03585. Pictures x are 2 p - 1 for pixels p in [0, 1], so that noise and
pictures have about one size. Shapes (B, ...): pictures or points.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.diffusion.schedules import NoiseSchedule


def to_signal(images: Tensor) -> Tensor:
    """Pixels in [0, 1] as numbers in [-1, 1]."""
    return 2 * images - 1


def to_images(x: Tensor) -> Tensor:
    """The way back, cut to [0, 1]."""
    return ((x + 1) / 2).clamp(0, 1)


def forward_step(x: Tensor, t: int, generator: torch.Generator, *, schedule: NoiseSchedule) -> Tensor:
    """One step of the chain, from t - 1 to t.

    Args:
        x: (B, ...) at time t - 1.
        t: 1 ... T.
        generator: Source of the noise.
        schedule: The betas.

    Raises:
        ValueError: For a bad tensor or a time out of range.
    """
    check_tensors(x=(x, "..."))
    schedule.check_times(t)
    beta = schedule.at(schedule.beta, t, x)
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return (1 - beta).sqrt() * x + beta.sqrt() * noise


def add_noise(x0: Tensor, t: Tensor | int, noise: Tensor, *, schedule: NoiseSchedule) -> Tensor:
    """All steps at once: x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise.

    Args:
        x0: (B, ...).
        t: (B,) int64, a time for each sample, or one for all; 0 ... T.
        noise: (B, ...) standard normal.
        schedule: The betas.

    Raises:
        ValueError: For bad tensors or times out of range.
    """
    check_tensors(x0=(x0, "..."), noise=(noise, "..."))
    if x0.shape != noise.shape:
        raise ValueError(f"noise must have the shape of x0, {tuple(x0.shape)}, not {tuple(noise.shape)}")
    schedule.check_times(t, least=0)
    signal, sigma = schedule.rates(t, x0)
    return signal * x0 + sigma * noise


def posterior(x0: Tensor, x: Tensor, t: Tensor | int, *, schedule: NoiseSchedule) -> tuple[Tensor, Tensor]:
    """Mean and variance of q(x_(t-1) | x_t, x_0).

    Args:
        x0: (B, ...) the picture, or what is believed of it.
        x: (B, ...) at time t.
        t: (B,) int64 or one for all; 1 ... T.
        schedule: The betas.

    Returns:
        (B, ...) and (B, 1, ..., 1), or () for one time for all. At t = 1 the mean is x0 and the variance 0.

    Raises:
        ValueError: For bad tensors or times out of range.
    """
    check_tensors(x0=(x0, "..."), x=(x, "..."))
    if x0.shape != x.shape:
        raise ValueError(f"x0 must have the shape of x, {tuple(x.shape)}, not {tuple(x0.shape)}")
    schedule.check_times(t)
    bar, before = schedule.at(schedule.alpha_bar, t, x), schedule.at(schedule.alpha_bar, t - 1, x)
    beta = schedule.at(schedule.beta, t, x)
    mean = (before.sqrt() * beta * x0 + (1 - beta).sqrt() * (1 - before) * x) / (1 - bar)
    return mean, (1 - before) / (1 - bar) * beta
