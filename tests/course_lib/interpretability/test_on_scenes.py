"""What maps are worth on the shipped networks: scenes with known boxes, and photographs won back from features."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint
from course_lib.data import photograph
from course_lib.data import scenes as world
from course_lib.interpretability import (
    enlarge,
    grad_cam,
    guided_backprop,
    invert,
    pointing_game,
    randomised,
    rank_correlation,
    replacement_curve,
    saliency,
)
from course_lib.metrics import psnr
from course_lib.networks.backbones import Backbone, SceneNet
from course_lib.ops.filters import gaussian_filter


@pytest.fixture(scope="module")
def judged():
    """The shipped classifier, test scenes that it names correctly, their classes and the subjects' boxes as masks."""
    stream = world.datasets.block_generator(1, "test")
    scene = world.sample_scenes(48, 64, generator=stream, objects=(2, 3), difficulty=0.3, split="test", subject=True)
    drawn, labels = world.render(scene), world.image_class(scene)
    masks = world.visible_masks(scene, drawn)[torch.arange(48), scene.subject]
    model = load_checkpoint("scene_classifier", SceneNet()).requires_grad_(False)
    right = model(drawn.image).argmax(1) == labels
    box = world.mask_boxes(masks[right])[:, :, None, None]
    y, x = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    inside = (x > box[:, 0]) & (x < box[:, 2]) & (y > box[:, 1]) & (y < box[:, 3])
    return model, drawn.image[right], labels[right], inside


def test_grad_cam_points_at_the_subject_far_more_often_than_the_centre_does(judged):
    model, images, labels, inside = judged
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    centre = pointing_game(-(x.square() + y.square()).expand(len(images), 64, 64), inside)
    found = pointing_game(enlarge(grad_cam(model, "block5", images, targets=labels), (64, 64)), inside)
    assert centre < 0.6
    assert found > max(0.9, centre + 0.3)


def test_saliency_beats_a_random_order_in_deletion_and_insertion(judged):
    model, images, labels, _ = judged
    images, labels = images[:10], labels[:10]
    blurred, heat = gaussian_filter(images, 6.0), saliency(model, images, labels)
    chance = torch.rand(heat.shape, generator=generator(0))
    scores = {}
    for name, maps in (("saliency", heat), ("chance", chance)):
        args = [(images[i], blurred[i], maps[i], int(labels[i])) for i in range(10)]
        down = torch.stack(
            [replacement_curve(model, a, b, heat=h, target=c, steps=8).mean() for a, b, h, c in args]
        ).mean()
        up = torch.stack(
            [replacement_curve(model, b, a, heat=h, target=c, steps=8).mean() for a, b, h, c in args]
        ).mean()
        scores[name] = float(down), float(up)
    assert scores["saliency"][0] < scores["chance"][0] - 0.1
    assert scores["saliency"][1] > scores["chance"][1] + 0.1


def test_guided_maps_survive_the_loss_of_the_head_and_grad_cam_does_not(judged):
    model, images, labels, _ = judged
    images, labels = images[:12], labels[:12]
    broken = randomised(model, "head").eval()
    guided = [guided_backprop(m, images, labels).abs().amax(1) for m in (model, broken)]
    cam = [grad_cam(m, "block5", images, targets=labels) for m in (model, broken)]
    assert float(rank_correlation(*guided).mean()) > 0.7
    assert float(rank_correlation(*cam).mean()) < 0.4


def test_inversion_gives_less_back_the_deeper_the_layer():
    model = load_checkpoint("backbone", Backbone()).requires_grad_(False)
    original = photograph("coffee", 32)[None, :, :, 5:37]
    start = 0.5 + 0.02 * torch.randn(1, 3, 32, 32, generator=generator(0))
    stages, found = ["stem", "stage1", "stage2", "stage3"], []
    for k in (1, 3, 4):
        phi = nn.Sequential(model.normalise, *(getattr(model, name) for name in stages[:k]))
        image, errors = invert(phi, phi(original), start, steps=60, rate=0.05, smoothness=0.02)
        assert errors[-1] < 0.5 * errors[0]
        found.append(psnr(image, original))
    assert found[0] > found[1] + 3 > found[2] + 4
