"""Integrated gradients share out the whole score; occlusion is what covering each square by hand gives."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.interpretability import integrated_gradients, occlusion_map, score_gradient
from course_lib.networks.backbones import SceneNet


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(2)
    made = SceneNet(5).double().eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, std=0.3)  # else a path to middle grey crosses no corner of any ReLU
    return made


IMAGES = torch.rand(3, 3, 24, 32, generator=generator(1), dtype=torch.float64)
CLASSES = torch.tensor([4, 0, 2])


def test_the_shares_add_up_to_the_score_above_the_baseline(model):
    nothing = torch.full_like(IMAGES, 0.5)
    with torch.no_grad():
        wanted = (model(IMAGES) - model(nothing))[range(3), CLASSES]
    found = integrated_gradients(model, IMAGES, nothing, targets=CLASSES, steps=600).sum(dim=(1, 2, 3))
    coarse = integrated_gradients(model, IMAGES, nothing, targets=CLASSES, steps=4).sum(dim=(1, 2, 3))
    assert float((found - wanted).abs().max()) < 0.01 * float(wanted.abs().max())
    assert float((found - wanted).abs().max()) < float((coarse - wanted).abs().max())


def test_of_a_linear_model_it_is_weight_times_change_whatever_the_steps(device, dtype):
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(12, 4)).to(device, dtype)
    images = torch.rand(2, 3, 2, 2, generator=generator(3)).to(device, dtype)
    found = integrated_gradients(linear, images, torch.zeros_like(images), targets=None, steps=1)
    weight = linear[1].weight[linear(images).argmax(1)].view(2, 3, 2, 2).detach()
    torch.testing.assert_close(found, weight * images)
    torch.testing.assert_close(found, score_gradient(linear, images, None) * images)


def test_what_equals_the_baseline_gets_nothing(model):
    nothing = IMAGES.clone()
    nothing[:, :, :12] = 0.25
    found = integrated_gradients(model, IMAGES, nothing, targets=CLASSES, steps=3)
    assert found[:, :, 12:].abs().max() == 0
    assert found[:, :, :12].abs().max() > 0


@pytest.mark.parametrize(("side", "stride"), [(8, 8), (5, 3)])
def test_occlusion_equals_covering_each_square_by_hand(model, side, stride):
    found = occlusion_map(model, IMAGES, 0.4, side=side, stride=stride, targets=CLASSES)
    tops, lefts = range(0, 24 - side + 1, stride), range(0, 32 - side + 1, stride)
    assert found.shape == (3, len(tops), len(lefts))
    for i in range(3):
        for r, top in enumerate(tops):
            for q, left in enumerate(lefts):
                covered = IMAGES[i : i + 1].clone()
                covered[:, :, top : top + side, left : left + side] = 0.4
                with torch.no_grad():
                    fall = (model(IMAGES[i : i + 1]) - model(covered))[0, CLASSES[i]]
                assert float(found[i, r, q]) == pytest.approx(float(fall), abs=1e-9)


def test_covering_with_the_picture_itself_costs_nothing_and_leaves_it_alone(model):
    before = IMAGES.clone()
    assert occlusion_map(model, IMAGES, IMAGES, targets=CLASSES).abs().max() < 1e-12
    assert torch.equal(IMAGES, before)


def test_errors_speak(model):
    with pytest.raises(
        ValueError, match=r"baseline must have the images' shape \(3, 3, 24, 32\), not \(3, 3, 24, 31\)"
    ):
        integrated_gradients(model, IMAGES, IMAGES[..., :31])
    with pytest.raises(ValueError, match="side must be at most 24, the shorter side of the images, not 25"):
        occlusion_map(model, IMAGES, side=25)
