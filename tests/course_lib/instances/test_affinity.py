"""Targets equal a loop over pixels; line integrals are what the analytic field says."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import keypoints, sample_figures
from course_lib.instances.affinity import LIMBS, affinity_fields, heat_maps, limb_scores

from ..refusals import refused


def figures(count: int = 3) -> torch.Tensor:
    return keypoints(sample_figures(count, 32, generator=generator(5), figures=(1, 3))).double()


def test_heat_maps_equal_a_loop():
    points = figures()
    maps = heat_maps(points, (32, 32), 4, sigma=3.0)
    for b, k, i, j in ((0, 0, 1, 3), (1, 5, 4, 4), (2, 12, 7, 2)):
        x, y = 4 * (j + 0.5), 4 * (i + 0.5)
        values = [math.exp(-((x - p[k, 0]) ** 2 + (y - p[k, 1]) ** 2) / 18) for p in points[b] if p[k, 2] > 0]
        assert float(maps[b, k, i, j]) == pytest.approx(max(values, default=0.0), abs=1e-9)


def test_fields_equal_a_loop():
    points = figures()
    fields = affinity_fields(points, (32, 32), 2, width=1.5)
    shared = 0
    for b in range(len(points)):
        for c, (one, other) in enumerate(LIMBS):
            for i, j in torch.randint(16, (12, 2), generator=generator(c)).tolist():
                place, units = torch.tensor([2 * j + 1.0, 2 * i + 1.0]).double(), []
                for person in points[b]:
                    if person[one, 2] > 0 and person[other, 2] > 0:
                        a, along = person[one, :2], person[other, :2] - person[one, :2]
                        u = ((place - a) @ along / (along @ along)).clamp(0, 1)
                        if (place - a - u * along).norm() <= 1.5:
                            units.append(along / along.norm())
                shared += len(units)
                mean = torch.stack(units).mean(0) if units else torch.zeros(2).double()
                torch.testing.assert_close(fields[b, c, :, i, j], mean)
    assert shared > 5


def test_where_people_overlap_the_field_is_the_mean():
    points = torch.zeros(1, 2, 13, 3)
    a, b = LIMBS[2]
    points[0, 0, a], points[0, 0, b] = torch.tensor([4.0, 16, 2]), torch.tensor([28.0, 16, 2])
    points[0, 1, a], points[0, 1, b] = torch.tensor([16.0, 4, 2]), torch.tensor([16.0, 28, 2])
    field = affinity_fields(points, (32, 32), 2)[0, 2]
    torch.testing.assert_close(field[:, 8, 8], torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(field[:, 8, 3], torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 180])
def test_a_line_integral_is_the_cosine(degrees):
    turn = math.radians(degrees)
    field = torch.zeros(2, 16, 16)
    field[0] = 1.0  # all limbs point to the right
    end = torch.tensor([[16 + 8 * math.cos(turn), 16 + 8 * math.sin(turn)]])
    score = limb_scores(field, torch.tensor([[16.0, 16.0]]), end)
    assert float(score) == pytest.approx(math.cos(turn), abs=1e-6)


def test_a_limb_scores_one_and_half_a_limb_half():
    points = torch.zeros(1, 1, 13, 3)
    a, b = LIMBS[0]
    points[0, 0, a], points[0, 0, b] = torch.tensor([9.0, 31, 2]), torch.tensor([39.0, 31, 2])
    field = affinity_fields(points, (64, 64), 2)[0, 0]
    scores = limb_scores(field, points[0, :, a, :2], torch.tensor([[39.0, 31], [61.0, 31], [9.0, 5]]))
    assert float(scores[0, 0]) == pytest.approx(1, abs=1e-6)
    assert float(scores[0, 1]) == pytest.approx(30 / 52, abs=0.1)  # 30 of 52 pixels lie on the limb
    assert abs(float(scores[0, 2])) < 1e-6  # upwards, at right angles


def test_no_candidates_no_scores():
    assert limb_scores(torch.zeros(2, 4, 4), torch.zeros(0, 2), torch.zeros(3, 2)).shape == (0, 3)


def test_bad_input_is_refused():
    points = torch.ones(1, 2, 13, 3)
    refused(lambda: heat_maps(points[:, :, :12], (32, 32)), "shape")
    refused(lambda: heat_maps(points, (33, 32)), "multiples of the stride")
    refused(lambda: affinity_fields(points, (32, 32), width=0.0), "width must be")
    refused(lambda: limb_scores(torch.zeros(3, 4, 4), points[0, :, 0], points[0, :, 1]), "field must be")
