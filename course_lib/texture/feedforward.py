"""A network that paints one style in one pass (chapter 8).

Johnson, Alahi, Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution", 2016,
arXiv:1603.08155. Instead of optimising each picture, train a network T once so that T(x) has a small style-transfer
loss for many pictures x; then each new picture costs one forward pass.

    9 x 9 conv, w   3 x 3 conv, stride 2, 2w   3 x 3 conv, stride 2, 3w   residual blocks   enlarge, 2w   enlarge, w
    9 x 9 conv, sigmoid

Every convolution but the last is followed by instance normalisation (Ulyanov et al. 2016, arXiv:1607.08022): mean 0
and deviation 1 of each map of each picture, times a learned scale, plus a learned shift. Borders are mirrored.
Enlarging repeats pixels and convolves, which leaves no chequerboard pattern. Smaller than the paper's net.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes


def conv_in(inputs: int, outputs: int, size: int, *, stride: int = 1) -> nn.Sequential:
    """A mirrored convolution and instance normalisation."""
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, padding_mode="reflect", bias=False)
    return nn.Sequential(convolution, nn.InstanceNorm2d(outputs, affine=True))


class TransformNet(nn.Module):
    """Image to stylised image of the same size.

    Args:
        channels: Of the images.
        width: Maps of the first layer.
        blocks: Residual blocks in the middle.

    Raises:
        ValueError: If a number is not above 0.
    """

    def __init__(self, channels: int = 1, width: int = 16, blocks: int = 3):
        super().__init__()
        check_positive(channels=channels, width=width, blocks=blocks)
        self.channels = channels
        self.first = conv_in(channels, width, 9)
        self.down = nn.ModuleList([conv_in(width, 2 * width, 3, stride=2), conv_in(2 * width, 3 * width, 3, stride=2)])
        self.blocks = nn.ModuleList(
            nn.Sequential(conv_in(3 * width, 3 * width, 3), nn.ReLU(), conv_in(3 * width, 3 * width, 3))
            for _ in range(blocks)
        )
        self.up = nn.ModuleList([conv_in(3 * width, 2 * width, 3), conv_in(2 * width, width, 3)])
        self.last = nn.Conv2d(width, channels, 9, padding=4, padding_mode="reflect")

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] to the same shape, in (0, 1).

        Raises:
            ValueError: For other channels, or H or W that is no multiple of 4 or below 16.
        """
        check_shapes(images=(images, f"B {self.channels} H W"))
        if min(images.shape[2:]) < 16 or images.shape[2] % 4 or images.shape[3] % 4:
            raise ValueError(f"H and W must be multiples of 4, at least 16, not {tuple(images.shape[2:])}")
        x = F.relu(self.first(images))
        for layer in self.down:
            x = F.relu(layer(x))
        for block in self.blocks:
            x = x + block(x)
        for layer in self.up:
            x = F.relu(layer(F.interpolate(x, scale_factor=2, mode="nearest")))
        return torch.sigmoid(self.last(x))
