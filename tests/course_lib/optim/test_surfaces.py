"""The drawn surfaces have the stationary points that their docstrings state."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.optim import classify_stationary_point
from course_lib.optim.surfaces import banana, bowl, saddle, two_valleys


def point(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("surface", "where", "height", "kind"),
    [
        (bowl, (0.0, 0.0), 0.0, "minimum"),
        (saddle, (0.0, 0.0), 0.0, "saddle"),
        (saddle, (0.0, 1.0), -0.5, "minimum"),
        (saddle, (0.0, -1.0), -0.5, "minimum"),
        (banana, (1.0, 1.0), 0.0, "minimum"),
    ],
)
def test_stationary_points_of_the_docstrings(surface, where, height, kind):
    assert float(surface(point(*where))) == height
    assert classify_stationary_point(surface, point(*where)) == kind


def test_two_valleys_has_the_three_stationary_points_it_states_and_the_right_valley_is_deeper():
    roots = sorted(np.roots([1, 0, -1, -1 / 8]).real)  # f' = u^3 - u - 1/8
    assert roots == pytest.approx([-0.93, -0.13, 1.06], abs=0.005)
    kinds = [classify_stationary_point(two_valleys, point(root)) for root in roots]
    assert kinds == ["minimum", "maximum", "minimum"]
    left, _, right = (float(two_valleys(point(root))) for root in roots)
    assert right < left


@pytest.mark.parametrize(("surface", "size"), [(bowl, 3), (saddle, 2), (banana, 2), (two_valleys, 1)])
def test_one_call_evaluates_a_whole_grid(surface, size, device, dtype, close):
    grid = torch.linspace(-1, 2, 4 * 5 * size, dtype=torch.float64).reshape(4, 5, size)
    heights = surface(grid.to(device, dtype))
    assert heights.shape == (4, 5)
    close(heights[2, 3], surface(grid[2, 3]), rtol=1e-12)


def test_bowl_takes_one_curvature_or_one_a_direction():
    assert float(bowl(point(1, 2), 3.0)) == 7.5
    assert float(bowl(point(1, 2), point(1, 10))) == 20.5
