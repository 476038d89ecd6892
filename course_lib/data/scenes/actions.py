"""Clips whose class lies in the motion alone: no single frame tells what happens.

Two objects A (near) and B, the same in every class. Read frame by frame, all classes have one distribution: positions,
distances, directions, sizes and angles are drawn alike, and what a class moves, it moves through exactly the values
that the other classes draw once and keep. Played backwards a clip becomes its partner: clockwise and anticlockwise,
speeding up and slowing down, approach and recede.

    clockwise, anticlockwise   A turns on the spot
    speed up, slow down        A turns faster and faster, or slower and slower (either way round)
    approach, recede           A grows or shrinks
    orbit                      A circles around B (either way round)
    bounce                     A runs towards B, touches it and runs back, again and again
    follow                     A and B move along the line that joins them, B behind A
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from course_lib.data.scenes.backgrounds import side_of
from course_lib.data.scenes.sample import sample_scenes
from course_lib.data.scenes.scene import Scene

ACTIONS = ("clockwise", "anticlockwise", "speed up", "slow down", "approach", "recede", "orbit", "bounce", "follow")
REVERSED = (1, 0, 3, 2, 5, 4, 6, 7, -1)  # the class of a clip played backwards; -1: none of these
TURNING = ("square", "star", "triangle", "wedge", "cross")  # shapes that show how they turn


def sample_actions(count: int, frames: int = 8, size: int | tuple[int, int] = 64, *, generator: torch.Generator,
                   action: Tensor | None = None, **request) -> Scene:  # fmt: skip
    """Draw clips of ACTIONS.

    Args:
        count: How many clips, B.
        frames: Frames in each, T, at least 4.
        size: Image side in pixels, or (height, width).
        generator: Source of all randomness; the clips live on its device.
        action: (B,) int64 classes wanted; drawn evenly without it.
        **request: Further arguments of `sample_scenes` (difficulty, split ...); the number of objects is always 2.

    Returns:
        A Scene of B * T entries with `frames` = T and `action` (B,), index into ACTIONS.

    Raises:
        ValueError: For fewer than four frames, classes outside ACTIONS, or what `sample_scenes` refuses.
    """
    if frames < 4:
        raise ValueError(f"an action needs at least 4 frames to show, not {frames}")
    still = sample_scenes(count, size, generator=generator, objects=2, **{"classes": TURNING, **request})
    where, side, middle = generator.device, side_of(still), (frames - 1) / 2

    def uniform(low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(count, 1, generator=generator, device=where) * (high - low) + low

    if action is None:
        action = torch.randint(len(ACTIONS), (count,), generator=generator, device=where)
    if action.shape != (count,) or action.min() < 0 or action.max() >= len(ACTIONS):
        raise ValueError(f"action must hold {count} numbers from 0 to {len(ACTIONS) - 1}, not {action}")
    is_ = {name: (action == k)[:, None] for k, name in enumerate(ACTIONS)}
    t = torch.arange(frames, device=where).expand(count, frames)  # (B, T)

    def moment() -> Tensor:
        """One frame number for each clip: what stands still stays as it would be at that moment."""
        return torch.randint(frames, (count, 1), generator=generator, device=where)

    handed = torch.where(uniform() < 0.5, -1.0, 1.0)
    # A turns: any angle is as likely as any other, so any law of motion is allowed.
    steady = torch.where(is_["clockwise"], 1.0, torch.where(is_["anticlockwise"], -1.0, 0.0)) * t
    gain = torch.where(is_["slow down"], frames - 1 - t, t)
    ramp = torch.where(is_["speed up"] | is_["slow down"], handed, 0.0) * gain**2 / (frames - 1)
    angle = uniform(high=2 * math.pi) + uniform(0.16, 0.24) * steady + uniform(0.2, 0.3) * ramp
    # A grows or shrinks.
    step = torch.where(is_["approach"], t, torch.where(is_["recede"], frames - 1 - t, moment()))
    radius = side * uniform(0.09, 0.12) * ((step - middle) * (0.7 / frames)).exp()
    # The vector from B to A: its direction turns in an orbit, its length runs to and fro in a bounce.
    heading = uniform(high=2 * math.pi) + torch.where(is_["orbit"], handed * uniform(0.16, 0.26), 0.0) * t
    run = uniform(high=2.0) + torch.where(is_["bounce"], 0.9 / middle * uniform(0.7, 1.0), 0.0) * t
    length = side * (0.2 + 0.14 * (1 - torch.remainder(run, 2)).abs())
    # The pair moves along that vector.
    pace = torch.where(is_["follow"], t, moment()) - middle
    along = torch.where(is_["follow"], heading, uniform(high=2 * math.pi))
    walk = side * (0.2 / frames) * pace
    first = torch.cat([uniform(0.4, 0.6) * still.width, uniform(0.4, 0.6) * still.height], 1)[:, None]
    position_b = first + walk[..., None] * torch.stack([along.cos(), along.sin()], -1)  # (B, T, 2)
    vector = length[..., None] * torch.stack([heading.cos(), heading.sin()], -1)

    scene = still.repeat(frames)
    radius_b = side * uniform(0.09, 0.12).expand(-1, frames)
    grown = torch.stack([radius_b, radius], -1).flatten(0, 1)
    turned = torch.stack([uniform(high=2 * math.pi).expand(-1, frames), angle], -1).flatten(0, 1)
    return replace(
        scene,
        centre=torch.stack([position_b, position_b + vector], 2).flatten(0, 1),
        angle=turned,
        radius=grown,
        texture_scale=torch.full_like(scene.texture_scale, 0.12),
        action=action,
    )
