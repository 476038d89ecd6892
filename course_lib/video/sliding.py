"""A world of one square that slides: clips small enough to train on while one reads (chapter 12).

    p_t = p_0 + m_t d      m_t = min(max(t, first), last) - first      d in right, left, down, up

The square stands at any place of the first frame with the same probability and comes back on the other side when it
leaves, so in *each* frame its place is distributed evenly, whatever the direction: one frame tells nothing, exactly.
With `moving` it slides only between two frames; before and after it stands still, or jumps about, and *when* something
happens becomes a question. The ground is noise that stays the same through the clip; each clip has its own colours.
Played backwards, right becomes left and down becomes up. Ours, for want of clips that a laptop learns in seconds;
larger ones are in `clips`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive

WAYS = ("right", "left", "down", "up")
STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1))  # (dx, dy) in pixels a frame
INK, GROUND = (0.4, 1.0), (0.0, 0.3)  # what a channel of square and ground may be


def sliding_clips(count: int, frames: int = 6, size: int = 16, *, generator: torch.Generator,
                  moving: tuple[int, int] | None = None, jumps: bool = False,
                  side: int = 3) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Draw clips in which a square slides by one pixel a frame.

    Args:
        count: How many, B.
        frames: In each, T, at least 2.
        size: Image side in pixels.
        generator: Source of all randomness; the clips live on its device.
        moving: (first, last): frames between which it moves; from the first to the last of the clip without it.
        jumps: Before and after it moves, the square is at any place in each frame instead of standing still.
        side: Of the square, pixels, odd.

    Returns:
        Clips (B, T, 3, size, size) in [0, 1] and labels (B,), index into WAYS.

    Raises:
        ValueError: For numbers that are not above 0, fewer than 2 frames, an even square or one that does not fit, or
            frames to move between that are not in the clip and in order.
    """
    check_positive(count=count, size=size, side=side)
    first, last = (0, frames - 1) if moving is None else moving
    if frames < 2 or not 0 <= first < last < frames:
        raise ValueError(
            f"the square must move between two of the clip's frames, not from {first} to {last} of {frames}"
        )
    if side % 2 == 0 or side > size:
        raise ValueError(f"side must be odd and at most {size}, not {side}")
    where = generator.device
    labels = torch.randint(len(STEPS), (count,), generator=generator, device=where)
    start = torch.randint(size, (count, 1, 2), generator=generator, device=where)
    gone = torch.arange(frames, device=where).clamp(first, last) - first  # pixels
    place = start + gone[:, None] * torch.tensor(STEPS, device=where)[labels][:, None]  # (B, T, 2)
    if jumps:
        anywhere = torch.randint(size, place.shape, generator=generator, device=where)
        t = torch.arange(frames, device=where)[:, None]
        place = torch.where((t >= first) & (t <= last), place, anywhere)
    apart = torch.arange(size, device=where) - place[..., None]  # (B, T, 2, size)
    inside = (torch.remainder(apart + size // 2, size) - size // 2).abs() <= side // 2
    square = (inside[:, :, 1, :, None] & inside[:, :, 0, None, :])[:, :, None]  # (B, T, 1, size, size)

    def uniform(shape: tuple[int, ...], low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=generator, device=where)

    ground = uniform((count, 1, 3, size, size), *GROUND)
    return torch.where(square, uniform((count, 1, 3, 1, 1), *INK), ground), labels
