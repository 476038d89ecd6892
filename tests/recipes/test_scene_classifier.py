"""The shipped classifier of scenes reaches what its card says, on freshly drawn scenes."""

from __future__ import annotations

import torch

from course_lib.core.weights import FOLDER, load_checkpoint, read_card
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.networks.backbones import SceneNet
from recipes import scene_classifier as recipe


def test_the_card_holds():
    card, model = read_card("scene_classifier"), load_checkpoint("scene_classifier", SceneNet())
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    assert card["accuracy"] > 0.85
    found = recipe.score(model, *scene_dataset(recipe.TEST, split="test", difficulty=recipe.LEVEL).tensors)
    assert abs(found - card["accuracy"]) < 0.004
    assert (FOLDER / "scene_classifier.safetensors").stat().st_size <= 500_000


def test_switching_to_averages_keeps_the_size_of_the_logits():
    torch.manual_seed(0)
    model = SceneNet(len(CLASSES)).eval()
    images = torch.rand(16, 3, 32, 32)
    before = model.maps(images).amax(dim=(2, 3)) @ model.head.weight.T
    recipe.to_averages(model, images)
    after = model.maps(images).mean(dim=(2, 3)) @ model.head.weight.T
    assert 0.5 < float(after.norm() / before.norm()) < 2
