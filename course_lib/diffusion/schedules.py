"""How fast a picture drowns in noise: schedules of diffusion (chapter 18).

    step          x_t = sqrt(1 - beta_t) x_(t-1) + sqrt(beta_t) z,  z ~ N(0, 1),   t = 1 ... T
    altogether    alpha_t = 1 - beta_t,   alpha_bar_t = alpha_1 alpha_2 ... alpha_t,   alpha_bar_0 = 1
    linear        beta_t from 0.0001 to 0.02 for T = 1000 (Ho et al. 2020, arXiv:2006.11239); for other T times 1000 / T
    cosine        alpha_bar_t = f(t) / f(0),  f(t) = cos^2((t / T + s) / (1 + s) * pi / 2),  s = 0.008, beta_t <= 0.999
                  (Nichol and Dhariwal 2021, arXiv:2102.09672)

Times are whole numbers: 0 is the picture, T is noise. Tables are float64; what is read from them has the kind of the
tensor that it will be multiplied with.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors, describe


class NoiseSchedule:
    """The betas of a chain, and what follows from them.

    Attributes:
        steps: T.
        beta: (T + 1,) float64, beta_0 = 0.
        alpha_bar: (T + 1,) float64, falling from alpha_bar_0 = 1.
    """

    def __init__(self, betas: Tensor):
        """Keep the betas.

        Args:
            betas: (T,) beta_1 ... beta_T, each above 0 and below 1.

        Raises:
            ValueError: For bad shapes or values.
        """
        check_tensors(betas=(betas, "T"))
        if not ((betas > 0) & (betas < 1)).all():
            raise ValueError(f"betas must be above 0 and below 1, not {float(betas.min()):g} to {float(betas.max()):g}")
        self.steps = len(betas)
        self.beta = torch.cat([betas.new_zeros(1, dtype=torch.float64), betas.double()])
        self.alpha_bar = (1 - self.beta).cumprod(0)

    def check_times(self, t: Tensor | int, least: int = 1) -> None:
        """Refuse times that the chain does not have.

        Args:
            t: A whole number or (B,) int64.
            least: Smallest time allowed, 0 or 1.

        Raises:
            ValueError: For another kind, or a time outside `least` ... T.
        """
        if isinstance(t, Tensor):
            if t.dtype != torch.int64 or t.ndim != 1 or not len(t):
                raise ValueError(f"t must be a whole number or an int64 tensor (B,), not a {describe(t)}")
            low, high = int(t.min()), int(t.max())
        else:
            low = high = t
        if not least <= low <= high <= self.steps:
            raise ValueError(f"t must be {least} to {self.steps}, not {low if low == high else f'{low} to {high}'}")

    def at(self, table: Tensor, t: Tensor | int, x: Tensor) -> Tensor:
        """Entries of a table for a batch, ready to be multiplied with x.

        Args:
            table: (T + 1,).
            t: A whole number or (B,) int64.
            x: (B, ...); gives kind, device and number of axes.

        Returns:
            (B, 1, ..., 1), or () for a whole number.

        Raises:
            ValueError: For a t that is not one for each sample.
        """
        if isinstance(t, Tensor):
            if len(t) != len(x):
                raise ValueError(f"t must have {len(x)} entries, one for each sample, not {len(t)}")
            return table.to(x.device)[t].to(x.dtype).view(-1, *[1] * (x.ndim - 1))
        return table[t].to(device=x.device, dtype=x.dtype)

    def rates(self, t: Tensor | int, x: Tensor) -> tuple[Tensor, Tensor]:
        """How much picture and how much noise there is: sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t), as `at` gives."""
        return self.at(self.alpha_bar.sqrt(), t, x), self.at((1 - self.alpha_bar).sqrt(), t, x)


def linear_schedule(steps: int, first: float = 1e-4, last: float = 0.02) -> NoiseSchedule:
    """Betas that grow evenly.

    Args:
        steps: T, large enough that the largest beta stays below 1: above 20 for the usual numbers.
        first: beta_1 of a chain of 1000 steps.
        last: beta_T of a chain of 1000 steps.

    Raises:
        ValueError: For numbers that make no betas.
    """
    check_positive(steps=steps, first=first, last=last)
    return NoiseSchedule(torch.linspace(first, last, steps, dtype=torch.float64) * 1000 / steps)


def cosine_schedule(steps: int, offset: float = 0.008, largest: float = 0.999) -> NoiseSchedule:
    """The signal's share falls along a squared cosine.

    Args:
        steps: T.
        offset: s, keeps the first betas from being tiny.
        largest: No beta is larger.

    Raises:
        ValueError: For numbers out of range.
    """
    check_positive(steps=steps, offset=offset, largest=largest)
    t = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = ((t + offset) / (1 + offset) * math.pi / 2).cos().square()
    return NoiseSchedule((1 - f[1:] / f[:-1]).clamp(max=largest))
