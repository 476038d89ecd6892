"""Kernels sum to what they should, answer what they are made for, and separate where their rank is one."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from course_lib.ops.filters import (
    box_kernel,
    filter2d,
    gaussian_kernel,
    line_kernel,
    separate,
    sobel_kernels,
    spot_kernel,
)

LINES = (0, 45, 90, 135)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_smoothing_kernels_sum_to_one(size, device, dtype, close):
    close(box_kernel(size, dtype, device).sum(), 1.0)
    close(gaussian_kernel(size / 2, dtype=dtype, device=device).sum(), 1.0)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.7])
def test_gaussian_equals_scipys_answer_to_an_impulse(sigma, close):
    ours = gaussian_kernel(sigma, dtype=torch.float64)
    impulse = torch.zeros(2 * len(ours) + 1, dtype=torch.float64)
    impulse[len(ours)] = 1
    theirs = gaussian_filter1d(impulse.numpy(), sigma)
    radius = len(ours) // 2
    close(ours, theirs[len(ours) - radius : len(ours) + radius + 1])


def test_detectors_give_nothing_on_flat_ground():
    for kernel in (*sobel_kernels(), spot_kernel(), *(line_kernel(angle) for angle in LINES)):
        assert float(kernel.sum()) == 0
        assert kernel.shape == (3, 3)


def test_each_line_kernel_prefers_its_own_direction():
    """Bright lines through the centre of a 9 x 9 picture: row 45 has the line that rises to the right."""
    steps = torch.arange(9)
    places = {0: (steps * 0 + 4, steps), 45: (8 - steps, steps), 90: (steps, steps * 0 + 4), 135: (steps, steps)}
    for drawn, (rows, columns) in places.items():
        picture = torch.zeros(1, 1, 9, 9)
        picture[0, 0, rows, columns] = 1
        answers = {angle: float(filter2d(picture, line_kernel(angle))[0, 0, 4, 4]) for angle in LINES}
        assert max(answers, key=answers.get) == drawn
        assert answers[drawn] == 6


@pytest.mark.parametrize("make", [lambda: box_kernel(5), lambda: sobel_kernels()[0], lambda: -sobel_kernels()[1]])
def test_separable_kernels_are_found(make, close):
    column, row = separate(make().double())
    close(torch.outer(column, row), make(), atol=1e-7)


def test_the_spot_kernel_is_not_separable():
    with pytest.raises(ValueError, match="kernel has rank 2, so it is not separable"):
        separate(spot_kernel())
