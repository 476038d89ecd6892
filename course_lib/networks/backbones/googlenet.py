"""GoogLeNet (chapter 6): several kernel sizes side by side, made cheap by 1 x 1 convolutions.

Szegedy et al., "Going deeper with convolutions", 2014, arXiv:1409.4842; batch norm as in arXiv:1502.03167.

An inception module runs four branches on the same input and concatenates their maps: 1 x 1; 1 x 1 then 3 x 3; 1 x 1
then 5 x 5; max pooling then 1 x 1. Two auxiliary classifiers half-way send gradients to the early layers while
training. Parameter names are torchvision's, and so is its deviation: the third branch has a 3 x 3 kernel where the
paper has 5 x 5. Images are (B, 3, H, W), meant for 224 x 224.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.networks.conv_parts import check_images


class ConvBlock(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int, *, stride: int = 1, padding: int = 0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H', W')."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Inception(nn.Module):
    """Four branches, concatenated.

    Args:
        inputs: Channels of the input.
        one: Maps of the 1 x 1 branch.
        three: Maps of the second branch's 1 x 1 and 3 x 3 convolution.
        five: The same for the third branch.
        pooled: Maps of the pooling branch.
    """

    def __init__(self, inputs: int, one: int, three: tuple[int, int], *, five: tuple[int, int], pooled: int):
        super().__init__()
        self.branch1 = ConvBlock(inputs, one, 1)
        self.branch2 = nn.Sequential(ConvBlock(inputs, three[0], 1), ConvBlock(*three, 3, padding=1))
        self.branch3 = nn.Sequential(ConvBlock(inputs, five[0], 1), ConvBlock(*five, 3, padding=1))
        pool = nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True)
        self.branch4 = nn.Sequential(pool, ConvBlock(inputs, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, one + three[1] + five[1] + pooled, H, W)."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class Auxiliary(nn.Module):
    """A small classifier on a middle layer: average to 4 x 4, 1 x 1 convolution, two linear layers."""

    def __init__(self, inputs: int, classes: int):
        super().__init__()
        self.conv = ConvBlock(inputs, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.fc2 = nn.Linear(1024, classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to logits (B, classes)."""
        x = self.conv(F.adaptive_avg_pool2d(x, 4)).flatten(1)  # (B, 2048)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """Nine inception modules; 6.6 million parameters without the auxiliary classifiers, 13.0 with them.

    Args:
        classes: Number of logits.
    """

    def __init__(self, classes: int = 1000):
        super().__init__()
        self.conv1 = ConvBlock(3, 64, 7, stride=2, padding=3)
        self.conv2 = ConvBlock(64, 64, 1)
        self.conv3 = ConvBlock(64, 192, 3, padding=1)
        self.inception3a = Inception(192, 64, (96, 128), five=(16, 32), pooled=32)
        self.inception3b = Inception(256, 128, (128, 192), five=(32, 96), pooled=64)
        self.inception4a = Inception(480, 192, (96, 208), five=(16, 48), pooled=64)
        self.inception4b = Inception(512, 160, (112, 224), five=(24, 64), pooled=64)
        self.inception4c = Inception(512, 128, (128, 256), five=(24, 64), pooled=64)
        self.inception4d = Inception(512, 112, (144, 288), five=(32, 64), pooled=64)
        self.inception4e = Inception(528, 256, (160, 320), five=(32, 128), pooled=128)
        self.inception5a = Inception(832, 256, (160, 320), five=(32, 128), pooled=128)
        self.inception5b = Inception(832, 384, (192, 384), five=(48, 128), pooled=128)
        self.aux1 = Auxiliary(512, classes)
        self.aux2 = Auxiliary(528, classes)
        self.maxpool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, classes)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """Logits (B, classes) of images (B, 3, H, W), H and W at least 15; while training also those of aux2 and aux1.

        The paper adds the auxiliary losses with a weight of 0.3.
        """
        check_images(images, smallest=15)
        x = self.maxpool(self.conv1(images))
        x = self.maxpool(self.conv3(self.conv2(x)))
        x = self.maxpool(self.inception3b(self.inception3a(x)))
        early = self.inception4a(x)
        late = self.inception4d(self.inception4c(self.inception4b(early)))
        x = self.maxpool4(self.inception4e(late))
        x = self.inception5b(self.inception5a(x)).mean(dim=(2, 3))  # (B, 1024)
        logits = self.fc(self.dropout(x))
        return (logits, self.aux2(late), self.aux1(early)) if self.training else logits
