"""Precision and recall of samples equal a loop over balls, and say what the paper wants them to say."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.metrics import precision_recall
from course_lib.metrics.precision_recall import neighbour_radius


def cloud(count: int, seed: int, size: int = 4) -> torch.Tensor:
    return torch.randn(count, size, generator=generator(seed), dtype=torch.float64)


def slow(points: torch.Tensor, balls: torch.Tensor, k: int) -> float:
    """Share of the points that lie in the ball of one of the others, whose radius reaches its k-th neighbour."""
    inside = 0
    for point in points:
        for i, centre in enumerate(balls):
            others = torch.cat([balls[:i], balls[i + 1 :]])
            radius = (others - centre).norm(dim=1).sort().values[k - 1]
            if (point - centre).norm() <= radius:
                inside += 1
                break
    return inside / len(points)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_equals_a_loop(device, dtype, k):
    generated, real = 1.3 * cloud(30, 0) + 0.5, cloud(40, 1)
    precision, recall = precision_recall(generated.to(device, dtype), real.to(device, dtype), k)
    assert precision == pytest.approx(slow(generated, real, k))
    assert recall == pytest.approx(slow(real, generated, k))
    assert 0 < precision < 1
    assert 0 < recall < 1


def test_one_mode_is_precise_and_forgets_much_noise_is_the_other_way_round():
    real = torch.cat([cloud(150, 0) - 8, cloud(150, 1) + 8])
    precision, recall = precision_recall(cloud(300, 2) - 8, real)
    assert precision > 0.8
    assert recall < 0.5
    precision, recall = precision_recall(12 * cloud(300, 3), real)
    assert precision < 0.4 < recall
    assert precision_recall(real, real) == (1, 1)
    assert precision_recall(real + 1000, real) == (0, 0)


def test_radius_is_the_distance_to_the_k_th_other_sample():
    line = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    torch.testing.assert_close(neighbour_radius(line, 1), torch.tensor([1.0, 1.0, 2.0, 4.0]))
    torch.testing.assert_close(neighbour_radius(line, 2), torch.tensor([3.0, 2.0, 3.0, 6.0]))


def test_bad_input():
    with pytest.raises(ValueError, match="k must be 1 to 3, the number of other samples, not 4"):
        precision_recall(cloud(9, 0), cloud(4, 1), 4)
    with pytest.raises(ValueError, match="real has D = 3 but generated has D = 4"):
        precision_recall(cloud(9, 0), cloud(9, 1, size=3))
