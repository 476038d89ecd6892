"""Record the timings that chapter 5 draws: `python -m benchmarks.chapter_05_costs` writes chapters/cards/05_costs.json.

Mean over n x n windows, one grey picture of 512 x 512 pixels: the definition (n^2 products a pixel), two passes
(2 n) and running sums (the same for all n). Convolution of 4 channels to 4 on 64 x 64 pixels, by kernel size.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch.nn import functional as F

from benchmarks.common import machine, medians, settle
from course_lib.core.seeding import generator
from course_lib.ops.filters import (
    box_filter,
    box_kernel,
    conv2d_fft,
    conv2d_im2col,
    conv2d_naive,
    filter2d,
    filter_separable,
)

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "05_costs.json"
WINDOWS = [3, 5, 9, 15, 25, 41, 61, 101, 161]
KERNELS = [3, 5, 9, 17, 33]


def box_row(picture: torch.Tensor, size: int) -> list[float]:
    """[window, seconds by definition, in two passes, by running sums]."""
    kernel, row = box_kernel(size), torch.full((size,), 1 / size)
    timed = medians(
        {
            "definition": lambda: filter2d(picture, kernel),
            "two passes": lambda: filter_separable(picture, row, row),
            "running sums": lambda: box_filter(picture, size),
        },
        rounds=7,
    )
    return [size, *timed.values()]


def convolution_row(size: int) -> list[float]:
    """[kernel, seconds by definition, im2col, FFT, torch] for 4 channels to 4 on 64 x 64 pixels."""
    image = torch.randn(1, 4, 64, 64, generator=generator(0))
    weight = torch.randn(4, 4, size, size, generator=generator(1))
    timed = medians(
        {
            "definition": lambda: conv2d_naive(image, weight),
            "im2col": lambda: conv2d_im2col(image, weight),
            "FFT": lambda: conv2d_fft(image, weight),
            "torch": lambda: F.conv2d(image, weight),
        },
        rounds=7,
    )
    return [size, *timed.values()]


def main() -> None:
    """Measure everything and write the card."""
    settle()
    picture = torch.rand(1, 1, 512, 512, generator=generator(0))
    card = {
        "command": "python -m benchmarks.chapter_05_costs",
        "machine": machine(),
        "torch": torch.__version__,
        "box": {
            "columns": ["window", "definition", "two passes", "running sums"],
            "rows": [box_row(picture, size) for size in WINDOWS],
        },
        "convolution": {
            "columns": ["kernel", "definition", "im2col", "FFT", "torch"],
            "rows": [convolution_row(size) for size in KERNELS],
        },
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
