"""From noise to a picture: DDPM's Algorithm 2, and DDIM, which needs fewer steps (chapter 18).

    believed      x0_hat = (x_t - sqrt(1 - alpha_bar_t) eps_theta) / sqrt(alpha_bar_t),  cut to [-1, 1] if asked
    DDPM          x_(t-1) = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_theta) / sqrt(alpha_t) + sigma_t z,  no z at t = 1
    DDIM          x_s = sqrt(alpha_bar_s) x0_hat + sqrt(1 - alpha_bar_s - sigma^2) eps_theta + sigma z,   s < t
                  sigma = eta sqrt( (1 - alpha_bar_s) / (1 - alpha_bar_t) ) sqrt( 1 - alpha_bar_t / alpha_bar_s )

Ho et al. 2020, arXiv:2006.11239; Song, Meng, Ermon 2020, arXiv:2010.02502. At eta = 1 and s = t - 1 DDIM's step is
DDPM's with sigma_t^2 = beta_tilde_t; at eta = 0 there is no chance after the first noise, and the same step run upwards
encodes. Where x0_hat was cut, eps is computed again from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.diffusion.losses import Predictor
from course_lib.diffusion.schedules import NoiseSchedule

Watcher = Callable[[int, Tensor, Tensor], None]


def even_times(schedule: NoiseSchedule, steps: int) -> list[int]:
    """T = t_0 > t_1 > ... > t_steps = 0, as evenly as whole numbers can be.

    Args:
        schedule: Of T steps.
        steps: 1 ... T.

    Raises:
        ValueError: For more steps than the chain has, or none.
    """
    if not 1 <= steps <= schedule.steps:
        raise ValueError(f"steps must be 1 to {schedule.steps}, not {steps}")
    return [round(schedule.steps * (steps - k) / steps) for k in range(steps + 1)]


def ddpm_step(noise: Tensor, x: Tensor, t: int, *, schedule: NoiseSchedule, generator: torch.Generator,
              large: bool = False) -> Tensor:  # fmt: skip
    """One step of Algorithm 2, from t to t - 1.

    Args:
        noise: (B, ...) the predicted noise.
        x: (B, ...) at time t.
        t: 1 ... T.
        schedule: The betas.
        generator: Source of z.
        large: sigma_t^2 is beta_t, else beta_tilde_t.

    Raises:
        ValueError: For a time out of range.
    """
    schedule.check_times(t)
    beta, bar, before = (schedule.at(table, k, x) for table, k in
                         ((schedule.beta, t), (schedule.alpha_bar, t), (schedule.alpha_bar, t - 1)))  # fmt: skip
    mean = (x - beta / (1 - bar).sqrt() * noise) / (1 - beta).sqrt()
    if t == 1:
        return mean
    variance = beta if large else (1 - before) / (1 - bar) * beta
    return mean + variance.sqrt() * torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)


def ddim_step(noise: Tensor, x: Tensor, t: int, *, to: int, schedule: NoiseSchedule, eta: float = 0.0,
              clip: float | None = None, generator: torch.Generator | None = None) -> Tensor:  # fmt: skip
    """From time t to time `to`, which may be far away, and for eta = 0 also later.

    Args:
        noise: (B, ...) the predicted noise.
        x: (B, ...) at time t.
        t: 0 ... T; at 0, x is taken for the picture.
        to: 0 ... T.
        schedule: The betas.
        eta: 0 without new noise, 1 as much as DDPM.
        clip: Cut the believed picture to [-clip, clip].
        generator: Source of z, for eta above 0.

    Raises:
        ValueError: For a time or an eta out of range, or noise without a generator.
    """
    schedule.check_times(t, least=0)
    schedule.check_times(to, least=0)
    if not 0 <= eta <= 1 or (eta and to > t):
        raise ValueError(f"eta must be 0 to 1, and 0 on the way up, not {eta}")
    if eta and generator is None:
        raise ValueError("eta above 0 draws noise: give a generator")
    (signal, sigma), (signal_to, sigma_to) = schedule.rates(t, x), schedule.rates(to, x)
    clean = (x - sigma * noise) / signal
    if clip is not None:
        clean = clean.clamp(-clip, clip)
        noise = (x - signal * clean) / sigma
    fresh = eta * sigma_to / sigma * (1 - (signal / signal_to) ** 2).clamp(min=0).sqrt() if eta else x.new_zeros(())
    result = signal_to * clean + (sigma_to**2 - fresh**2).clamp(min=0).sqrt() * noise
    if eta and to > 0:
        result = result + fresh * torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return result


@torch.no_grad()
def sample_ddpm(predict: Predictor, start: Tensor, generator: torch.Generator, *, schedule: NoiseSchedule,
                large: bool = False) -> Tensor:  # fmt: skip
    """Algorithm 2: all T steps.

    Args:
        predict: From x_t (B, ...) and t (B,) int64 to the noise (B, ...).
        start: (B, ...) standard normal, x_T.
        generator: Source of z.
        schedule: The betas.
        large: sigma_t^2 is beta_t, else beta_tilde_t.

    Raises:
        ValueError: For a bad start.
    """
    check_tensors(start=(start, "..."))
    x = start
    for t in range(schedule.steps, 0, -1):
        noise = predict(x, torch.full((len(x),), t, device=x.device))
        x = ddpm_step(noise, x, t, schedule=schedule, generator=generator, large=large)
    return x


@torch.no_grad()
def sample_ddim(
    predict: Predictor,
    start: Tensor,
    times: Sequence[int],
    *,
    schedule: NoiseSchedule,
    eta: float = 0.0,
    clip: float | None = None,
    generator: torch.Generator | None = None,
    watch: Watcher | None = None,
) -> Tensor:
    """From the first of some times to the last by DDIM.

    Args:
        predict: From x_t (B, ...) and t (B,) int64 to the noise (B, ...).
        start: (B, ...) at the first time.
        times: Falling, as `even_times` makes them; rising times encode. The noise at time 0 is asked at time 1.
        schedule: The betas.
        eta: 0 without new noise, 1 as much as DDPM.
        clip: Cut the believed picture to [-clip, clip].
        generator: Source of z, for eta above 0.
        watch: Called before each step with t, x and the predicted noise.

    Raises:
        ValueError: For a bad start, fewer than two times, or what `ddim_step` refuses.
    """
    check_tensors(start=(start, "..."))
    check_positive(steps=len(times) - 1)
    x = start
    for t, to in pairwise(times):
        noise = predict(x, torch.full((len(x),), max(t, 1), device=x.device))
        if watch is not None:
            watch(t, x, noise)
        x = ddim_step(noise, x, t, to=to, schedule=schedule, eta=eta, clip=clip, generator=generator)
    return x
