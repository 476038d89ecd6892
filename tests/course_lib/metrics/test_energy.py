"""Energy distance: SciPy's in one dimension, a naive loop in two, and the floor of equal laws."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import energy_distance as scipy_s

from course_lib.core.seeding import generator
from course_lib.metrics.energy import energy_distance

from ..refusals import refused


def test_in_one_dimension_it_is_the_square_of_scipy_s():
    x, y = torch.randn(40, 1, generator=generator(0)), torch.randn(30, 1, generator=generator(1)) + 0.5
    assert energy_distance(x, y) == pytest.approx(scipy_s(x[:, 0].numpy(), y[:, 0].numpy()) ** 2, rel=1e-5)


def test_in_two_dimensions_it_is_the_loop_s(device):
    x, y = torch.randn(7, 2, generator=generator(0)), torch.randn(5, 2, generator=generator(1))

    def mean(a, b):
        return sum(float((p - q).norm()) for p in a for q in b) / len(a) / len(b)

    loop = 2 * mean(x, y) - mean(x, x) - mean(y, y)
    assert energy_distance(x.to(device), y.to(device)) == pytest.approx(loop, rel=1e-5)


def test_equal_laws_leave_the_floor_that_the_file_names():
    floors = [energy_distance(torch.randn(500, 2, generator=generator(k)),
                              torch.randn(500, 2, generator=generator(99 + k))) for k in range(10)]  # fmt: skip
    expected = 3.14159265**0.5 * 2 / 500  # E|X - X'| of two standard normals in the plane is sqrt(pi)
    assert sum(floors) / 10 == pytest.approx(expected, rel=0.35)
    assert energy_distance(torch.zeros(3, 2), torch.zeros(4, 2)) == 0


def test_bad_input():
    refused(lambda: energy_distance(torch.zeros(3, 2), torch.zeros(3, 1)), "they must be equal")
