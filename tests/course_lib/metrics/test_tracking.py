"""Tracks of clips by hand, against a slow search over all assignments, and against numbers from py-motmetrics."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.metrics import TrackingScore

Frame = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
# py-motmetrics 1.4.0 on `clip(seed)` with the distance 1 - IoU, infinite below IoU 0.5: mota, motp, idf1, num_switches,
# num_misses, num_false_positives. Not installed for the tests, because it brings pandas.
MOTMETRICS = {
    0: (0.41860465116279066, 0.31179620680194947, 0.4598698481561822, 26, 34, 65),
    1: (0.5092592592592593, 0.29779839883389114, 0.5118279569892473, 17, 28, 61),
    2: (0.4212962962962963, 0.2988046222094025, 0.5076586433260394, 16, 42, 67),
    3: (0.5, 0.3030685637866638, 0.5485961123110151, 14, 29, 64),
}


def clip(seed: int, frames: int = 40, objects: int = 6) -> list[Frame]:
    """Objects that cross; tracks with noise, gaps, false boxes and numbers that change hands."""
    stream = generator(seed)
    start, speed = (torch.rand(objects, 2, generator=stream, dtype=torch.float64) for _ in range(2))
    number = torch.arange(objects)
    out = []
    for t in range(frames):
        middle = 60 * start + 3 * t * (speed - 0.5)
        boxes = torch.cat([middle, middle + 16], 1)
        there = torch.rand(objects, generator=stream) < 0.9
        if torch.rand((), generator=stream) < 0.2:  # two tracks change their objects, or one is lost and begun anew
            a, b = torch.randperm(objects, generator=stream)[:2].tolist()
            number[[a, b]] = number[[b, a]] if torch.rand((), generator=stream) < 0.5 else number[[a, b]] + 10
        seen = torch.rand(objects, generator=stream) < 0.85
        noise = 2 * torch.randn(objects, 4, generator=stream, dtype=torch.float64).clamp(-2, 2)
        false = 60 * torch.rand(1, 2, generator=stream, dtype=torch.float64)
        found = torch.cat([(boxes + noise)[seen], torch.cat([false, false + 16], 1)])
        tracks = torch.cat([number[seen], torch.tensor([1000 + t])])
        order = torch.randperm(len(found), generator=stream)
        out.append((torch.arange(objects)[there], boxes[there], tracks[order], found[order]))
    return out


def score(frames: list[Frame], **options) -> dict[str, float]:
    result = TrackingScore(**options)
    for frame in frames:
        result.update(*frame)
    return result.compute()


@pytest.mark.parametrize("seed", range(4))
def test_equals_motmetrics(device, seed):
    if device.type == "mps":
        pytest.skip("boxes are compared in float64, as the reference does")
    ours = score([tuple(value.to(device) for value in frame) for frame in clip(seed)])
    mota, motp, idf1, *counts = MOTMETRICS[seed]
    assert ours["MOTA"] == pytest.approx(mota, abs=1e-9)
    assert ours["MOTP"] == pytest.approx(1 - motp, abs=1e-9)  # they print the mean distance
    assert ours["IDF1"] == pytest.approx(idf1, abs=1e-9)
    assert [ours["switches"], ours["misses"], ours["false_positives"]] == counts


def boxes(*lefts: float) -> torch.Tensor:
    return torch.tensor([[left, 0, left + 10, 10] for left in lefts], dtype=torch.float32).view(-1, 4)


def frame(objects: dict[int, float], tracks: dict[int, float]) -> Frame:
    return torch.tensor([*objects], dtype=torch.int64), boxes(*objects.values()), torch.tensor(
        [*tracks], dtype=torch.int64), boxes(*tracks.values())  # fmt: skip


def test_by_hand_one_switch_one_miss_one_false_positive():
    """Five objects in all: 4 matches (one switched), 1 miss, 1 box too many."""
    frames = [
        frame({1: 0, 2: 50}, {7: 0, 8: 50}),
        frame({1: 0, 2: 50}, {9: 1, 5: 90}),  # object 1 has a new number, object 2 is missed, 5 is nothing
        frame({1: 0}, {9: 0}),
    ]
    ours = score(frames)
    assert (ours["switches"], ours["misses"], ours["false_positives"]) == (1, 1, 1)
    assert ours["MOTA"] == pytest.approx(1 - 3 / 5)
    assert ours["MOTP"] == pytest.approx((3 + 9 / 11) / 4)
    assert ours["IDF1"] == pytest.approx(
        2 * 3 / (5 + 5)
    )  # object 1 is best called 9 (2 frames), object 2 is 8 (1 frame)


def test_a_track_is_kept_although_another_lies_nearer():
    frames = [frame({1: 0}, {7: 0}), frame({1: 0}, {8: 0, 7: 2}), frame({1: 0}, {8: 0})]
    assert [score(frames[:n])["switches"] for n in (1, 2, 3)] == [0, 0, 1]


def test_as_many_pairs_as_possible_not_the_best_pair():
    """Alone, the best pair would leave the other object without a partner."""
    ours = score([frame({1: 0, 2: 5}, {7: 0, 8: -5})], iou_threshold=0.2)
    assert (ours["misses"], ours["false_positives"]) == (0, 0)


def test_a_gap_is_no_switch_and_coming_back_as_another_is_one():
    away = frame({}, {})
    assert score([frame({1: 0}, {7: 0}), away, frame({1: 3}, {7: 3})])["switches"] == 0
    assert score([frame({1: 0}, {7: 0}), away, frame({1: 3}, {8: 3})])["switches"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_idf1_equals_the_best_of_all_assignments(seed):
    frames = clip(seed, frames=9, objects=4)
    together: dict[tuple[int, int], int] = {}
    for ids, box, tracks, found in frames:
        for name, a in zip(ids.tolist(), box.tolist(), strict=True):
            for track, b in zip(tracks.tolist(), found.tolist(), strict=True):
                common = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
                union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
                together[name, track] = together.get((name, track), 0) + (common / union >= 0.5)
    tracks = [*sorted({track for (_, track), count in together.items() if count}), -1, -2, -3, -4]
    best = max(sum(together.get((name, track), 0) for name, track in enumerate(choice))
               for choice in itertools.permutations(tracks, 4))  # fmt: skip
    boxes_in_all = sum(len(frame[0]) + len(frame[2]) for frame in frames)
    assert score(frames)["IDF1"] == pytest.approx(2 * best / boxes_in_all)


def test_perfect_and_empty():
    perfect = [(ids, box, ids + 3, box) for ids, box, _, _ in clip(0)]
    ours = score(perfect)
    assert ours["MOTA"] == ours["MOTP"] == ours["IDF1"] == 1
    assert ours["switches"] == 0
    assert score([frame({1: 0}, {})])["MOTA"] == 0
    assert score([frame({1: 0}, {7: 90, 8: 70})])["MOTA"] == -2
    assert all(math.isnan(TrackingScore().compute()[name]) for name in ("MOTA", "MOTP", "IDF1"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TrackingScore(0), "iou_threshold must be above 0 and at most 1, not 0"),
        (lambda: score([(*frame({1: 0}, {7: 0})[:3], boxes(5) * -1)]), "track_boxes must be x0, y0, x1, y1"),
        (
            lambda: score([(torch.tensor([1.0]), boxes(0), torch.tensor([1]), boxes(0))]),
            r"ids must be int64 of shape \(1,\), one a box, not a float32",
        ),
        (
            lambda: score([(torch.tensor([1]), boxes(0), torch.tensor([3, 3]), boxes(0, 5))]),
            r"track_ids must name each box of a frame once, not \[3, 3\]",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
