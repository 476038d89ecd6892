"""A style that is drawn by a program: short brush strokes that follow a field of directions (chapter 8).

Painterly rendering lays strokes over each other, long along the flow and thin across it: Haeberli, "Paint by numbers:
abstract image representations", 1990. Here there is no picture below; the strokes are the picture, and it belongs to
nobody who could forbid its use as a style.

    stroke at c with direction a    u = (p - c) . (cos a, sin a),  v = (p - c) . (-sin a, cos a)
                                    covers p where (u / length)^2 + (v / width)^2 < 1
    direction                       a(c) = 1.2 sin(x / 28) + 1.2 cos(y / 24) + noise
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive

PALETTE = ((0.10, 0.15, 0.42), (0.16, 0.30, 0.62), (0.25, 0.48, 0.75), (0.93, 0.80, 0.30), (0.85, 0.60, 0.15),
           (0.75, 0.85, 0.85), (0.05, 0.08, 0.22))  # fmt: skip
SHARES = (3.0, 3.0, 3.0, 1.4, 1.0, 1.2, 2.0)  # how often each colour is taken, before division by their sum
REACH = 12  # no stroke is longer than this to either side of its middle


def brush_strokes(size: int, *, generator: torch.Generator, density: float = 0.1) -> Tensor:
    """A square covered with strokes of seven colours, the later over the earlier.

    Args:
        size: Rows and columns in pixels.
        generator: Source of places, directions, lengths and colours, on the CPU.
        density: Strokes a pixel; 0.1 leaves hardly a gap.

    Returns:
        (3, size, size) in [0, 1].

    Raises:
        ValueError: If size or density is not above 0.
    """
    check_positive(size=size, density=density)
    palette = torch.tensor(PALETTE)
    canvas = palette[1].view(3, 1, 1).repeat(1, size, size)
    count = max(1, round(density * size**2))
    places = torch.rand(count, 2, generator=generator) * size  # x, y
    angles = 1.2 * torch.sin(places[:, 0] / 28) + 1.2 * torch.cos(places[:, 1] / 24)
    angles = angles + 0.15 * torch.randn(count, generator=generator)
    lengths = 7 + 4 * torch.rand(count, generator=generator)
    widths = 1.5 + 0.8 * torch.rand(count, generator=generator)
    colours = palette[torch.multinomial(torch.tensor(SHARES), count, replacement=True, generator=generator)]
    colours = colours * (0.85 + 0.3 * torch.rand(count, 1, generator=generator))  # (N, 3), some lighter, some darker
    for (x, y), angle, length, width, colour in zip(places, angles, lengths, widths, colours, strict=True):
        top, left = max(0, int(y) - REACH), max(0, int(x) - REACH)
        part = canvas[:, top : int(y) + REACH + 1, left : int(x) + REACH + 1]
        rows = torch.arange(top, top + part.shape[1]).view(-1, 1) - y
        columns = torch.arange(left, left + part.shape[2]).view(1, -1) - x
        along = columns * angle.cos() + rows * angle.sin()
        across = (rows * angle.cos() - columns * angle.sin()) / width
        shaded = colour.view(3, 1, 1) * (1 + 0.18 * across)  # one edge in the light
        part.copy_(torch.where((along / length) ** 2 + across**2 < 1, shaded, part))
    return canvas.clamp(0, 1)
