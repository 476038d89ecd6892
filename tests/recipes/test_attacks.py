"""What attacks take from chapter 7's networks: the card says it, and drawn scenes and shipped weights repeat it."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
import torch

from course_lib.adversarial.attacks import fgsm
from course_lib.core.weights import FOLDER, load_checkpoint, read_card
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.metrics import accuracy
from course_lib.networks.backbones import SceneNet
from recipes import attacks, robust_scenes
from recipes.scene_classifier import LEVEL


@pytest.fixture(scope="module")
def networks():
    return json.loads(attacks.CARD.read_text())["networks"]


@pytest.mark.parametrize("name", ["scene_classifier", "robust_scenes"])
def test_one_step_takes_what_the_card_says(networks, name):
    images, labels = scene_dataset(attacks.COUNT[name], split="test", difficulty=LEVEL).tensors
    model = load_checkpoint(name, SceneNet(len(CLASSES))).requires_grad_(False)
    moved = torch.cat([fgsm(model, x, y, eps=4 / 255) for x, y in zip(images.split(64), labels.split(64), strict=True)])
    with torch.no_grad():
        clean, attacked = (accuracy(model(x).argmax(1), labels) for x in (images, moved))
    assert clean == pytest.approx(networks[name]["clean"], abs=0.01)
    assert attacked == pytest.approx(networks[name]["fgsm"][attacks.RADII.index(4.0)], abs=0.02)


def test_stronger_attacks_and_larger_balls_leave_less(networks):
    for found in networks.values():
        for kind in ("fgsm", "pgd"):
            assert all(a >= b - 0.02 for a, b in pairwise(found[kind]))
        rows = zip(found["pgd"], found["fgsm"], found["random"], strict=True)
        assert all(p <= f + 0.01 <= r + 0.02 for p, f, r in rows)
        assert found["pgd"][-1] < 0.6 * found["clean"] or found is networks["robust_scenes"]
    assert networks["robust_scenes"]["deepfool_median"] > 1.8 * networks["scene_classifier"]["deepfool_median"]


def test_training_on_attacks_was_worth_it(networks):
    card, at = read_card("robust_scenes"), attacks.RADII.index(2.0)
    assert card["parameters"] == read_card("scene_classifier")["parameters"]
    assert card["under_attack"] > card["before"]["under_attack"] + 0.3
    assert networks["robust_scenes"]["pgd"][at] > networks["scene_classifier"]["pgd"][at] + 0.3
    assert card["under_attack"] == pytest.approx(networks["robust_scenes"]["pgd"][at], abs=0.08)  # other scenes, steps
    assert (FOLDER / f"{robust_scenes.NAME}.safetensors").stat().st_size <= 500_000
