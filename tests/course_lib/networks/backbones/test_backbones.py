"""The architectures equal torchvision's: same names, same outputs, same gradients, and the published sizes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torchvision.models as tv
from torch import nn

from course_lib import architectures
from course_lib.core.seeding import generator
from course_lib.networks import backbones

PAIRS: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module]]] = {
    "alexnet": (backbones.AlexNet, tv.alexnet),
    "vgg19_bn": (lambda: backbones.vgg19(batch_norm=True), tv.vgg19_bn),
    "googlenet": (backbones.GoogLeNet, lambda: tv.googlenet(init_weights=False)),
    "resnet18": (backbones.resnet18, tv.resnet18),
    "resnet50": (backbones.resnet50, tv.resnet50),
    "dilated_resnet50": (
        lambda: backbones.resnet50(replace_stride_with_dilation=(False, True, True)),
        lambda: tv.resnet50(replace_stride_with_dilation=[False, True, True]),
    ),
    "group_norm_resnet50": (
        lambda: backbones.resnet50(norm=lambda channels: nn.GroupNorm(32, channels)),
        lambda: tv.resnet50(norm_layer=lambda channels: nn.GroupNorm(32, channels)),
    ),
    "densenet121": (backbones.densenet121, tv.densenet121),
    "mobilenet_v2": (backbones.MobileNetV2, tv.mobilenet_v2),
    "convnext_tiny": (backbones.convnext_tiny, tv.convnext_tiny),
}
# Parameters as published, in millions, to the precision of the source (papers' tables, or the authors' code).
PUBLISHED = {
    "alexnet": (61.1, PAIRS["alexnet"][0]),
    "vgg16": (138.4, backbones.vgg16),
    "resnet18": (11.7, PAIRS["resnet18"][0]),
    "resnet50": (25.6, PAIRS["resnet50"][0]),
    "resnet152": (60.2, backbones.resnet152),
    "densenet121": (8.0, PAIRS["densenet121"][0]),
    "densenet264": (33.3, backbones.densenet264),
    "mobilenet_v2": (3.5, PAIRS["mobilenet_v2"][0]),
    "se_resnet50": (28.1, backbones.se_resnet50),
    "hrnet_w48": (65.9, backbones.hrnet_w48),
    "convnext_tiny": (28.6, PAIRS["convnext_tiny"][0]),
}


@pytest.mark.parametrize("name", PAIRS)
def test_equal_to_torchvision(name: str):
    """Random weights with moved norms, loaded strictly; outputs and the gradients of input and first layer agree."""
    theirs = PAIRS[name][1]()
    with torch.device("meta"):  # weights that nobody uses need not be drawn
        ours = PAIRS[name][0]()
    stream = generator(3)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=stream)
            module.running_var.uniform_(0.5, 1.5, generator=stream)
    weights = {key: value.clone() for key, value in theirs.state_dict().items()}
    ours.load_state_dict(weights, strict=True, assign=True)
    images = torch.rand(2, 3, 64, 64, generator=stream)
    results = []
    for model in (ours.eval(), theirs.eval()):
        pixels = images.clone().requires_grad_()
        logits = model(pixels)
        (logits * torch.linspace(-1, 1, logits.shape[1])).sum().backward()
        results.append((logits.detach(), pixels.grad, next(iter(model.parameters())).grad))
    for mine, reference in zip(*results, strict=True):
        scale = float(reference.abs().max())
        assert scale > 0
        torch.testing.assert_close(mine / scale, reference / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_size(name: str):
    millions, build = PUBLISHED[name]
    with torch.device("meta"):
        count = architectures.parameter_count(build())
    assert round(count / 1e6, 1) == millions


def test_dilation_adds_places_and_leaves_the_others_as_they_were():
    """Basic blocks, which torchvision cannot dilate; the bottlenecks equal torchvision's above."""
    options = {"replace_stride_with_dilation": (False, True, True)}
    plain, dense = backbones.resnet18(), backbones.resnet18(**options)
    dense.load_state_dict(plain.state_dict(), strict=True)
    images = torch.rand(1, 3, 64, 96, generator=generator(0))
    shapes, maps = [], []
    for model in (plain.eval(), dense.eval()):
        x = model.maxpool(model.relu(model.bn1(model.conv1(images))))
        for layer in (model.layer1, model.layer2, model.layer3, model.layer4):
            x = layer(x)
        shapes.append(tuple(x.shape[1:]))
        maps.append(x)
    assert shapes == [(512, 2, 3), (512, 8, 12)]
    torch.testing.assert_close(maps[1][:, :, ::4, ::4], maps[0])
    with pytest.raises(ValueError, match="replace_stride_with_dilation needs three entries"):
        backbones.resnet18(replace_stride_with_dilation=(True,))


