"""The counter equals torch's flop counter, published totals, and what gradients say about receptive fields."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib.architectures import layer_costs, measured_receptive_field, receptive_field, windows
from course_lib.core.seeding import generator
from course_lib.networks import backbones


@pytest.mark.parametrize(
    "build",
    [backbones.AlexNet, backbones.GoogLeNet, backbones.resnet50, backbones.MobileNetV2, backbones.convnext_tiny,
     lambda: nn.Sequential(nn.ConvTranspose2d(3, 8, 4, stride=2, groups=1), nn.Conv2d(8, 4, 3, groups=2))],
    ids=["alexnet", "googlenet", "resnet50", "mobilenet_v2", "convnext_tiny", "transposed and grouped"],
)  # fmt: skip
def test_flops_equal_torch(build):
    model, images = build().eval(), torch.rand(2, 3, 64, 64, generator=generator(0))
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(images)
    assert sum(cost.flops for cost in layer_costs(model, images)) == counter.get_total_flops()


@pytest.mark.parametrize(
    ("build", "billions"),
    [(backbones.AlexNet, 0.71), (backbones.vgg16, 15.47), (backbones.resnet50, 4.09), (backbones.MobileNetV2, 0.30),
     (backbones.convnext_tiny, 4.46), (backbones.densenet121, 2.83)],
    ids=["alexnet", "vgg16", "resnet50", "mobilenet_v2", "convnext_tiny", "densenet121"],
)  # fmt: skip
def test_published_multiply_adds_at_224_pixels(build, billions: float):
    """The papers' totals, here to two places; on the meta device nothing is computed."""
    with torch.device("meta"):
        total = sum(cost.macs for cost in layer_costs(build().eval(), torch.rand(1, 3, 224, 224)))
    assert round(total / 1e9, 2) == billions


def test_lecture_total_for_vgg16_lacks_one_convolution():
    """13.6 billion is what is left of the total without one of the layers that cost 1.85 billion."""
    with torch.device("meta"):
        costs = layer_costs(backbones.vgg16().eval(), torch.rand(1, 3, 224, 224))
    largest = max(cost.macs for cost in costs)
    assert round((sum(cost.macs for cost in costs) - largest) / 1e9, 1) == 13.6
    assert sum(cost.macs == largest for cost in costs) == 6


def test_costs_name_layers_in_order_and_count_parameters():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 5))
    first, second = layer_costs(model, torch.zeros(2, 3, 8, 8))
    assert (first.name, first.kind, first.output, first.parameters) == ("0", "Conv2d", (2, 4, 6, 6), 4 * 27 + 4)
    assert first.macs == 2 * 36 * 4 * 27
    assert (second.name, second.macs, second.flops) == ("3", 2 * 144 * 5, 4 * 144 * 5)


def test_hooks_are_gone_even_after_an_error():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(7, 2))
    with pytest.raises(RuntimeError):
        layer_costs(model, torch.zeros(1, 3, 8, 8))
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("chain", "side", "jump"),
    [([(3, 1, 1), (3, 1, 1)], 5, 1), ([(3, 1, 1)] * 3, 7, 1), ([(3, 1, 1), (2, 2, 1), (3, 1, 1)], 8, 2),
     ([(3, 1, 1), (3, 1, 2), (3, 1, 4)], 15, 1), ([(11, 4, 1), (3, 2, 1), (5, 1, 1)], 51, 8)],
)  # fmt: skip
def test_receptive_field_by_formula_and_by_gradient(chain, side: int, jump: int):
    assert receptive_field(chain) == (side, jump)
    layers = [nn.Conv2d(1, 1, kernel, stride, dilation=dilation, bias=False) for kernel, stride, dilation in chain]
    for layer in layers:
        nn.init.ones_(layer.weight)
    image = torch.rand(1, 1, 120, 120, generator=generator(0))
    assert measured_receptive_field(nn.Sequential(*layers), image) == (side, side)
    assert windows(nn.Sequential(*layers)) == chain


def test_vgg_and_alexnet_see_what_their_windows_say():
    """VGG-16's last pooling sees 212 pixels; AlexNet's 195 (Araujo et al. 2019 give both)."""
    with torch.device("meta"):
        assert receptive_field(windows(backbones.vgg16().features)) == (212, 32)
        assert receptive_field(windows(backbones.AlexNet().features)) == (195, 32)


def test_errors_speak():
    with pytest.raises(ValueError, match="ReLU has no convolution and no linear layer to count"):
        layer_costs(nn.ReLU(), torch.zeros(1))
    with pytest.raises(ValueError, match=r"kernel, stride and dilation must be at least 1, not \(3, 0, 1\)"):
        receptive_field([(3, 0, 1)])
