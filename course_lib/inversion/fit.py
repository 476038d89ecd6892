"""Inversion by optimisation: fit each pixel's spectrum by itself (chapter 9, "physics-inversion").

    minimise over theta:  |model(theta) - spectrum|^2      Levenberg-Marquardt (MINPACK's, through scipy), from
    strength   depth d of the line:  d = b eta / (1 + eta)
    velocity   centre of gravity of 1 - I
    width      spread of 1 - I
    field      least squares of V = -x_B dI/dx, which is right for weak fields

With white noise the sum of squares is the likelihood, so that the fit is as good as any unbiased estimate can be where
the noise is small: `cramer_rao_bound` of `line` says how good. Parameters are divided by their range, so that steps in
kilometres and in gauss are alike.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import least_squares
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.inversion.line import GRADIENT, HIGH, LOW, SHIFT, SPLIT, ray_slopes, rays


def first_guess(spectra: Tensor, x: Tensor) -> Tensor:
    """Parameters by moments and by the weak-field rule, without any iteration.

    Args:
        spectra: (..., 2, S).
        x: (S,) wavelengths, evenly spaced, pm.

    Returns:
        (..., 4), within LOW and HIGH of `line`.

    Raises:
        ValueError: For other shapes or values.
    """
    check_tensors(spectra=(spectra, "... 2 S"), x=(x, "S"))
    intensity, polarised = spectra.unbind(-2)
    dip = (1 - intensity).clamp(min=0)
    depth = dip.amax(-1).clamp(max=0.98 * GRADIENT)
    share = dip.square() / dip.square().sum(-1, keepdim=True).clamp(
        min=1e-12
    )  # squares: noise in the wings counts less
    centre = (share * x).sum(-1)
    spread = (share * (x - centre[..., None]).square()).sum(-1).sqrt()
    slope = torch.gradient(intensity, spacing=float(x[1] - x[0]), dim=-1)[0]
    split = -(polarised * slope).sum(-1) / slope.square().sum(-1).clamp(min=1e-12)
    guess = torch.stack([depth / (GRADIENT - depth), centre / SHIFT, 1.5 * spread, split / SPLIT], dim=-1)
    low, high = (torch.tensor(ends, dtype=x.dtype, device=x.device) for ends in (LOW, HIGH))
    return guess.clamp(low, high)


def fit_spectra(spectra: Tensor, x: Tensor, start: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Fit the line model to each spectrum.

    Args:
        spectra: (N, 2, S), on any device; the fit runs on the CPU, one pixel after the other.
        x: (S,) wavelengths, evenly spaced, pm.
        start: (N, 4), where to begin; `first_guess` without it.

    Returns:
        Parameters (N, 4), the width above 0, and how often the model was computed, (N,) int64.

    Raises:
        ValueError: For other shapes or values.
    """
    check_tensors(spectra=(spectra, "N 2 S"), x=(x, "S"))
    begin = first_guess(spectra, x) if start is None else start
    check_tensors(start=(begin, f"{len(spectra)} 4"))
    places, unit = x.detach().cpu().double().numpy(), np.array(HIGH) - np.array(LOW)
    data = spectra.detach().cpu().double().numpy()
    best, calls = np.empty((len(data), 4)), np.zeros(len(data), dtype=np.int64)
    for n, (spectrum, guess) in enumerate(zip(data, begin.detach().cpu().double().numpy(), strict=True)):
        goal = np.concatenate([spectrum[0] + spectrum[1], spectrum[0] - spectrum[1]])  # I + V, I - V

        def rest(share: np.ndarray, goal: np.ndarray = goal) -> np.ndarray:
            return np.concatenate(rays(share * unit, places, np.exp)) - goal

        def slopes(share: np.ndarray) -> np.ndarray:
            right, left = ray_slopes(share * unit, places, np.exp)
            return np.concatenate([np.stack(right, 1), np.stack(left, 1)]) * unit

        found = least_squares(rest, guess / unit, slopes, method="lm")
        best[n], calls[n] = found.x * unit, found.nfev
    best[:, 2] = np.abs(best[:, 2])  # the model sees the square of the width
    return torch.from_numpy(best).to(spectra), torch.from_numpy(calls)
