"""The recipes of chapter 9: no rate is chosen at an edge, all networks see the same pictures, scores are true."""

from __future__ import annotations

import argparse
import json
import math

import numpy as np
import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint, read_card
from course_lib.data.scenes import CATEGORIES, CLASSES, scene_dataset
from course_lib.networks.backbones.scene_encoder import SceneNamer
from recipes import comparison, depth_normals, segmentation, segmentation_encoder
from recipes.common import CARDS, Run


def run_of(**flags):
    flags = {"start": "scratch", "steps": 2, "tested": 8, "seeds": 2} | flags
    return Run("try", torch.device("cpu"), 1, None, 0.0, argparse.Namespace(**flags))


@pytest.mark.parametrize("peak", [2e-3, 1e-4, 3e-2])
def test_a_rate_is_chosen_inside_of_the_grid_which_grows(peak):
    seen = []

    def judge(rate: float) -> float:
        seen.append(rate)
        return -abs(math.log(rate / peak))

    rate, scores = comparison.choose_rate((1e-3, 2e-3, 4e-3), judge)
    assert min(scores) < rate < max(scores)
    assert abs(math.log2(rate / peak)) <= 0.5
    assert sorted(seen) == list(scores)
    assert len(set(seen)) == len(seen)


def test_of_equal_rates_the_middle_one_is_taken_and_endless_growth_is_refused():
    assert comparison.choose_rate((1.0, 2.0, 4.0), lambda rate: 0.5)[0] == 2.0
    with pytest.raises(ValueError, match="is still at the edge"):
        comparison.choose_rate((1.0, 2.0, 4.0), lambda rate: rate)


def test_all_networks_see_the_same_pictures_and_none_twice(monkeypatch, same_pictures):
    monkeypatch.setattr(segmentation, "BATCH", 4)
    seen = same_pictures(segmentation, ("FCN-32s", "HRNet"),
                         lambda name: segmentation.train(run_of(), name, 1e-3, epochs=2, seed=0))  # fmt: skip
    assert seen == 2 * 2 * 4


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


def test_what_is_known_is_not_trained_again(monkeypatch, tmp_path):
    trained = []
    real = segmentation.train

    def counted(run, name, rate, **options):
        trained.append((name, rate, options["seed"]))
        return real(run, name, rate, **options)

    monkeypatch.setattr(segmentation, "BATCH", 2)
    monkeypatch.setattr(segmentation, "train", counted)
    monkeypatch.setattr(comparison, "choose_rate", lambda rates, judge: (rates[1], {r: judge(r) for r in rates[:2]}))
    known = comparison.Known(tmp_path / "known.json", {"steps": 2})
    row = segmentation.rows_of(run_of(), "FCN-32s", known)
    assert len(trained) == 4  # two rates, two seeds
    assert len(json.loads((tmp_path / "known.json").read_text())) == 1 + 4
    assert row["miou"] == pytest.approx(sum(found["test"]["miou"] for found in row["seeds"]) / 2, abs=1e-4)
    again = comparison.Known(tmp_path / "known.json", {"steps": 2})  # as after an interruption
    assert segmentation.rows_of(run_of(), "FCN-32s", again) == row
    assert len(trained) == 4
    with pytest.raises(ValueError, match="was written with"):
        comparison.Known(tmp_path / "known.json", {"steps": 3})


def test_the_shipped_network_scores_what_its_card_says():
    card = read_card("scene_segmenter")
    model = load_checkpoint("scene_segmenter", segmentation.model_of(segmentation.SHIPPED, pretrained=False))
    found = segmentation.judge(model, "test", segmentation.TESTED)
    for score in ("miou", "boundary_f", "pixel_accuracy"):
        assert found[score] == pytest.approx(card[score], abs=0.003), score


def test_the_table_keeps_its_promises():
    card = json.loads((CARDS / "09_segmentation.json").read_text())
    assert list(card["rows"]) == list(segmentation.MODELS)
    answers = np.load(CARDS / "09_segmentation.npz")
    for name, row in card["rows"].items():
        tried = sorted(float(rate) for rate in row["rates_tried"])
        assert tried[0] < row["rate"] < tried[-1], name
        assert len(row["seeds"]) == segmentation.SEEDS
        assert answers[name].shape == (segmentation.SHOWN, segmentation.SIZE, segmentation.SIZE)


def test_the_encoders_card_holds():
    card, model = read_card("scene_encoder"), load_checkpoint("scene_encoder", SceneNamer(len(CLASSES)))
    assert segmentation_encoder.score(model, "test") == pytest.approx(card["accuracy"], abs=0.003)
    assert segmentation_encoder.score(model, "heldout") == pytest.approx(card["accuracy_heldout"], abs=0.003)


