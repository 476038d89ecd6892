"""DeepDream: exaggerate in a photograph whatever a layer sees in it (chapter 7).

Mordvintsev, Olah, Tyka, "Inceptionism: going deeper into neural networks", 2015.

Gradient ascent that starts at a photograph and climbs the strength of a whole layer, at several scales ("octaves") and
with a random shift before each step ("jitter"). Images are (B, C, H, W) in [0, 1].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.interpretability.ascent import Objective, unit_step


def deep_dream(
    objective: Objective,
    photograph: Tensor,
    generator: torch.Generator,
    *,
    octaves: int = 4,
    scale: float = 1.4,
    steps: int = 10,
    rate: float = 1.0,
    jitter: int = 8,
) -> Tensor:
    """Exaggerate what a layer sees in a photograph, from coarse to fine.

    At each octave the picture is shrunk, climbs for some steps, and only what was added is enlarged and put onto the
    next finer original, so that the photograph's own detail is never lost. Before each step the picture is shifted at
    random with wrap-around ("jitter"), so that no step's grid of strides shows.

    Args:
        objective: Maps images (B, C, H, W) to values (B,), for instance the mean square of a layer's maps.
        photograph: (B, C, H, W) in [0, 1].
        generator: Source of the shifts.
        octaves: Number of scales.
        scale: Factor between neighbouring scales, above 1.
        steps: Steps at each scale.
        rate: Length of a step over the square root of the number of pixels, in hundredths of the value range.
        jitter: Largest shift in pixels.

    Returns:
        (B, C, H, W) in [0, 1].

    Raises:
        ValueError: For a number out of range.
    """
    check_positive(octaves=octaves, steps=steps, rate=rate)
    check_tensors(photograph=(photograph, "B C H W"))
    if scale <= 1 or jitter < 0:
        raise ValueError(f"scale must be above 1 and jitter at least 0, not {scale} and {jitter}")
    height, width = photograph.shape[2:]
    added = torch.zeros_like(photograph[:, :, :1, :1])
    for octave in reversed(range(octaves)):
        size = (max(1, round(height / scale**octave)), max(1, round(width / scale**octave)))
        base = F.interpolate(photograph, size=size, mode="bilinear", antialias=True, align_corners=False)
        images = base + F.interpolate(added, size=size, mode="bilinear", align_corners=False)
        length = 0.01 * rate * (size[0] * size[1]) ** 0.5
        for _ in range(steps):
            down, right = torch.randint(
                -jitter, jitter + 1, (2,), generator=generator, device=generator.device
            ).tolist()
            slope, _ = unit_step(objective, images.roll((down, right), dims=(2, 3)))
            images = (images + length * slope.roll((-down, -right), dims=(2, 3))).clamp(0, 1)
        added = images - base
    return (photograph + added).clamp(0, 1)
