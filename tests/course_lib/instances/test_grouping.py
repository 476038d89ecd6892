"""Peaks lie where the bumps were drawn, pairs are as a loop or SciPy says, and people come back whole."""

from __future__ import annotations

import itertools

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import keypoints, sample_figures
from course_lib.instances.affinity import LIMBS, affinity_fields, heat_maps
from course_lib.instances.grouping import (
    distance_scores,
    field_scores,
    find_peaks,
    greedy_pairs,
    group_people,
    join_limbs,
    optimal_pairs,
    strongest_points,
)
from course_lib.metrics.keypoints import keypoint_precision

from ..refusals import refused


def test_a_peak_lies_where_the_bump_was_drawn_between_the_cells():
    points = torch.zeros(1, 1, 13, 3)
    points[0, 0] = torch.cat([4 + 24 * torch.rand(13, 2, generator=generator(1)), torch.ones(13, 1)], 1)
    peaks = find_peaks(heat_maps(points, (32, 32), 2)[0])
    assert [len(found) for found in peaks] == [1] * 13
    torch.testing.assert_close(torch.cat(peaks)[:, :2], points[0, 0, :, :2], rtol=0, atol=1e-3)
    assert torch.equal(strongest_points(heat_maps(points, (32, 32), 2))[0], torch.cat(peaks))


def test_peaks_come_largest_first_and_above_the_threshold():
    maps = torch.zeros(1, 9, 9)
    maps[0, 2, 2], maps[0, 6, 6], maps[0, 2, 7], maps[0, 2, 3] = 0.5, 0.9, 0.1, 0.4
    found = find_peaks(maps, 1, least=0.2)[0]
    assert found[:, 2].tolist() == pytest.approx([0.9, 0.5])
    assert 2.5 < float(found[1, 0]) <= 3.0  # drawn to the neighbour that is nearly as high
    assert float(found[1, 1]) == 2.5


def test_greedy_takes_the_best_and_optimal_the_best_sum():
    scores = torch.tensor([[0.9, 0.8], [0.8, 0.1]])
    assert greedy_pairs(scores) == [(0, 0), (1, 1)]
    assert sorted(optimal_pairs(scores)) == [(0, 1), (1, 0)]
    assert greedy_pairs(scores, 0.5) == [(0, 0)]
    assert greedy_pairs(scores, 1.0) == optimal_pairs(scores, 1.0) == []
    assert greedy_pairs(torch.zeros(0, 3)) == optimal_pairs(torch.zeros(2, 0)) == []


def test_optimal_pairs_equal_a_search_over_all():
    scores = torch.rand(3, 5, generator=generator(2))
    best = max(sum(float(scores[row, column]) for row, column in enumerate(columns))
               for columns in itertools.permutations(range(5), 3))  # fmt: skip
    assert sum(float(scores[pair]) for pair in optimal_pairs(scores)) == pytest.approx(best)


def test_people_come_back_from_their_own_maps():
    points = keypoints(sample_figures(24, 64, generator=generator(3), figures=(2, 3)))
    maps, fields = heat_maps(points, (64, 64)), affinity_fields(points, (64, 64))
    found = {"fields": [], "distances": []}
    for one, field in zip(maps, fields, strict=True):
        peaks = find_peaks(one)
        for name, scores in (("fields", field_scores(peaks, field)), ("distances", distance_scores(peaks))):
            people = group_people(peaks, join_limbs(scores, 0.2 if name == "fields" else -30.0))
            found[name].append((people, people[..., 2].sum(1)))
    scores = {name: keypoint_precision(people, list(points))["AP"] for name, people in found.items()}
    assert scores["fields"] > 0.95
    assert scores["distances"] < scores["fields"] - 0.05


def test_joined_limbs_are_people_in_whatever_order_they_come():
    """Two people whose limbs are joined crosswise at one place: the sets follow the joins."""
    peaks = [torch.tensor([[float(k), 0, 1], [float(k), 50, 1]]) for k in range(13)]
    straight = [[(0, 0), (1, 1)]] * len(LIMBS)
    people = group_people(peaks, straight)
    assert people.shape == (2, 13, 3)
    assert {tuple(row[:, 1].tolist()) for row in people} == {(0.0,) * 13, (50.0,) * 13}
    crossed = [[(0, 1), (1, 0)] if limb == (3, 5) else [(0, 0), (1, 1)] for limb in LIMBS]
    rows = {tuple(row[:, 1].tolist()) for row in group_people(peaks, crossed)}
    assert rows == {
        tuple(50.0 if k == 5 else 0.0 for k in range(13)),
        tuple(0.0 if k == 5 else 50.0 for k in range(13)),
    }
    broken = [[] if limb == (1, 7) else [(0, 0)] for limb in LIMBS]
    assert sorted(int((row[:, 2] > 0).sum()) for row in group_people(peaks, broken)) == [3, 10]
    assert group_people(peaks, [[]] * len(LIMBS)).shape == (0, 13, 3)


def test_distance_scores_prefer_near_or_usual():
    peaks = [torch.tensor([[0.0, 0, 1]])] + [torch.tensor([[3.0, 4, 1], [6.0, 8, 1]])] * 12
    assert distance_scores(peaks)[0].tolist() == [[-5.0, -10.0]]
    assert distance_scores(peaks, torch.full((12,), 9.0))[0].tolist() == [[-4.0, -1.0]]


def test_bad_input_is_refused():
    refused(lambda: find_peaks(torch.zeros(2, 3)), "maps must be")
