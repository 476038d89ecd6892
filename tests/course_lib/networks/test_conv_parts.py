"""First weights of convolutions have the promised variance: two over what goes out, not over what comes in."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.networks.conv_parts import conv_bn, initialise, unit_scores


@pytest.mark.parametrize(("inputs", "outputs"), [(8, 128), (128, 8)])
def test_the_variance_is_two_over_the_fan_out(inputs, outputs):
    torch.manual_seed(0)
    layer = nn.Conv2d(inputs, outputs, 5)
    initialise(layer)
    assert float(layer.weight.var()) == pytest.approx(2 / (outputs * 25), rel=0.05)
    assert not layer.bias.any()


def test_conv_bn_keeps_the_resolution_up_to_its_stride():
    convolution, norm = conv_bn(3, 6, 5, stride=2, groups=3)
    assert norm(convolution(torch.zeros(2, 3, 16, 12))).shape == (2, 6, 8, 6)
    assert convolution.bias is None
    assert convolution.groups == 3


@pytest.mark.parametrize("inputs", [8, 200])
def test_scores_start_with_variance_one_behind_a_relu(inputs):
    torch.manual_seed(0)
    layer = unit_scores(nn.Conv2d(inputs, 64, 1))
    x = torch.randn(64, inputs, 8, 8, generator=generator(0)).relu()
    assert float(layer(x).detach().var()) == pytest.approx(1, rel=0.15)
    assert not layer.bias.any()
