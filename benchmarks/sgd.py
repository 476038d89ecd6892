"""One step of our SGD against torch.optim.SGD, the gradients being there already."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from benchmarks.common import compare
from course_lib.optim import SGD


def run() -> None:
    """Print the comparisons for a small and a large model, with and without momentum."""
    models = {
        "small, 1,210 parameters": (64, 16, 10),
        "large, 1.0 million parameters": (700, 700, 700, 10),
    }
    for name, sizes in models.items():
        for momentum in (0.0, 0.9):
            compare(
                f"SGD step, {name}, momentum {momentum}",
                {"SGD": _step(sizes, lambda p, m=momentum: SGD(p, lr=1e-3, momentum=m))},
                {
                    "torch SGD, default": _step(sizes, lambda p, m=momentum: torch.optim.SGD(p, 1e-3, m)),
                    "torch SGD, one tensor at a time": _step(
                        sizes, lambda p, m=momentum: torch.optim.SGD(p, 1e-3, m, foreach=False)
                    ),
                    "torch SGD, foreach": _step(sizes, lambda p, m=momentum: torch.optim.SGD(p, 1e-3, m, foreach=True)),
                },
            )


def _step(sizes: tuple[int, ...], make):
    """The step of an optimiser on a fresh model with gradients."""
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(a, b) for a, b in pairwise(sizes)))
    for p in model.parameters():
        p.grad = torch.randn_like(p)
    return make(list(model.parameters())).step
