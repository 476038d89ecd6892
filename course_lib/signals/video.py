"""Pictures in time (chapter 4, "video-representation"): frames, exposure, and a wheel that turns backwards.

    exposure         a frame is the mean of the light over the time that the shutter is open
    apparent speed   n equal spokes look the same after 1 / n turn, so speed is known up to whole multiples of 1 / n
                     turn a frame: true speed folded into [-1 / (2 n), 1 / (2 n))
    blur             a pattern of n spokes at speed s keeps sin(x) / x of its contrast, x = pi n s times the open time

Angles are in turns, clockwise on the screen; speeds in turns a frame or a second as said.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.signals.sampling import alias_frequency


def draw_wheel(turns: Tensor, size: int = 64, spokes: int = 8) -> Tensor:
    """A wheel with soft spokes at the given angles, one of them painted wider than the others.

    Args:
        turns: (T,) angle of each picture, in turns, clockwise.
        size: Pixels a side.
        spokes: How many.

    Returns:
        (T, 1, size, size) in [0, 1], smooth, so that few exposures add up to a smooth blur.

    Raises:
        ValueError: For bad shapes or values, or a size or number of spokes that is not above 0.
    """
    check_tensors(turns=(turns, "T"))
    check_positive(size=size, spokes=spokes)
    x = (torch.arange(size, dtype=turns.dtype, device=turns.device) + 0.5) / size * 2 - 1
    radius, angle = torch.hypot(x[None], x[:, None]), torch.atan2(x[:, None], x[None]) / (2 * math.pi)  # (H, W)
    own = angle - turns[:, None, None]  # (T, H, W) turns in the wheel's own frame
    bars = torch.sigmoid(12 * (torch.cos(2 * math.pi * spokes * own) - 0.3))
    marked = torch.sigmoid(40 * (torch.cos(2 * math.pi * own) - math.cos(math.pi / spokes)))
    rim = torch.sigmoid(size * (0.08 - (radius - 0.85).abs()) / 2)
    inside = torch.sigmoid(size * (0.85 - radius) / 2)
    return torch.maximum(rim, inside * bars * (0.55 + 0.45 * marked))[:, None]


def expose(draw: Callable[[Tensor], Tensor], times: Tensor, shutter: float, *, samples: int = 16) -> Tensor:
    """Frames of a moving scene: the mean of the light while the shutter is open.

    Args:
        draw: A function from times (N,) in seconds to pictures (N, C, H, W) of linear light.
        times: (T,) when the shutter opens, seconds.
        shutter: How long it stays open, seconds; 0 freezes the motion.
        samples: Moments over which the light is averaged (midpoint rule).

    Returns:
        (T, C, H, W).

    Raises:
        ValueError: For bad shapes or values, a negative shutter time or fewer than one sample.
    """
    check_tensors(times=(times, "T"))
    if shutter < 0 or samples < 1:
        raise ValueError(f"shutter must be 0 or more and samples at least 1, not {shutter} and {samples}")
    moments = (torch.arange(samples, dtype=times.dtype, device=times.device) + 0.5) / samples * shutter
    pictures = draw((times[:, None] + moments).flatten())
    return pictures.unflatten(0, (len(times), samples)).mean(1)


def angular_speed(frames: Tensor, spokes: int) -> Tensor:
    """How fast a wheel seems to turn, from its pictures alone: the phase of the `spokes`-th angular frequency.

    Args:
        frames: (T, 1, H, W), the hub in the centre; at least two frames.
        spokes: Number of equal spokes.

    Returns:
        (T - 1,) turns a frame, clockwise, in [-1 / (2 spokes), 1 / (2 spokes)]: equal spokes cannot say more.

    Raises:
        ValueError: For bad shapes or values, or fewer than two frames.
    """
    check_tensors(frames=(frames, "T 1 H W"))
    check_positive(spokes=spokes)
    if len(frames) < 2:
        raise ValueError("frames must hold at least 2 pictures; a single one does not move")
    phase = torch.angle(_spoke_wave(frames, spokes))  # (T,)
    return alias_frequency(phase.diff() / (2 * math.pi)) / spokes


def spoke_contrast(frames: Tensor, spokes: int) -> Tensor:
    """Strength of the `spokes`-th angular frequency in each picture of a wheel, (T,). Arguments as `angular_speed`."""
    return _spoke_wave(frames, spokes).abs()


def _spoke_wave(frames: Tensor, spokes: int) -> Tensor:
    """Complex amplitude of the angular frequency on the inner part of the wheel, (T,)."""
    check_tensors(frames=(frames, "T 1 H W"))
    check_positive(spokes=spokes)
    y, x = (torch.arange(n, dtype=frames.dtype, device=frames.device) - (n - 1) / 2 for n in frames.shape[2:])
    angle = torch.atan2(y[:, None], x[None])
    radius = torch.hypot(y[:, None], x[None]) / min(frames.shape[2:])
    ring = ((radius > 0.1) & (radius < 0.35)).to(frames.dtype)
    return (frames[:, 0] * torch.polar(ring, spokes * angle)).mean((1, 2))
