"""The recipe of key points in miniature: judging the truth gives full marks, and training sees no picture twice."""

from __future__ import annotations

import argparse

import torch

from course_lib.instances.grouping import distance_scores, join_limbs
from recipes import pose
from recipes.common import Run


def run_of(**flags) -> Run:
    return Run("try", torch.device("cpu"), 1, None, 0.0, argparse.Namespace(**{"steps": 2, "tested": 8} | flags))


class Truth(torch.nn.Module):
    """Answers with the true points, moved."""

    def __init__(self, points: torch.Tensor, shift: float = 0.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.points = points[:, 0, :, :2] + shift

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.points


def test_the_truth_gets_full_marks_and_swapped_sides_are_noticed():
    points = pose.fixed("test", 16, 1)[1]
    best = pose.pck(Truth(points), "test", 16)
    assert best["PCK"] == best["PCK_half"] == 1.0
    assert best["swapped"] == best["median_error"] == 0.0
    assert pose.pck(Truth(points, 30.0), "test", 16)["PCK"] == 0.0
    mirrored = pose.pck(Truth(points[:, :, pose.MIRROR]), "test", 16)
    assert mirrored["swapped"] > 0.5
    assert abs(mirrored["PCK"] + mirrored["swapped"] - 1) < 0.05


def test_limbs_are_counted_as_a_loop_counts_them():
    points = pose.fixed("test", 16, (2, 3))[1][0]
    peaks, number = pose.true_peaks(points)
    own = [[(int(number[m, a]), int(number[m, b])) for m in range(len(points)) if number[m, a] >= 0 <= number[m, b]]
           for a, b in pose.LIMBS]  # fmt: skip
    right = pose.right_limbs(own, number, points)
    assert len(right) == sum(map(len, own))
    assert right[:, 0].all()
    none = pose.right_limbs([[] for _ in own], number, points)
    assert not none[:, 0].any()
    assert torch.equal(none[:, 1], right[:, 1])
    nearest = join_limbs(distance_scores(peaks), -1e3)
    lost = pose.right_limbs(nearest, number, points)
    assert torch.equal(pose.claimed_peaks(peaks, points) >= 0, number >= 0)
    assert not lost[lost[:, 1], 0].all() or not lost[:, 1].any()


def test_training_sees_no_picture_twice(monkeypatch):
    seen = []
    drawn = pose.block

    def block(count, *rest):
        images, points = drawn(4, *rest)
        seen.append(images)
        return images, points

    monkeypatch.setattr(pose, "block", block)
    monkeypatch.setattr(pose, "pck", lambda *_: {"PCK": 0.0})
    model, history = pose.train(run_of(), "heat maps and fields", 1e-3, epochs=2, steps=2, seed=0)
    pictures = torch.cat(seen)
    assert len(pictures.flatten(1).unique(dim=0)) == len(pictures) == 16
    assert len(history.metric) == 2
    assert pose.answers(model, pictures[:2]).shape == (2, 37, 32, 32)
