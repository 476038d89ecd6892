"""DenseNet (chapter 6): every layer reads the outputs of all layers before it.

Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks", 2016, arXiv:1608.06993.

    x_l = H_l([x_0, x_1, ..., x_(l-1)])
    H: batch norm, relu, 1 x 1 conv to 4 k maps, batch norm, relu, 3 x 3 conv to k maps

Each layer adds k maps (the growth rate). Between dense blocks a transition halves the number of maps and the
resolution. Parameter names are torchvision's. Images are (B, 3, H, W), meant for 224 x 224.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.networks.conv_parts import check_images


class DenseLayer(nn.Module):
    """Two convolutions that add `growth` maps to their input.

    Args:
        inputs: Channels of the input.
        growth: New maps, k.
    """

    def __init__(self, inputs: int, growth: int):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, inputs + growth, H, W)."""
        new = self.conv1(F.relu(self.norm1(x)))
        new = self.conv2(F.relu(self.norm2(new)))
        return torch.cat([x, new], dim=1)


def transition(inputs: int) -> nn.Sequential:
    """Batch norm, ReLU, 1 x 1 convolution to half the maps, 2 x 2 average pooling."""
    parts = [("norm", nn.BatchNorm2d(inputs)), ("relu", nn.ReLU(inplace=True)),
             ("conv", nn.Conv2d(inputs, inputs // 2, 1, bias=False)), ("pool", nn.AvgPool2d(2))]  # fmt: skip
    return nn.Sequential(OrderedDict(parts))


class DenseNet(nn.Module):
    """Four dense blocks with transitions between them.

    Args:
        blocks: Layers in each dense block; 2 * sum + 5 is the network's name.
        growth: Maps that each layer adds, k.
        classes: Number of logits.
    """

    def __init__(self, blocks: tuple[int, int, int, int], growth: int = 32, classes: int = 1000):
        super().__init__()
        width = 2 * growth
        parts: list[tuple[str, nn.Module]] = [
            ("conv0", nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)),
            ("norm0", nn.BatchNorm2d(width)),
            ("relu0", nn.ReLU(inplace=True)),
            ("pool0", nn.MaxPool2d(3, stride=2, padding=1)),
        ]
        for number, count in enumerate(blocks, start=1):
            layers = [(f"denselayer{i + 1}", DenseLayer(width + i * growth, growth)) for i in range(count)]
            parts.append((f"denseblock{number}", nn.Sequential(OrderedDict(layers))))
            width += count * growth
            if number < len(blocks):
                parts.append((f"transition{number}", transition(width)))
                width //= 2
        parts.append(("norm5", nn.BatchNorm2d(width)))
        self.features = nn.Sequential(OrderedDict(parts))
        self.classifier = nn.Linear(width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W) with H and W at least 29."""
        check_images(images, smallest=29)
        x = F.relu(self.features(images)).mean(dim=(2, 3))  # (B, maps)
        return self.classifier(x)


def densenet121(classes: int = 1000) -> DenseNet:
    """121 layers, 8.0 million parameters."""
    return DenseNet((6, 12, 24, 16), classes=classes)


def densenet264(classes: int = 1000) -> DenseNet:
    """264 layers, the deepest of the paper, 33.3 million parameters."""
    return DenseNet((6, 12, 64, 48), classes=classes)
