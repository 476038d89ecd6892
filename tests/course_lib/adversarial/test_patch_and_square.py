"""A patch changes its square alone and works on pictures it has not met; the square attack asks for no gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.adversarial import margins, paste, random_places, square_attack, train_patch
from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.networks.backbones import SceneNet


@pytest.fixture(scope="module")
def trained():
    model = load_checkpoint("scene_classifier", SceneNet(len(CLASSES))).requires_grad_(False)
    images, labels = scene_dataset(64, split="test", difficulty=0.3, seed=5).tensors
    return model, images, labels


def test_a_patch_changes_its_square_and_nothing_else(device):
    images = torch.rand(4, 3, 10, 12, generator=generator(0)).to(device)
    patch = torch.rand(3, 4, 4, generator=generator(1)).to(device)
    places = torch.tensor([[0, 0], [6, 8], [3, 5], [6, 0]], device=device)
    found = paste(images, patch, places)
    for image, made, (top, left) in zip(images, found, places.tolist(), strict=True):
        wanted = image.clone()
        wanted[:, top : top + 4, left : left + 4] = patch
        torch.testing.assert_close(made, wanted, rtol=0, atol=0)


def test_places_reach_both_corners_and_never_leave_the_picture():
    places = random_places(4000, (7, 9), 5, generator=generator(2))
    assert places.amin(0).tolist() == [0, 0]
    assert places.amax(0).tolist() == [2, 4]


def test_a_patch_works_on_pictures_and_places_it_has_not_met(trained):
    model, images, labels = trained
    target = 4
    patch = train_patch(model, images[:32], target, side=20, steps=40, batch=16, generator=generator(0))
    assert 0 <= float(patch.min()) < float(patch.max()) <= 1
    places = random_places(32, (64, 64), 20, generator=generator(9))
    others, kept = images[32:], labels[32:] != target
    called = [(model(paste(others, p, places)).argmax(1) == target)[kept].float().mean() for p in
              (patch, torch.rand(3, 20, 20, generator=generator(3)))]  # fmt: skip
    assert called[0] > called[1] + 0.3


def test_the_square_attack_stays_in_the_cube_and_never_raises_the_margin(trained):
    model, images, labels = trained
    images, labels, eps = images[:8], labels[:8], 24 / 255
    moved, needed = square_attack(model, images, labels, eps=eps, queries=150, generator=generator(0))
    assert float((moved - images).abs().max()) <= eps + 1e-6
    assert 0 <= float(moved.min()) <= float(moved.max()) <= 1
    fooled = margins(model(moved), labels) < 0
    assert torch.equal(needed <= 150, fooled)
    few, _ = square_attack(model, images, labels, eps=eps, queries=1, generator=generator(0))
    assert (margins(model(moved), labels) <= margins(model(few), labels) + 1e-5).all()
    assert fooled.float().mean() > (margins(model(images), labels) < 0).float().mean() + 0.2


def test_it_uses_no_more_than_answers():
    """Scores without any gradient, and a count of how often they were asked."""
    asked = []

    def scores(images):
        asked.append(len(images))
        mean = images.detach().mean(dim=(1, 2, 3))
        return torch.stack([mean, 0.52 - 0 * mean], dim=1)

    images = torch.full((2, 1, 8, 8), 0.55)
    images[1] += 0.4
    moved, needed = square_attack(scores, images, torch.zeros(2, dtype=torch.int64), eps=0.1, queries=400,
                                  generator=generator(1))  # fmt: skip
    assert needed[0] <= 400
    assert needed[1] == 401
    assert sum(asked) == int(needed.clamp(max=400).sum())
    assert float((moved - images).abs().max()) <= 0.1 + 1e-6


def test_errors_speak():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    images = torch.rand(2, 3, 2, 2)
    with pytest.raises(ValueError, match="side must be at most 2, the shorter side of the pictures, not 3"):
        train_patch(flat, images, 0, side=3, generator=generator(0))
    with pytest.raises(ValueError, match="target must hold labels 0 to 2"):
        train_patch(flat, images, 3, side=1, generator=generator(0))
    with pytest.raises(ValueError, match="labels must hold labels 0 to 2"):
        square_attack(flat, images, torch.tensor([0, 3]), eps=0.1, queries=2, generator=generator(0))