def test_the_shipped_depth_scores_what_its_card_says():
    card, model = read_card("depth_normals"), load_checkpoint("depth_normals", depth_normals.model_of(pretrained=False))
    found = depth_normals.judge(model, "test")
    assert found["delta_1"] == pytest.approx(card["delta_1"], abs=0.005)
    assert found["objects_angle_mean"] == pytest.approx(card["objects_angle_mean"], abs=0.3)


def test_answers_without_looking_are_worse_on_objects_and_a_perfect_one_is_perfect():
    truth = depth_normals.fixed("test", samples=32)
    perfect = depth_normals.scores(truth[1].clamp(max=100), truth[2], truth)
    assert (perfect["rmse"], perfect["delta_1"], perfect["objects_delta_1"]) == (0, 1, 1)
    assert perfect["objects_angle_mean"] == pytest.approx(0, abs=1e-3)
    for found in depth_normals.without_looking().values():
        assert found["objects_delta_1"] < found["delta_1"]
        assert found["objects_angle_mean"] > 3 * found["angle_mean"]


def test_a_small_run_writes_card_and_answers(monkeypatch, tmp_path):
    monkeypatch.setattr(segmentation, "BATCH", 2)
    monkeypatch.setattr(segmentation, "SHOWN", 4)
    monkeypatch.setattr(segmentation, "RATES", (1e-4, 1e-3, 1e-2))
    monkeypatch.setattr(comparison, "choose_rate", lambda rates, judge: (rates[1], {r: judge(r) for r in rates}))
    monkeypatch.setattr(segmentation, "ship", lambda *args, **words: pytest.fail("FCN-32s is not shipped"))
    flags = ["--models", "FCN-32s", "--seeds", "1", "--steps", "1", "--epochs", "1", "--tested", "4"]
    flags += ["--card", str(tmp_path / "card.json"), "--state", str(tmp_path / "state")]
    monkeypatch.setattr("sys.argv", ["segmentation", *flags])
    segmentation.main()
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["rows"]["FCN-32s"]["miou_sd"] is None
    answers = np.load(tmp_path / "card.npz")["FCN-32s"]
    assert answers.shape == (4, 64, 64)
    assert answers.max() < len(CATEGORIES)
    truth = scene_dataset(4, ("semantic",), 64, split="test", difficulty=0.3).tensors[0].numpy()
    assert (answers != truth).mean() > 0.05  # two pictures teach nothing: what is kept is no copy of the truth


def test_a_small_run_of_depth_writes_a_card_that_goes_on_where_it_was(monkeypatch, tmp_path):
    shipped = []
    monkeypatch.setattr(depth_normals, "BATCH", 2)
    monkeypatch.setattr(depth_normals, "TESTED", 8)
    monkeypatch.setattr(depth_normals, "fixed", lambda split, solids=depth_normals.SEEN: depth_normals.draw(
        8, generator(3), solids))  # fmt: skip
    monkeypatch.setattr(depth_normals, "CARDS", tmp_path)
    monkeypatch.setattr(depth_normals, "without_looking", dict)
    monkeypatch.setattr(depth_normals, "ship", lambda run, *_, **words: shipped.append((run.name, words["rate"])))
    monkeypatch.setattr(comparison, "choose_rate", lambda rates, judge: (rates[1], {r: judge(r) for r in rates}))
    flags = ["--seeds", "2", "--steps", "1", "--epochs", "1", "--state", str(tmp_path / "state")]
    monkeypatch.setattr("sys.argv", ["depth_normals", *flags])
    depth_normals.main()
    card = json.loads((tmp_path / "09_depth_normals.json").read_text())
    assert shipped == [("depth_normals", depth_normals.RATES[1])]
    both = [seed["test"]["rmse"] for seed in card["seeds"]]
    assert card["mean"]["rmse"] == pytest.approx(sum(both) / 2, abs=1e-4)
    assert card["sd"]["rmse"] == pytest.approx(abs(both[0] - both[1]) / 2**0.5, abs=1e-4)
    assert min(card["log_rmse_by_rate"].values()) > 0
    monkeypatch.setattr(depth_normals, "train", lambda *_, **__: pytest.fail("nothing is trained twice"))
    depth_normals.main()
    assert json.loads((tmp_path / "09_depth_normals.json").read_text()) == card


@pytest.mark.parametrize("begin", ["frozen", "frozen-quiet", "quiet", "pretrained"])
def test_a_start_freezes_and_shrinks_what_it_says(monkeypatch, begin):
    monkeypatch.setattr(segmentation, "BATCH", 2)
    first = segmentation.model_of("U-Net", pretrained=True).encoder.stem[0].weight.detach()
    model, _ = segmentation.train(run_of(start=begin), "U-Net", 1e-3, epochs=1, seed=0)
    assert torch.equal(model.encoder.stem[0].weight, first) == ("frozen" in begin)
    size = float(model.head.weight.detach().std())
    assert (size < 0.05) == ("quiet" in begin), size
