"""Learning rates that change while training (chapter 3, "training-tricks").

    warm-up      rises in a straight line, factor (step + 1) / warmup, while step < warmup
    cosine       1/2 (1 + cos(pi t / T)) over the T steps after it, from 1 towards 0     (Loshchilov and Hutter 2017)
    step decay   gamma^(number of milestones reached)

All return a factor for the peak learning rate; set `optimiser.lr = peak * factor` before each step. 1608.03983.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from course_lib.core.checks import check_positive


def warmup_cosine(step: int, steps: int, warmup: int = 0) -> float:
    """Straight up, then down along a cosine.

    Args:
        step: 0 ... steps - 1.
        steps: Length of the whole training.
        warmup: Steps of the rise, at least 0 and below `steps`.

    Returns:
        A factor in (0, 1].

    Raises:
        ValueError: For a step or a warm-up out of range.
    """
    check_positive(steps=steps)
    if not 0 <= step < steps or not 0 <= warmup < steps:
        raise ValueError(f"step and warmup must be 0 to steps - 1 = {steps - 1}, not {step} and {warmup}")
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def step_decay(step: int, milestones: Sequence[int], gamma: float = 0.1) -> float:
    """Multiply by gamma at each milestone.

    Args:
        step: At least 0.
        milestones: Steps at which the factor falls.
        gamma: Above 0.

    Returns:
        gamma to the number of milestones that are not after `step`.

    Raises:
        ValueError: For a negative step or a gamma that is not above 0.
    """
    check_positive(gamma=gamma)
    if step < 0:
        raise ValueError(f"step must be at least 0, not {step}")
    return gamma ** sum(step >= milestone for milestone in milestones)
