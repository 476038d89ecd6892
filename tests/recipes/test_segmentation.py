"""The recipes of chapter 9: no rate is chosen at an edge, all networks see the same pictures, scores are true."""

from __future__ import annotations

import argparse
import math

import pytest
import torch

from course_lib.data.scenes import CATEGORIES, scene_dataset
from recipes import segmentation, segmentation_encoder
from recipes.common import Run


def run_of(**flags):
    flags = {"start": "scratch", "steps": 2, "tested": 8, "seeds": 2} | flags
    return Run("try", torch.device("cpu"), 1, None, 0.0, argparse.Namespace(**flags))


@pytest.mark.parametrize("peak", [2e-3, 1e-4, 3e-2])
def test_a_rate_is_chosen_inside_of_the_grid_which_grows(peak):
    seen = []

    def judge(rate: float) -> float:
        seen.append(rate)
        return -abs(math.log(rate / peak))

    rate, scores = segmentation_encoder.choose_rate((1e-3, 2e-3, 4e-3), judge)
    assert min(scores) < rate < max(scores)
    assert abs(math.log2(rate / peak)) <= 0.5
    assert sorted(seen) == list(scores)
    assert len(set(seen)) == len(seen)


def test_of_equal_rates_the_middle_one_is_taken_and_endless_growth_is_refused():
    assert segmentation_encoder.choose_rate((1.0, 2.0, 4.0), lambda rate: 0.5)[0] == 2.0
    with pytest.raises(ValueError, match="is still at the edge"):
        segmentation_encoder.choose_rate((1.0, 2.0, 4.0), lambda rate: rate)


def test_all_networks_see_the_same_pictures_and_none_twice(monkeypatch):
    seen: dict[str, list[torch.Tensor]] = {}
    drawn = segmentation.scene_block

    def watch(name):
        def block(*args, **options):
            values = drawn(*args, **options)
            seen.setdefault(name, []).append(values[0])
            return values

        return block

    monkeypatch.setattr(segmentation, "BATCH", 4)
    for name in ("FCN-32s", "HRNet"):
        monkeypatch.setattr(segmentation, "scene_block", watch(name))
        segmentation.train(run_of(), name, 1e-3, epochs=2, seed=0)
    first, second = (torch.cat(seen[name]) for name in ("FCN-32s", "HRNet"))
    assert len(first) == 2 * 2 * 4
    assert torch.equal(first, second)
    assert len(first.flatten(1).unique(dim=0)) == len(first)


def test_judging_the_truth_gives_full_marks_and_a_constant_gives_few():
    images, target = scene_dataset(16, ("image", "semantic"), 64, split="test", difficulty=0.3).tensors
    rows = {image.sum().item(): labels for image, labels in zip(images, target, strict=True)}

    class Truth(torch.nn.Module):
        def __init__(self, known: bool):
            super().__init__()
            self.known, self.unused = known, torch.nn.Parameter(torch.zeros(()))

        def forward(self, part):
            labels = torch.stack([rows[image.sum().item()] for image in part])
            guess = labels if self.known else torch.full_like(labels, len(CATEGORIES) - 1)
            return torch.nn.functional.one_hot(guess, len(CATEGORIES)).movedim(3, 1).float()

    found = segmentation.judge(Truth(True), "test", 16)
    assert (found["miou"], found["boundary_f"], found["pixel_accuracy"]) == (1, 1, 1)
    assert found["iou"][CATEGORIES.index("person")] is None
    poor = segmentation.judge(Truth(False), "test", 16)
    assert poor["miou"] < 0.1
    assert poor["boundary_f"] < 0.4


def test_what_is_known_is_not_trained_again(monkeypatch):
    known, kept, trained = {}, [], []
    real = segmentation.train

    def counted(run, name, rate, **options):
        trained.append((name, rate, options["seed"]))
        return real(run, name, rate, **options)

    monkeypatch.setattr(segmentation, "BATCH", 2)
    monkeypatch.setattr(segmentation, "train", counted)
    monkeypatch.setattr(segmentation, "choose_rate", lambda rates, judge: (rates[1], {r: judge(r) for r in rates[:2]}))
    row = segmentation.rows_of(run_of(), "FCN-32s", known, lambda: kept.append(len(known)))
    assert len(trained) == 4  # two rates, two seeds
    assert kept == [1, 2, 3, 4]
    assert row["miou"] == pytest.approx(sum(found["test"]["miou"] for found in row["seeds"]) / 2, abs=1e-4)
    assert segmentation.rows_of(run_of(), "FCN-32s", known, lambda: None) == row
    assert len(trained) == 4
