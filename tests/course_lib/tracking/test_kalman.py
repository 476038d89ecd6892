"""The Kalman filter equals least squares over all that was measured; many objects keep their names."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import object_tracks, render, sample_clips
from course_lib.metrics.tracking import TrackingScore
from course_lib.tracking.kalman import KalmanFilter, constant_velocity
from course_lib.tracking.many import ManyObjects


def law(noise, error):
    return [part.double() for part in constant_velocity(1, noise=noise, error=error)]


def test_the_filter_equals_least_squares_over_the_whole_past():
    """Unknowns are the states of all steps; every equation is divided by its deviation."""
    F, H, Q, R = law(0.5, 2.0)
    Q = Q + 1e-3 * torch.eye(2, dtype=torch.float64)  # so that it can be inverted below
    z = 10 * torch.randn(6, generator=generator(0), dtype=torch.float64)
    start, spread = torch.tensor([[1.0, -1.0]], dtype=torch.float64), 9 * torch.eye(2, dtype=torch.float64)[None]
    found = KalmanFilter(F, H, Q, error=R, mean=start, covariance=spread)
    for value in z:
        found.predict()
        found.update(value[None, None])
    rows, values = [], []

    def equation(matrix, deviation_squared, value):
        root = torch.linalg.inv(torch.linalg.cholesky(deviation_squared))
        rows.append(root @ matrix)
        values.append(root @ value)

    first = torch.zeros(2, 14, dtype=torch.float64)
    first[:, :2] = torch.eye(2)
    equation(first, spread[0], start[0])
    for t in range(6):
        moves, sees = torch.zeros(2, 14, dtype=torch.float64), torch.zeros(1, 14, dtype=torch.float64)
        moves[:, 2 * t : 2 * t + 2], moves[:, 2 * t + 2 : 2 * t + 4] = -F, torch.eye(2, dtype=torch.float64)
        sees[:, 2 * t + 2 : 2 * t + 4] = H
        equation(moves, Q, torch.zeros(2, dtype=torch.float64))
        equation(sees, R, z[t : t + 1])
    A, b = torch.cat(rows), torch.cat(values)
    wanted, joint = torch.linalg.lstsq(A, b[:, None]).solution[-2:, 0], torch.linalg.inv(A.T @ A)[-2:, -2:]
    torch.testing.assert_close(found.mean[0], wanted)
    torch.testing.assert_close(found.covariance[0], joint)


def test_it_finds_the_velocity_and_beats_the_raw_measurements():
    F, H, Q, R = law(0.01, 2.0)
    time = torch.arange(60.0, dtype=torch.float64)
    true = 3 + 0.7 * time
    z = true + 2 * torch.randn(60, generator=generator(1), dtype=torch.float64)
    found = KalmanFilter(
        F, H, Q, error=R, mean=torch.zeros(1, 2).double(), covariance=100 * torch.eye(2).double()[None]
    )
    means = []
    for value in z:
        found.predict()
        found.update(value[None, None])
        means.append(found.mean[0].clone())
    means = torch.stack(means)
    assert means[-1, 1] == pytest.approx(0.7, abs=0.05)
    assert (means[20:, 0] - true[20:]).square().mean() < 0.3 * (z[20:] - true[20:]).square().mean()


def test_only_the_rows_that_were_measured_are_corrected():
    F, H, Q, R = law(0.1, 1.0)
    pair = KalmanFilter(
        F, H, Q, error=R, mean=torch.zeros(2, 2).double(), covariance=torch.eye(2).double().repeat(2, 1, 1)
    )
    pair.predict()
    before = pair.covariance[0].clone()
    pair.update(torch.tensor([[4.0]]).double(), torch.tensor([1]))
    assert pair.mean[0].tolist() == [0, 0]
    assert torch.equal(pair.covariance[0], before)
    assert pair.mean[1, 0] > 2


def box(x, y=20.0):
    return [x, y, x + 10, y + 10]


def test_two_objects_that_pass_each_other_keep_their_names():
    tracker, names = ManyObjects(gate=0.1, confirm=1), []
    for t in range(12):
        found, boxes = tracker.step(torch.tensor([box(10 + 4.0 * t), box(60 - 4.0 * t, 24.0)]))
        order = np.argsort([int(n) for n in found])
        names.append([int(n) for n in found])
        assert boxes[order[0], 0] == pytest.approx(10 + 4 * t, abs=2.5)
    assert all(sorted(step) == [0, 1] for step in names)


def test_a_short_gap_is_bridged_and_a_long_one_ends_the_track():
    for gap, wanted in ((3, 0), (9, 1)):
        tracker, name = ManyObjects(gate=0.1, patience=5, confirm=1), torch.tensor([])
        for t in range(20):
            hidden = 8 <= t < 8 + gap
            name, _ = tracker.step(torch.zeros(0, 4) if hidden else torch.tensor([box(10 + 2.0 * t)]))
            assert len(name) == (0 if hidden else 1)
        assert name.tolist() == [wanted]


def test_appearance_decides_where_boxes_cannot():
    one, two = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    for weight, kept in ((0.0, False), (0.9, True)):
        tracker = ManyObjects(gate=0.05, confirm=1, appearance=weight)
        tracker.step(torch.tensor([box(10.0), box(16.0)]), torch.stack([one, two]))
        names, boxes = tracker.step(torch.tensor([box(15.0), box(11.0)]), torch.stack([one, two]))  # they have swapped
        place = {int(name): float(found[0]) for name, found in zip(names, boxes, strict=True)}
        assert (place[0] > place[1]) == kept
    with pytest.raises(ValueError, match="looks must hold one row for each of 1 boxes, not None"):
        ManyObjects(appearance=0.5).step(torch.tensor([box(3.0)]))
    with pytest.raises(ValueError, match="appearance must be from 0 to 1"):
        ManyObjects(appearance=2.0)


def test_perfect_detections_of_scenes_are_tracked_nearly_perfectly():
    scene = sample_clips(1, 12, 64, generator=generator(4), objects=3, difficulty=0.2)
    boxes, visible = object_tracks(scene, render(scene))
    score, tracker = TrackingScore(), ManyObjects(gate=0.2, confirm=1)
    for there, share in zip(boxes[0].float(), visible[0], strict=True):
        ids = (share > 0).nonzero()[:, 0]
        score.update(ids, there[ids], *tracker.step(there[ids]))
    assert score.compute()["MOTA"] > 0.85
