"""Inflation: a clip of equal frames is judged exactly as its frame, at the clip's ends too."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from course_lib.core.seeding import generator
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.video.inflate import InflatedConv, inflate


def boring(picture, frames=5):
    return picture[:, :, None].expand(-1, -1, frames, -1, -1)


def worn(network):
    """Batch norms that have seen something, so that a forgotten statistic shows."""
    torch.manual_seed(0)
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(4, 3, 64, 64) ** 2)
    return network.eval()


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_a_boring_clip_gives_the_answer_of_its_frame_in_every_frame(frames):
    flat = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
                         nn.Conv2d(8, 6, 3, padding=2, dilation=2, groups=2), nn.AvgPool2d(2),
                         nn.Conv2d(6, 4, 1))  # fmt: skip
    flat = worn(flat).double()
    picture = torch.rand(2, 3, 64, 64, generator=generator(1), dtype=torch.float64)
    wanted = flat(picture)
    found = inflate(flat, frames)(boring(picture))
    torch.testing.assert_close(found, boring(wanted), rtol=1e-12, atol=1e-12)


def test_blocks_with_shortcuts_are_inflated_too():
    network = worn(resnet18(num_classes=4))
    body = nn.Sequential(*list(network.children())[:-2]).double()
    picture = torch.rand(1, 3, 64, 64, generator=generator(1), dtype=torch.float64)
    wanted = body(picture)
    torch.testing.assert_close(inflate(body)(boring(picture)), boring(wanted))


def test_the_courses_encoder_is_inflated_stage_by_stage():
    encoder = worn(SceneEncoder()).double()
    stages = nn.Sequential(encoder.stem, *encoder.layers[:2])
    picture = torch.rand(1, 3, 64, 64, generator=generator(1), dtype=torch.float64)
    wanted = stages(picture)
    torch.testing.assert_close(inflate(stages)(boring(picture)), boring(wanted))


def test_without_the_division_it_would_be_wrong():
    layer = InflatedConv(nn.Conv2d(3, 4, 3), 3)
    torch.testing.assert_close(layer.conv.weight.sum(2), 3 * layer.conv.weight[:, :, 0])


@pytest.mark.parametrize(
    ("layer", "frames", "message"),
    [(nn.Conv2d(3, 4, 3), 2, "odd"), (nn.Conv2d(3, 4, 3, padding="same"), 3, "number of zeros"),
     (nn.AdaptiveAvgPool2d(1), 3, "no counterpart in time")],
)  # fmt: skip
def test_what_cannot_be_inflated_is_named(layer, frames, message):
    with pytest.raises(ValueError, match=message):
        inflate(layer, frames)
