"""Turning and moving: a rotation stays one on pictures that are not square, and each picture gets its own."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.augment import turn_and_move


def ramp(height: int, width: int) -> torch.Tensor:
    """Brightness in pixels: right + 2 down, from the middle."""
    y, x = torch.meshgrid(torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij")
    return (x + 2 * y).double()[None, None]


@pytest.mark.parametrize("size", [(41, 41), (41, 81), (81, 41)])
def test_a_turn_is_a_rotation_also_of_oblong_pictures(size):
    turned = turn_and_move(ramp(*size).expand(40, -1, -1, -1), generator(1), 20.0, share=0.0)[:, 0]
    row, column = size[0] // 2, size[1] // 2
    across = (turned[:, row, column + 1] - turned[:, row, column - 1]) / 2
    down = (turned[:, row + 1, column] - turned[:, row - 1, column]) / 2
    torch.testing.assert_close((across**2 + down**2).sqrt(), torch.full((40,), 5**0.5).double())
    angle = torch.atan2(down, across) - math.atan2(2, 1)
    assert math.radians(15) < float(angle.abs().max()) <= math.radians(20) + 1e-6


def test_each_picture_has_its_own_angle_and_shift():
    turned = turn_and_move(ramp(21, 21).expand(6, -1, -1, -1), generator(2), 20.0, share=0.0)
    moved = turn_and_move(ramp(21, 21).expand(6, -1, -1, -1), generator(2), 0.0, share=0.1)
    for batch in (turned, moved):
        assert len({round(float(picture[0, 3, 4]), 6) for picture in batch}) == 6


def test_a_shift_is_a_share_of_the_side_it_runs_along():
    moved = turn_and_move(ramp(20, 60).expand(300, -1, -1, -1), generator(3), 0.0, share=0.1)
    right, down = 0.1 * 60, 2 * 0.1 * 20
    largest = float((moved[:, 0, 9:11, 29:31].mean((1, 2))).abs().max())
    assert 0.8 * (right + down) < largest <= right + down + 1e-6
