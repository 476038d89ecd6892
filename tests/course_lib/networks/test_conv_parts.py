"""First weights of convolutions have the promised variance: two over what goes out, not over what comes in."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.networks.conv_parts import conv_bn, initialise


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
