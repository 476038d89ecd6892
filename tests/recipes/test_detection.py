"""The recipe of chapter 10: detectors see the same pictures, scores are true, what is done is not done again."""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
import pytest
import torch

from course_lib.detection.detector import Detector
from recipes import detection
from recipes.common import Run
from recipes.comparison import Known, spread


def run_of(path=None, **flags):
    flags = {"start": "scratch", "steps": 2, "tested": 8, "seeds": 2} | flags
    return Run("try", torch.device("cpu"), 1, path, 0.0, argparse.Namespace(**flags))


def test_all_detectors_see_the_same_pictures_and_none_twice(monkeypatch, same_pictures):
    monkeypatch.setattr(detection, "BATCH", 4)
    seen = same_pictures(detection, detection.MODELS,
                         lambda name: detection.train(run_of(), name, 1e-3, epochs=2, seed=0))  # fmt: skip
    assert seen == 2 * 2 * 4


def test_judging_the_truth_gives_full_marks():
    images, targets = detection.fixed("test", 16)
    rows = {image.sum().item(): target for image, target in zip(images, targets, strict=True)}
    assert min(len(target["boxes"]) for target in targets) >= 1
    assert max(len(target["boxes"]) for target in targets) == detection.OBJECTS[1]

    class Truth(Detector):
        def __init__(self, shift: float):
            super().__init__(detection.K)
            self.shift, self.unused = shift, torch.nn.Parameter(torch.zeros(()))

        def detect(self, images):
            found = [rows[image.sum().item()] for image in images]
            return [{"boxes": t["boxes"] + self.shift, "labels": t["labels"], "scores": torch.ones(len(t["boxes"]))}
                    for t in found]  # fmt: skip

    assert detection.judge(Truth(0.0), "test", 16) == {"AP": 1, "AP50": 1, "AP75": 1, "AR_10": 1}
    moved = detection.judge(Truth(2.5), "test", 16)
    assert moved["AP75"] < moved["AP50"] < 1


def test_tables_keep_all_numbers():
    one = {"boxes": torch.tensor([[1.0, 2, 3, 4]]), "scores": torch.tensor([0.5]), "labels": torch.tensor([7])}
    answers = [one, {name: value[:0] for name, value in one.items()}]
    found = detection.table(answers, 2)
    assert found[0, 0].tolist() == [1, 2, 3, 4, 0.5, 7]
    assert (found[0, 1] == -1).all()
    assert (found[1] == -1).all()


@pytest.mark.parametrize("name", [*detection.MODELS, *detection.WITHOUT])
def test_costs_are_counted_and_hardly_depend_on_the_answer(name):
    macs = detection.multiply_adds(detection.model_of(name, pretrained=False))
    assert 35e6 < macs < 400e6  # the encoder alone has 34 million


def test_the_card_is_written_and_a_second_run_computes_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(detection, "BATCH", 2)
    flags = ["--epochs", "1", "--steps", "1", "--tested", "2", "--seeds", "2", "--start", "scratch"]
    flags += ["--state", str(tmp_path / "try.state"), "--card", str(tmp_path / "card.json"), "--models", "One stage"]
    monkeypatch.setattr(sys, "argv", ["detection", *flags])
    detection.main()
    first = json.loads((tmp_path / "card.json").read_text())
    row = first["rows"]["One stage"]
    rates = sorted(float(rate) for rate in row["rates_tried"])
    assert rates[0] < row["rate"] < rates[-1]
    assert len(row["seeds"]) == 2
    assert set(row["test"]) == {"AP", "AP50", "AP75"}
    assert len(row["seeds"][0]["curve"]["metric"]) == 1
    assert np.load(tmp_path / "card.npz")["One stage"].shape == (detection.SHOWN, 20, 6)

    def never(*args, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr(detection, "train", never)
    detection.main()
    assert json.loads((tmp_path / "card.json").read_text())["rows"] == first["rows"]
    with pytest.raises(ValueError, match="was written with"):
        Known(tmp_path / "try.json", {"start": "pretrained"})


def test_spread():
    assert spread([1.0, 2.0, 3.0]) == {"mean": 2.0, "sd": 1.0}
    assert spread([1.0]) == {"mean": 1.0, "sd": None}
