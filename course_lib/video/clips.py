"""Labelled clips of actions, as tensors (chapter 12, "action-recognition").

    clips, labels = action_clips(64, 8, generator=generator(0))            (64, 8, 3, 64, 64) and (64,)
    clips, moved, labels = action_flow(64, 8, generator=generator(0))      and the exact flow (64, 7, 2, 64, 64)

The classes are ACTIONS of `data.scenes`: what happens lies in the motion alone, each single frame has the same
distribution whatever the class. Reversing time turns three pairs of classes into each other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import describe
from course_lib.data.scenes import flow, render, sample_actions


def check_clips(clips: object, frames: int = 1, smallest: int = 16, *, channels: int = 3) -> None:
    """Check a batch of clips by its shape and kind alone.

    Args:
        clips: What the user passed.
        frames: Least number of frames.
        smallest: Least height and width.
        channels: Wanted number of channels.

    Raises:
        ValueError: One line that says what came and what was wanted.
    """
    wanted = (f"clips must be a floating-point tensor of shape (B, T, {channels}, H, W) with T at least {frames}, H "
              f"and W at least {smallest}")  # fmt: skip
    if not isinstance(clips, Tensor) or not clips.is_floating_point() or clips.ndim != 5:
        raise ValueError(f"{wanted}, not a {describe(clips)}")
    if clips.shape[2] != channels or not len(clips) or clips.shape[1] < frames or min(clips.shape[3:]) < smallest:
        raise ValueError(f"{wanted}, not a {describe(clips)}")


def action_clips(count: int, frames: int = 8, size: int = 64, *, generator: torch.Generator,
                 **request) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Draw clips and their classes.

    Args:
        count: How many, B.
        frames: In each, T, at least 4.
        size: Image side in pixels.
        generator: Source of all randomness; the clips live on its device.
        **request: Further arguments of `sample_actions`.

    Returns:
        Clips (B, T, 3, size, size) in [0, 1], and labels (B,), index into ACTIONS.

    Raises:
        ValueError: For what `sample_actions` refuses.
    """
    scene = sample_actions(count, frames, size, generator=generator, **request)
    drawn = render(scene)
    assert drawn.image is not None
    assert scene.action is not None
    return drawn.image.unflatten(0, (count, frames)), scene.action


def action_flow(count: int, frames: int = 8, size: int = 64, *, generator: torch.Generator,
                **request) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Draw clips, the exact flow between their frames, and their classes; arguments as in `action_clips`.

    Returns:
        Clips (B, T, 3, size, size), flow (B, T - 1, 2, size, size) as (dx, dy) in pixels, and labels (B,).
    """
    scene = sample_actions(count, frames, size, generator=generator, **request)
    drawn = render(scene)
    assert drawn.image is not None
    assert scene.action is not None
    return drawn.image.unflatten(0, (count, frames)), flow(scene, drawn), scene.action