def test_googlenet_without_its_auxiliary_classifiers_has_6_6_million():
    with torch.device("meta"):
        model = backbones.GoogLeNet()
        extra = architectures.parameter_count(model.aux1) + architectures.parameter_count(model.aux2)
    assert round((architectures.parameter_count(model) - extra) / 1e6, 1) == 6.6


def test_googlenet_gives_three_logits_while_training_and_one_after():
    model = backbones.GoogLeNet(classes=7)
    images = torch.rand(2, 3, 64, 64, generator=generator(0))
    assert [tuple(part.shape) for part in model.train()(images)] == [(2, 7)] * 3
    assert model.eval()(images).shape == (2, 7)
    theirs = tv.googlenet(num_classes=7, init_weights=False)
    theirs.load_state_dict(model.state_dict())
    for module in [*model.modules(), *theirs.modules()]:
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    wanted = theirs.train()(images)
    in_order = (wanted.logits, wanted.aux_logits2, wanted.aux_logits1)
    for mine, reference in zip(model.train()(images), in_order, strict=True):
        torch.testing.assert_close(mine, reference)


def test_lenet_counts_as_by_hand():
    model = backbones.LeNet()
    by_hand = (25 + 1) * 6 + (6 * 25 + 1) * 16 + (16 * 25 + 1) * 120 + (120 + 1) * 84 + (84 + 1) * 10
    assert architectures.parameter_count(model) == by_hand == 61706
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_squeeze_and_excitation_by_hand():
    """Two maps, one hidden unit: the gate is sigmoid(w2 relu(w1 . mean + b1) + b2)."""
    gate = backbones.SqueezeExcitation(2, reduction=2)
    with torch.no_grad():
        gate.fc1.weight.copy_(torch.tensor([[1.0, 2.0]]))
        gate.fc1.bias.fill_(0.5)
        gate.fc2.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        gate.fc2.bias.zero_()
    x = torch.tensor([[[[1.0, 3.0]], [[0.0, 1.0]]]])  # means 2 and 0.5, hidden 2 + 1 + 0.5 = 3.5
    s = torch.sigmoid(torch.tensor([3.5, -3.5]))
    torch.testing.assert_close(gate(x), x * s[None, :, None, None])
    torch.testing.assert_close(gate.gates(x), s[None])


def test_se_block_with_open_gates_is_the_plain_block():
    plain, gated = backbones.BasicBlock(16, 16), backbones.SEBasicBlock(16, 16)
    states = {k.replace("bn2.", "bn2.0."): v for k, v in plain.state_dict().items()}
    gated.load_state_dict(states, strict=False)
    with torch.no_grad():
        gated.bn2[1].fc2.weight.zero_()
        gated.bn2[1].fc2.bias.fill_(50.0)  # sigmoid(50) = 1
    x = torch.rand(2, 16, 6, 6, generator=generator(1))
    torch.testing.assert_close(gated.eval()(x), plain.eval()(x))


