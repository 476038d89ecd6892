"""Matching by hand, precision and recall equal scikit-learn's, interpolated precision equals a loop."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import precision_recall_curve as sklearn_curve

from course_lib.core.seeding import generator
from course_lib.metrics import interpolated_precision, match_detections, precision_recall_curve


def match(iou: list[list[float]], threshold: float = 0.5, ignored: list[bool] | None = None) -> list[int]:
    table = torch.tensor(iou)
    flags = torch.tensor([ignored or [False] * table.shape[1]])
    return match_detections(table, torch.tensor([threshold]), flags)[0, 0].tolist()


def test_matching_by_hand():
    assert match([[0.6, 0.8], [0.7, 0.9]]) == [1, 0]  # the best detection chooses first, the second takes what is left
    assert match([[0.9], [0.9]]) == [0, -1]  # a double is wrong
    assert match([[0.4, 0.3]]) == [-1]
    assert match([[0.5, 0.1]]) == [0]  # at the threshold is enough
    assert match([[0.7, 0.7]]) == [1]  # of equal ones the later, as COCO has it
    assert match([[0.9, 0.6]], ignored=[True, False]) == [1]  # an object set aside is taken only if no other fits
    assert match([[0.9, 0.4]], ignored=[True, False]) == [0]


def test_thresholds_and_rows_of_ignored_objects_are_answered_apart(device):
    iou = torch.rand(7, 5, generator=generator(0)).to(device)
    thresholds = torch.tensor([0.3, 0.6, 0.9], device=device)
    ignored = torch.rand(2, 5, generator=generator(1)).to(device) > 0.5
    found = match_detections(iou, thresholds, ignored)
    assert found.shape == (2, 3, 7)
    for a in range(2):
        for t in range(3):
            alone = match_detections(iou, thresholds[t : t + 1], ignored[a : a + 1])[0, 0]
            assert torch.equal(found[a, t], alone)
            taken = alone[alone >= 0].tolist()
            assert len(taken) == len(set(taken))
            assert all(iou[d, g] >= thresholds[t] for d, g in enumerate(alone.tolist()) if g >= 0)


def test_curve_equals_scikit_learn():
    scores = torch.rand(50, generator=generator(0))
    hits = torch.rand(50, generator=generator(1)) < scores
    precision, recall = precision_recall_curve(scores, hits, int(hits.sum()))
    theirs, at, _ = sklearn_curve(hits.numpy(), scores.numpy())  # lowest threshold first, and (1, 0) at the end
    torch.testing.assert_close(precision.flip(0), torch.from_numpy(theirs[:-1]))
    torch.testing.assert_close(recall.flip(0), torch.from_numpy(at[:-1]))


def test_detections_that_do_not_count_change_nothing():
    scores, hits = torch.rand(30, generator=generator(0)), torch.rand(30, generator=generator(1)) > 0.5
    counted = torch.rand(30, generator=generator(2)) > 0.3
    with_them = interpolated_precision(*precision_recall_curve(scores, hits, 20, counted=counted))
    without = interpolated_precision(*precision_recall_curve(scores[counted], hits[counted], 20))
    torch.testing.assert_close(with_them, without)


@pytest.mark.parametrize("points", [11, 101])
def test_interpolation_equals_a_loop(points):
    scores, hits = torch.rand(30, generator=generator(0)), torch.rand(2, 30, generator=generator(1)) > 0.4
    precision, recall = precision_recall_curve(scores, hits, 25)
    ours = interpolated_precision(precision, recall, points)
    for row in range(2):
        for i in range(points):
            reached = recall[row] >= i * (1 / (points - 1))
            assert float(ours[row, i]) == (float(precision[row][reached].max()) if reached.any() else 0)


def test_perfect_and_empty_lists():
    precision, recall = precision_recall_curve(torch.tensor([0.9, 0.8]), torch.tensor([True, True]), 2)
    assert float(interpolated_precision(precision, recall).mean()) == 1
    none = precision_recall_curve(torch.zeros(0), torch.zeros(3, 0, dtype=torch.bool), 2)
    assert interpolated_precision(*none).tolist() == [[0.0] * 101] * 3
    flags = torch.zeros(2, 0, dtype=torch.bool)
    assert match_detections(torch.zeros(3, 0), torch.tensor([0.5]), flags).tolist() == [[[-1] * 3]] * 2
    assert match_detections(torch.zeros(0, 4), torch.tensor([0.5]), torch.zeros(2, 4).bool()).shape == (2, 1, 0)
