"""CAM is the score before it is averaged, and Grad-CAM is CAM on a network with global average pooling."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.core.seeding import generator
from course_lib.interpretability import class_activation_map, enlarge, grad_cam, guided_backprop, guided_grad_cam
from course_lib.networks.backbones import SceneNet


def network_and_images(device="cpu"):
    torch.manual_seed(3)
    model = SceneNet(6)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
    return model.eval().to(device), torch.rand(4, 3, 32, 40, generator=generator(2)).to(device)


def test_cam_averages_to_the_score():
    model, images = network_and_images()
    classes = torch.tensor([0, 5, 2, 2])
    cam = class_activation_map(model.maps(images), model.head.weight, classes)
    assert cam.shape == (4, 4, 5)
    wanted = model(images)[range(4), classes] - model.head.bias[classes]
    torch.testing.assert_close(cam.mean(dim=(1, 2)), wanted, rtol=1e-5, atol=1e-6)


def test_grad_cam_is_cam_over_places_cut_off_at_zero(device):
    model, images = network_and_images(device)
    classes = torch.tensor([0, 5, 2, 2], device=device)
    cam = class_activation_map(model.maps(images), model.head.weight, classes).detach()
    heat = grad_cam(model, "block5", images, targets=classes)
    assert heat.device.type == device.type
    assert (cam > 0).any()
    assert (cam < 0).any()
    torch.testing.assert_close(heat * 4 * 5, cam.relu(), rtol=1e-5, atol=1e-5)


def test_grad_cam_by_definition_at_an_inner_layer():
    model, images = network_and_images()
    heat = grad_cam(model, "block3", images)
    for i in range(4):
        x = model.block3(model.block2(model.block1(2 * images[i : i + 1] - 1)))
        x = x.detach().requires_grad_()
        logits = model.head(model.block5(model.block4(x)).mean(dim=(2, 3)))
        logits.max().backward()
        alpha = x.grad.mean(dim=(2, 3))[0]
        wanted = sum(a * m for a, m in zip(alpha, x.detach()[0], strict=True)).relu()
        torch.testing.assert_close(heat[i], wanted, rtol=1e-4, atol=1e-6)


def test_guided_grad_cam_is_the_product():
    model, images = network_and_images()
    classes = torch.tensor([1, 1, 0, 3])
    heat = F.interpolate(grad_cam(model, "block5", images, targets=classes)[:, None], size=(32, 40), mode="bilinear")
    wanted = guided_backprop(model, images, classes) * heat
    torch.testing.assert_close(guided_grad_cam(model, "block5", images, targets=classes), wanted)


def test_enlarging_keeps_a_constant_and_the_mean_place():
    maps = torch.zeros(1, 4, 4)
    maps[0, 1, 2] = 1
    large = enlarge(maps, (16, 16))[0]
    y, x = (large.sum(dim=d) @ torch.arange(16.0) / large.sum() for d in (1, 0))
    assert (float(y), float(x)) == pytest.approx((1.5 * 4 - 0.5, 2.5 * 4 - 0.5), abs=1e-5)
    torch.testing.assert_close(enlarge(torch.full((1, 3, 3), 2.0), (7, 9)), torch.full((1, 7, 9), 2.0))


def test_grad_cam_leaves_no_hooks_and_needs_no_trainable_weights():
    model, images = network_and_images()
    wanted = grad_cam(model, "block4", images)
    model.requires_grad_(False)
    with torch.no_grad():
        torch.testing.assert_close(grad_cam(model, "block4", images), wanted, rtol=0, atol=0)
    assert not any(module._forward_hooks for module in model.modules())


def test_errors_speak():
    model, images = network_and_images()
    with pytest.raises(ValueError, match=r"layer 'head' must return maps \(B, D, H, W\), not shape \(4, 6\)"):
        grad_cam(model, "head", images)
    with pytest.raises(ValueError, match="there is no layer 'block9'"):
        grad_cam(model, "block9", images)
    with pytest.raises(ValueError, match="targets must hold labels 0 to 5"):
        class_activation_map(model.maps(images), model.head.weight, torch.tensor([0, 1, 2, 6]))
    with pytest.raises(ValueError, match="weight has D = 95 but maps has D = 96"):
        class_activation_map(model.maps(images), model.head.weight[:, 1:], torch.tensor([0, 1, 2, 3]))
    with pytest.raises(ValueError, match=r"images must be a floating-point tensor of shape \(B, 3, H, W\)"):
        model(torch.rand(2, 1, 32, 32))


def in_place(flag: bool) -> nn.Sequential:
    torch.manual_seed(4)
    parts = [
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(inplace=flag),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    ]
    return nn.Sequential(*parts).eval()


def test_a_relu_in_place_behind_the_layer_changes_nothing():
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    maps = [grad_cam(in_place(flag), "0", images) for flag in (False, True)]
    torch.testing.assert_close(*maps)
    assert maps[0].max() > 0


class Unused(nn.Module):
    """A layer that never runs, one that returns two tensors, and one whose result is thrown away."""

    def __init__(self):
        super().__init__()
        self.main, self.idle, self.aside = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)
        self.two = nn.LSTM(2, 2, batch_first=True)

    def forward(self, images):
        self.aside(images)
        features = self.main(images).mean((2, 3))
        return self.two(features[:, None])[0][:, 0]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("idle", "layer 'idle' did not run for these images"),
        ("two", "layer 'two' must return one tensor to be recorded, not a tuple of length 2"),
        ("aside", "the scores do not depend on layer 'aside'"),
    ],
)
def test_a_layer_without_usable_maps_is_said_in_one_line(layer, message):
    with pytest.raises(ValueError, match=message) as error:
        grad_cam(Unused(), layer, torch.ones(1, 3, 4, 4))
    assert "\n" not in str(error.value)
