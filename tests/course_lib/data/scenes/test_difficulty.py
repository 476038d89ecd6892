"""Hard enough: a short version of benchmarks/scene_difficulty.py, and bounds that its recorded numbers must keep."""

import json
from pathlib import Path

import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from course_lib.data.scenes import CLASSES, Difficulty, sample_scenes, scene_dataset
from course_lib.data.scenes.datasets import block_generator

ROOT = Path(__file__).resolve().parents[4]


def test_a_linear_classifier_on_pixels_is_far_from_solving_it():
    images, labels = scene_dataset(1280, split="train").tensors
    test_images, test_labels = scene_dataset(512, split="test").tensors
    assert torch.bincount(labels, minlength=10).min() > 80
    model = RidgeClassifier(1e4).fit(images.flatten(1).numpy(), labels.numpy())
    assert model.score(test_images.flatten(1).numpy(), test_labels.numpy()) < 0.35


@pytest.mark.parametrize("cue", ["colour_id", "texture_id"])
def test_a_cue_tied_to_the_class_in_training_is_worth_nothing_in_confounded_scenes(cue):
    level, seen = Difficulty(confound=0.9), {}
    for split in ("train", "val", "confounded"):
        scene = sample_scenes(4000, 16, generator=block_generator(0, split), objects=1, difficulty=level, split=split)
        seen[split] = getattr(scene, cue)[:, 0], scene.class_id[:, 0]
    counts = torch.zeros(9, len(CLASSES)).index_put_(seen["train"], torch.ones(4000), accumulate=True)
    score = {split: (counts.argmax(1)[value] == kind).float().mean().item() for split, (value, kind) in seen.items()}
    assert score["val"] > 0.7
    assert abs(score["confounded"] - 0.1) < 4 * (0.09 / 4000) ** 0.5


def test_recorded_numbers_keep_their_bounds():
    card = json.loads((ROOT / "chapters" / "cards" / "scenes_difficulty.json").read_text())
    assert card["default"]["linear"] < 0.35
    assert 0.80 <= card["default"]["cnn"] <= 0.97
    four_errors = 4 * (0.09 / card["test_images"]) ** 0.5
    for cue in ("colour", "texture"):
        assert abs(card["confound"][f"{cue}_confounded"] - 0.1) < four_errors
    assert card["confound"]["cnn_confounded"] < card["confound"]["cnn_val"]
    assert abs(card["actions"]["frame"] - 1 / 9) < 4 * (8 / 81 / card["test_images"]) ** 0.5
    assert card["actions"]["clip"] > 0.5
