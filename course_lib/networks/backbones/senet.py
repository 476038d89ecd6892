"""Squeeze and excitation (chapter 6): let the whole picture decide how loud each map is.

Hu, Shen, Albanie, Sun, Wu, "Squeeze-and-excitation networks", 2017, arXiv:1709.01507.

    squeeze     z_c = average of map c over all places
    excite      s = sigmoid(W2 relu(W1 z))      W1: C -> C / r, W2: C / r -> C, with r = 16
    scale       map c times s_c

In a residual block the gate acts on F(x), in front of the addition.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from course_lib.networks.backbones.resnet import BasicBlock, Bottleneck, ResNet


class SqueezeExcitation(nn.Module):
    """Gate the channels of a tensor.

    Args:
        channels: C.
        reduction: r, how many times narrower the hidden layer is.

    Raises:
        ValueError: If fewer than one hidden unit is left.
    """

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        if not 1 <= reduction <= channels:
            raise ValueError(f"reduction must be 1 to the number of channels, {channels}, not {reduction}")
        self.fc1 = nn.Linear(channels, channels // reduction)
        self.fc2 = nn.Linear(channels // reduction, channels)

    def gates(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the gates (B, C), between 0 and 1."""
        return torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean(dim=(2, 3))))))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape, each map scaled."""
        return x * self.gates(x)[:, :, None, None]


class SEBasicBlock(BasicBlock):
    """A basic block whose residual is gated."""

    def __init__(self, inputs: int, width: int, stride: int = 1, **options: Any):
        super().__init__(inputs, width, stride, **options)
        self.bn2 = nn.Sequential(self.bn2, SqueezeExcitation(width))


class SEBottleneck(Bottleneck):
    """A bottleneck whose residual is gated."""

    def __init__(self, inputs: int, width: int, stride: int = 1, **options: Any):
        super().__init__(inputs, width, stride, **options)
        self.bn3 = nn.Sequential(self.bn3, SqueezeExcitation(width * self.expansion))


def se_resnet50(classes: int = 1000) -> ResNet:
    """ResNet-50 with a gate in every block: 28.1 million parameters, 10 % more than without."""
    return ResNet(SEBottleneck, (3, 4, 6, 3), classes)
