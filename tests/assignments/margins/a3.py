"""Assignment 3: gains on the best blur, of the solution and of wrong networks, on both sets of pictures."""

from __future__ import annotations

import numpy as np
import torch

from ..conftest import defined, source_notebook
from ..test_a3_margins import DIRECT, FOR_25, LADDER, LINEAR, SSIM, judge
from .report import span, table

SEEDS = range(10)
FEW = {"train_denoiser": [("range(steps)", "range(40)"), ("torch.optim.Adam", "torch.optim.SGD")]}
DEAD = {
    "train_denoiser": [
        ("nn.LeakyReLU(0.05)", "nn.ReLU()"),
        ("mul_(0.1)", "mul_(1.0)"),
        ("max_lr=0.008", "max_lr=0.012"),
    ]
}
START = {
    "train_denoiser": [
        ("nn.LeakyReLU(0.05)", "nn.ReLU()"),
        ("mul_(0.1)", "mul_(0.0)"),
        ("max_lr=0.008", "max_lr=0.005"),
    ]
}
WIDE = {"train_denoiser": [*START["train_denoiser"], ("len(clean), (4,)", "len(clean), (8,)")]}
IDENTITY = {"denoise": [("return noisy - noise", "return noisy.clone()")]}
# Way: changes, levels, seeds.
RIGHT = {
    "solution, 1 thread": ({}, (25, 15, 50), SEEDS),
    "solution, 2 threads": ({}, (25, 15, 50), range(3)),
    "the text's start: ReLU, rate 0.005, 4 patches": (START, (25, 15, 50), range(3)),
    "the text's start: ReLU, rate 0.005, 8 patches": (WIDE, (25, 15, 50), range(3)),
}
WRONG = {
    "predicts the picture, not the noise": (DIRECT, (25, 15, 50), range(3)),
    "linear: no activation": (LINEAR, (25, 15, 50), range(3)),
    "trained for sigma 25": (FOR_25, (15, 50), range(3)),
    "ReLU, ordinary last layer, rate 0.012": (DEAD, (25, 15, 50), range(3)),
    "forty steps of plain gradient descent": (FEW, (25, 15, 50), range(1)),
    "identity": (IDENTITY, (25, 15, 50), range(1)),
}


HEAD = ["Network", "Noise", "Held out", "Validation", "SSIM held out", "Seeds above each threshold", "Worst - highest"]


def measure() -> dict[str, str]:
    source = source_notebook("a3_denoising")
    rungs = "; ".join(f"sigma {level}: {', '.join(map(str, LADDER[level]))} dB" for level in LADDER)
    tables = {name: table(HEAD, rows(source, ways)) for name, ways in (("right", RIGHT), ("wrong", WRONG))}
    torch.set_num_threads(1)
    return {"ladder": f"The ladder: {rungs}; {SSIM} in SSIM at sigma 25.", **tables}


def rows(source, ways: dict) -> list[list[str]]:
    """One row for each network and noise level; a network counts by the worse of its two sets of pictures."""
    cells, found = {cell.id: cell.source for cell in source.cells}, []
    for way, (changes, levels, seeds) in ways.items():
        for level in levels:
            names = defined(source)
            torch.set_num_threads(2 if "2 threads" in way else 1)
            gains = np.array([judge(names, cells, source, level, seed, changes) for seed in seeds])
            held_out, visible = gains[:, 0, 0], gains[:, 1, 0]  # of (seeds, sets, PSNR and SSIM)
            worse = np.minimum(held_out, visible)
            passed = "; ".join(f"{sum(worse > rung)} of {len(seeds)}" for rung in LADDER[level])
            margin = f"{worse.min() - LADDER[level][-1]:+.2f}"
            spans = span(held_out, 2), span(visible, 2), span(gains[:, 0, 1], 3)
            found.append([way, str(level), *spans, passed, margin])
    return found
