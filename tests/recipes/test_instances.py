"""The recipe of chapter 11's first part: both mask heads see the same pictures, and the truth is judged as such."""

from __future__ import annotations

import argparse
import json
import sys

import torch

from recipes import instances
from recipes.common import Run


def run_of(**flags):
    flags = {"start": "scratch", "steps": 2, "tested": 4, "seeds": 2} | flags
    return Run("try", torch.device("cpu"), 1, None, 0.0, argparse.Namespace(**flags))


def test_both_heads_see_the_same_pictures_and_none_twice(monkeypatch, same_pictures):
    monkeypatch.setattr(instances, "BATCH", 4)
    seen = same_pictures(instances, instances.MODELS,
                         lambda name: instances.train(run_of(), name, 1e-3, epochs=2, seed=0))  # fmt: skip
    assert seen == 2 * 2 * 4


def test_the_truth_gets_full_marks_and_lies_in_order():
    images, targets, truth = instances.fixed("test", 24)
    assert images.shape == (24, 3, 64, 64)
    answers = [instances.truth_as_answer(t) | {"boxes": t["boxes"], "semantic": t["semantic"]} for t in targets]
    scores = instances.scores_of(answers, targets)
    assert scores == {kind: {"AP": 1, "AP50": 1, "AP75": 1} for kind in ("masks", "boxes")}
    maps = instances.panoptics(answers, targets)
    for key in ("network", "true order", "true instances", "true semantic map"):
        assert instances.quality_of(maps[key], truth)["things"] == {"PQ": 1, "SQ": 1, "RQ": 1}
    _, crowd, crowd_truth = instances.crowded(11)
    assert [t["labels"].unique().tolist() for t in crowd] == [[k] for k in range(10) for _ in range(2)]
    given = [instances.truth_as_answer(t) | {"semantic": t["semantic"]} for t in crowd]
    pieces = instances.panoptics(given, crowd)["true semantic map alone"]
    assert instances.quality_of(pieces, crowd_truth)["things"]["PQ"] < 0.95, "two that touch are one piece"
    assert instances.disputes(answers, targets)["pairs"] == 0, "visible masks do not overlap"


def test_disputes_are_won_by_the_nearer_or_not():
    target = {"masks": torch.zeros(2, 10, 10, dtype=torch.bool), "labels": torch.tensor([0, 1])}
    target["masks"][0, :, :5] = target["masks"][1, :, 5:] = True
    masks = target["masks"].clone()
    masks[0, :, 5:6] = True  # the first, which is behind, claims a column of the second
    answer = {"masks": masks, "labels": target["labels"], "scores": torch.tensor([0.9, 0.8])}
    assert instances.disputes([answer], [target]) == {"pairs": 1, "nearer": 0, "pixels": 10, "pixels_right": 0}
    turned = {name: value.flip(0) for name, value in answer.items()}
    assert instances.disputes([turned], [target]) == {"pairs": 1, "nearer": 1, "pixels": 10, "pixels_right": 10}
    assert instances.by_depth(answer, target)["labels"].tolist() == [1, 0]


def test_the_card_is_written_and_a_second_run_computes_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(instances, "BATCH", 2)
    flags = ["--epochs", "1", "--steps", "1", "--tested", "2", "--seeds", "2", "--start", "scratch"]
    flags += ["--state", str(tmp_path / "try.state"), "--card", str(tmp_path / "card.json")]
    monkeypatch.setattr(sys, "argv", ["instances", *flags])
    instances.main()
    rows = json.loads((tmp_path / "card.json").read_text())["rows"]
    assert set(rows) == set(instances.MODELS)
    assert rows["RoIAlign"]["test"]["masks"]["AP"].keys() == {"mean", "sd"}

    def never(*args, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr(instances, "train", never)
    instances.main()
    assert json.loads((tmp_path / "card.json").read_text())["rows"] == rows