def test_hrnet_fusion_by_hand():
    """Two streams with identity-like weights: the fine one gets the coarse one enlarged, and the other way round."""
    fusion = backbones.hrnet.Fusion([1, 1]).eval()
    for parameter in fusion.parameters():
        nn.init.ones_(parameter)
    for module in fusion.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.bias)
    fine, coarse = torch.arange(16.0).view(1, 1, 4, 4), torch.tensor([[10.0, 20.0], [30.0, -400.0]]).view(1, 1, 2, 2)
    up, down = fusion([fine, coarse])
    scale = 1 / (1 + 1e-5) ** 0.5  # an untrained batch norm divides by sqrt(1 + eps)
    enlarged = coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(up, torch.relu(fine + scale * enlarged))
    sums = torch.nn.functional.conv2d(fine, torch.ones(1, 1, 3, 3), stride=2, padding=1)
    torch.testing.assert_close(down, torch.relu(coarse + scale * sums))


def test_hrnet_streams_and_output_keep_their_resolutions():
    model = backbones.HRNet(4, classes=3, modules=(1, 1, 1)).eval()
    images = torch.rand(1, 3, 64, 96, generator=generator(0))
    assert [tuple(s.shape[1:]) for s in model.streams(images)] == [(4, 16, 24), (8, 8, 12), (16, 4, 6), (32, 2, 3)]
    assert model(images).shape == (1, 3, 16, 24)


def test_backbone_maps_sizes_and_normalisation():
    model = backbones.Backbone().eval()
    assert architectures.parameter_count(model) == 992042 <= 1_000_000
    images = torch.rand(2, 3, 32, 32, generator=generator(0))
    maps = model.features(images)
    shapes = {name: tuple(value.shape[1:]) for name, value in maps.items()}
    assert shapes == {"stem": (32, 32, 32), "stage1": (32, 32, 32), "stage2": (64, 16, 16), "stage3": (128, 8, 8)}
    torch.testing.assert_close(model(images), model.head(maps["stage3"].mean(dim=(2, 3))))
    grey = torch.tensor(backbones.backbone.CIFAR_MEAN).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    assert float(model.normalise(grey).abs().max()) < 1e-6


NETWORKS = {
    "lenet": (backbones.LeNet, 1, 32), "alexnet": (backbones.AlexNet, 3, 63), "vgg": (backbones.vgg16, 3, 32),
    "googlenet": (backbones.GoogLeNet, 3, 15), "resnet": (backbones.resnet18, 3, 32),
    "densenet": (backbones.densenet121, 3, 29), "mobilenet": (backbones.MobileNetV2, 3, 32),
    "convnext": (backbones.convnext_tiny, 3, 32), "hrnet": (lambda: backbones.HRNet(4), 3, 32),
    "backbone": (backbones.Backbone, 3, 8),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_smallest_image_and_bad_input(name: str):
    build, channels, smallest = NETWORKS[name]
    model = build().eval()
    fine = torch.rand(1, channels, smallest, smallest, generator=generator(0))
    with torch.no_grad():
        assert torch.isfinite(model(fine)).all()
    shape = rf"\(B, {channels}, H, W\)"
    wanted = f"images must be a floating-point tensor of shape {shape} with H and W at least {smallest}"
    for bad, what in (
        (fine[:, :, 1:], "not a float32 tensor of shape"),
        (fine[0], "not a float32 tensor of shape"),
        (fine[:0], "not a float32 tensor of shape"),
        (fine[:, :1].repeat(1, 2, 1, 1), "not a float32 tensor of shape"),
        ((fine * 255).byte(), "not a uint8 tensor of shape"),
        ([1, 2], "not a list of length 2"),
    ):
        with pytest.raises(ValueError, match=f"{wanted}.*, {what}") as error:
            model(bad)
        assert "\n" not in str(error.value)


def test_other_errors_speak():
    with pytest.raises(ValueError, match="LeNet reads images of 32 x 32 pixels, not \\(40, 40\\)"):
        backbones.LeNet()(torch.zeros(1, 1, 40, 40))
    with pytest.raises(ValueError, match="H and W must be multiples of 32, not \\(32, 40\\)"):
        backbones.HRNet(4)(torch.zeros(1, 3, 32, 40))
    with pytest.raises(ValueError, match="reduction must be 1 to the number of channels, 4, not 8"):
        backbones.SqueezeExcitation(4, 8)
