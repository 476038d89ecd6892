"""Hyperplanes: scores, the sign rule, and distances against plain geometry."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.core.seeding import generator
from course_lib.linear import hyperplane_distance, linear_scores


def test_scores_are_w_x_plus_b(device, dtype, close):
    X = torch.tensor([[1.0, 2.0], [3.0, -1.0]], device=device, dtype=dtype)
    weights = torch.tensor([2.0, -1.0, 5.0], device=device, dtype=dtype)
    close(linear_scores(X, weights), [5.0, 12.0])
    close(linear_scores(X, torch.stack([weights, -weights], dim=1)), [[5.0, -5.0], [12.0, -12.0]])


def test_distance_of_known_points_from_a_known_line(device, dtype, close):
    """The line 3x + 4y = 5 has distance 1 from the origin and 4 from (3, 4)."""
    weights = torch.tensor([3.0, 4.0, -5.0], device=device, dtype=dtype)
    X = torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 0.5]], device=device, dtype=dtype)
    close(hyperplane_distance(X, weights), [-1.0, 4.0, 0.0], atol=1e-12)


@given(seed=st.integers(0, 10_000), scale=st.floats(1e-3, 1e3))
def test_distance_is_the_way_to_the_nearest_point_of_the_plane_and_ignores_the_scale_of_the_weights(seed, scale):
    g = generator(seed)
    X = torch.randn(6, 3, generator=g, dtype=torch.float64)
    weights = torch.randn(4, generator=g, dtype=torch.float64)
    distance = hyperplane_distance(X, weights)
    foot = X - distance[:, None] * weights[:3] / weights[:3].norm()
    assert linear_scores(foot, weights).abs().max() < 1e-9
    torch.testing.assert_close((X - foot).norm(dim=1), distance.abs())
    torch.testing.assert_close(hyperplane_distance(X, scale * weights), distance)
    assert torch.equal(distance.sign(), linear_scores(X, weights).sign())


def test_zero_weights_define_no_plane():
    with pytest.raises(ValueError, match=r"w = 0 defines no hyperplane"):
        hyperplane_distance(torch.ones(2, 2), torch.tensor([0.0, 0.0, 1.0]))
