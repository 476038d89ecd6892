"""Training a denoiser: Algorithm 1 and the weights of its terms (chapter 18).

    Algorithm 1   repeat: x_0 from the data, t from 1 ... T, eps from N(0, 1);
                  one step down the gradient of | eps - eps_theta(x_t, t) |^2,
                  x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps
    bound         L_(t-1) = KL( q(x_(t-1) | x_t, x_0) || p_theta(x_(t-1) | x_t) )
                          = beta_t^2 / (2 sigma_t^2 alpha_t (1 - alpha_bar_t)) | eps - eps_theta |^2     (for t > 1)
    simple        the same with weight 1

Ho et al. 2020, arXiv:2006.11239, equations 12 and 14. Losses are means over pixels and batch. sigma_t^2 = beta_t here,
so that the weight is finite at t = 1 too; Ho et al. found that choice as good as beta_tilde_t.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.diffusion.forward import add_noise
from course_lib.diffusion.predictions import from_clean
from course_lib.diffusion.schedules import NoiseSchedule

Predictor = Callable[[Tensor, Tensor], Tensor]


def bound_weights(schedule: NoiseSchedule) -> Tensor:
    """What each term of the bound weighs the squared error of the noise with.

    Returns:
        (T + 1,) float64, entry 0 is 0.
    """
    alpha, bar = 1 - schedule.beta, schedule.alpha_bar
    weights = schedule.beta / (2 * alpha * (1 - bar))
    return torch.cat([weights.new_zeros(1), weights[1:]])


def diffusion_loss(
    predict: Predictor,
    x0: Tensor,
    generator: torch.Generator,
    *,
    schedule: NoiseSchedule,
    kind: str = "noise",
    weights: Tensor | None = None,
) -> Tensor:
    """Algorithm 1's loss for a batch.

    Args:
        predict: From x_t (B, ...) and t (B,) int64 to a prediction (B, ...).
        x0: (B, ...) data.
        generator: Source of times and noise.
        schedule: The betas.
        kind: What is predicted: noise, clean, score or v.
        weights: (T + 1,) factor of the squared error at each time; 1 without.

    Returns:
        () mean over batch and pixels.

    Raises:
        ValueError: For bad data or an unknown kind.
    """
    check_tensors(x0=(x0, "..."))
    t = torch.randint(1, schedule.steps + 1, (len(x0),), generator=generator, device=x0.device)
    noise = torch.randn(x0.shape, generator=generator, dtype=x0.dtype, device=x0.device)
    x = add_noise(x0, t, noise, schedule=schedule)
    signal, sigma = schedule.rates(t, x)
    target = noise if kind == "noise" else from_clean(x0, x, kind, signal=signal, sigma=sigma)
    error = (predict(x, t) - target).square()
    return (error if weights is None else schedule.at(weights, t, error) * error).mean()


def drop_labels(labels: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Forget some labels, so that one network learns with and without (classifier-free guidance).

    Args:
        labels: (B,) int64.
        probability: Of forgetting, 0 to 1.
        generator: Source of chance.

    Returns:
        (B,) int64, -1 for a label that was forgotten.

    Raises:
        ValueError: For a probability out of range.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must be 0 to 1, not {probability}")
    gone = torch.rand(labels.shape, generator=generator, device=labels.device) < probability
    return labels.masked_fill(gone, -1)
