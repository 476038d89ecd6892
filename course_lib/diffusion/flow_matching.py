"""Flow matching: learn the velocity of straight lines between noise and data (chapter 18).

    line        x_t = (1 - t) x_0 + t eps,  t from 0 (data) to 1 (noise);   dx_t / dt = eps - x_0
    loss        E | v_theta(x_t, t) - (eps - x_0) |^2,  t even in [0, 1]
    sampling    dx/dt = v_theta(x, t) from t = 1 to t = 0: Euler x <- x - h v(x, t), or Heun with the mean of two slopes

Lipman et al. 2022, arXiv:2210.02747; Liu et al. 2022 (rectified flow), arXiv:2209.03003. Their time runs from noise at
0 to data at 1; ours runs as diffusion's does. Single lines cross; the learnt velocity is their mean at each place.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.diffusion.losses import Predictor

METHODS = ("euler", "heun")


def flow_path(x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Where the line from x0 to noise is at time t.

    Args:
        x0: (B, ...) data.
        noise: (B, ...).
        t: (B,) in [0, 1].

    Returns:
        (B, ...).

    Raises:
        ValueError: For bad shapes, or a time outside [0, 1].
    """
    check_tensors(x0=(x0, "..."), noise=(noise, "..."), t=(t, "B"))
    if x0.shape != noise.shape or len(t) != len(x0):
        raise ValueError(f"noise and t must fit x0 {tuple(x0.shape)}, not {tuple(noise.shape)} and {tuple(t.shape)}")
    if not ((t >= 0) & (t <= 1)).all():
        raise ValueError(f"t must be 0 to 1, not {float(t.min()):g} to {float(t.max()):g}")
    t = t.view(-1, *[1] * (x0.ndim - 1))
    return (1 - t) * x0 + t * noise


def flow_loss(predict: Predictor, x0: Tensor, generator: torch.Generator) -> Tensor:
    """Mean squared error of the velocity.

    Args:
        predict: From x_t (B, ...) and t (B,) in [0, 1] to a velocity (B, ...).
        x0: (B, ...) data.
        generator: Source of times and noise.

    Returns:
        () mean over batch and pixels.

    Raises:
        ValueError: For bad data.
    """
    check_tensors(x0=(x0, "..."))
    t = torch.rand(len(x0), generator=generator, dtype=x0.dtype, device=x0.device)
    noise = torch.randn(x0.shape, generator=generator, dtype=x0.dtype, device=x0.device)
    return (predict(flow_path(x0, noise, t), t) - (noise - x0)).square().mean()


@torch.no_grad()
def sample_flow(predict: Predictor, start: Tensor, steps: int, *, method: str = "euler") -> Tensor:
    """Follow the velocity from noise to data.

    Args:
        predict: From x (B, ...) and t (B,) in [0, 1] to a velocity (B, ...).
        start: (B, ...) standard normal, at t = 1.
        steps: Even steps of 1 / steps. Euler asks once a step; Heun twice, but once in the last.
        method: "euler" or "heun".

    Returns:
        (B, ...) at t = 0.

    Raises:
        ValueError: For a bad start, no steps or an unknown method.
    """
    check_tensors(start=(start, "..."))
    check_positive(steps=steps)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    x, step = start, 1 / steps
    for k in range(steps):
        t, to = 1 - k * step, 1 - (k + 1) * step
        slope = predict(x, x.new_full((len(x),), t))
        ahead = x - step * slope
        if method == "heun" and k < steps - 1:
            slope = (slope + predict(ahead, x.new_full((len(x),), to))) / 2
            ahead = x - step * slope
        x = ahead
    return x
