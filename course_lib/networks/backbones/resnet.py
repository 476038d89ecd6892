"""Residual networks (chapter 6).

He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2015, arXiv:1512.03385.

A block does not compute its output but the difference to its input: y = relu(x + F(x)). Where the block changes the
number of channels or the resolution, a 1 x 1 convolution brings x to the new shape ("downsample").

    basic block (18, 34 layers)         F = 3 x 3 conv, batch norm, relu, 3 x 3 conv, batch norm
    bottleneck (50, 101, 152 layers)    F = 1 x 1 conv to a quarter of the channels, 3 x 3, 1 x 1 back, batch norms

Images are (B, 3, H, W), normalised as the weights want it; logits are (B, classes). Parameter names are torchvision's,
so that its weights load strictly. As there, the bottleneck's stride sits in the 3 x 3 convolution (the paper has it in
the first 1 x 1), which gains about half a per cent on ImageNet.

For segmentation a stage can keep its resolution: its stride is left out and all later 3 x 3 kernels are widened by it
(`replace_stride_with_dilation`, chapter 9). The weights stay, and the places that the strides would have kept have the
values that they had. torchvision has this for bottlenecks only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from course_lib.networks.conv_parts import check_images, conv_bn, initialise

Norm = Callable[[int], nn.Module]  # makes a norm from the number of channels
Dilations = tuple[int, int]  # in front of and behind a change of resolution


def shortcut(inputs: int, outputs: int, stride: int, *, norm: Norm = nn.BatchNorm2d) -> nn.Sequential | None:
    """What brings x to the shape of F(x): nothing where the shapes agree, else a strided 1 x 1 convolution."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(*conv_bn(inputs, outputs, 1, stride=stride, norm=norm))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a short cut.

    Args:
        inputs: Channels of the input.
        width: Channels of the two convolutions and of the output.
        stride: Step of the first convolution; 2 halves the resolution.
        dilations: Distance between the weights of the 3 x 3 kernel that has the stride, and of the one behind it.
        norm: Makes the norms from the number of channels.
    """

    expansion = 1
    bn2: nn.Module

    def __init__(
        self, inputs: int, width: int, stride: int = 1, *, dilations: Dilations = (1, 1), norm: Norm = nn.BatchNorm2d
    ):
        super().__init__()
        self.conv1, self.bn1 = conv_bn(inputs, width, 3, stride=stride, dilation=dilations[0], norm=norm)
        self.conv2, self.bn2 = conv_bn(width, width, 3, dilation=dilations[1], norm=norm)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, width, stride, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, width, H / stride, W / stride)."""
        residual = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(residual + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1 x 1 down, 3 x 3, 1 x 1 up, and a short cut; 4 * width channels come out. Arguments as in `BasicBlock`."""

    expansion = 4
    bn3: nn.Module

    def __init__(
        self, inputs: int, width: int, stride: int = 1, *, dilations: Dilations = (1, 1), norm: Norm = nn.BatchNorm2d
    ):
        super().__init__()
        outputs = width * self.expansion
        self.conv1, self.bn1 = conv_bn(inputs, width, 1, norm=norm)
        self.conv2, self.bn2 = conv_bn(width, width, 3, stride=stride, dilation=dilations[0], norm=norm)
        self.conv3, self.bn3 = conv_bn(width, outputs, 1, norm=norm)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, outputs, stride, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, 4 * width, H / stride, W / stride)."""
        residual = self.relu(self.bn1(self.conv1(x)))
        residual = self.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        return self.relu(residual + (x if self.downsample is None else self.downsample(x)))


def stage(
    block: type[BasicBlock | Bottleneck],
    inputs: int,
    width: int,
    *,
    blocks: int,
    stride: int,
    dilations: Dilations = (1, 1),
    norm: Norm = nn.BatchNorm2d,
) -> nn.Sequential:
    """Blocks one after another; the first changes channels and resolution; options as in `BasicBlock`."""
    first = block(inputs, width, stride, dilations=dilations, norm=norm)
    behind = (dilations[1], dilations[1])
    rest = [block(width * block.expansion, width, dilations=behind, norm=norm) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


class ResNet(nn.Module):
    """The ImageNet networks: a 7 x 7 stem, four stages of blocks, global average pooling, one linear layer.

    Args:
        block: `BasicBlock` or `Bottleneck`.
        blocks: Number of blocks in each of the four stages.
        classes: Number of logits.
        norm: Makes the norms from the number of channels.
        replace_stride_with_dilation: For each of the last three stages, whether its stride of 2 is left out and the
            kernels behind it are widened instead; (False, True, True) gives maps of 1/8 of the picture and not 1/32.

    Raises:
        ValueError: If `replace_stride_with_dilation` has no three entries.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        blocks: tuple[int, int, int, int],
        classes: int = 1000,
        *,
        norm: Norm = nn.BatchNorm2d,
        replace_stride_with_dilation: Sequence[bool] = (False, False, False),
    ):
        super().__init__()
        if len(replace_stride_with_dilation) != 3:
            raise ValueError(f"replace_stride_with_dilation needs three entries, not {replace_stride_with_dilation}")
        self.conv1, self.bn1 = conv_bn(3, 64, 7, stride=2, norm=norm)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = [64, *(width * block.expansion for width in (64, 128, 256))]
        wide = [1]  # the dilation that each stage ends with
        for dilate in replace_stride_with_dilation:
            wide.append(wide[-1] * (2 if dilate else 1))
        strides = [1 if dilate else 2 for dilate in replace_stride_with_dilation]
        self.layer1 = stage(block, inputs[0], 64, blocks=blocks[0], stride=1, norm=norm)
        self.layer2 = stage(
            block, inputs[1], 128, blocks=blocks[1], stride=strides[0], dilations=(wide[0], wide[1]), norm=norm
        )
        self.layer3 = stage(
            block, inputs[2], 256, blocks=blocks[2], stride=strides[1], dilations=(wide[1], wide[2]), norm=norm
        )
        self.layer4 = stage(
            block, inputs[3], 512, blocks=blocks[3], stride=strides[2], dilations=(wide[2], wide[3]), norm=norm
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * block.expansion, classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W); H and W at least 32, of which one pixel is left."""
        check_images(images, smallest=32)
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))  # (B, 512 * expansion) to (B, classes)


def resnet18(classes: int = 1000, **options: Any) -> ResNet:
    """18 layers, 11.7 million parameters; options are `norm` and `replace_stride_with_dilation` as in `ResNet`."""
    return ResNet(BasicBlock, (2, 2, 2, 2), classes, **options)


def resnet50(classes: int = 1000, **options: Any) -> ResNet:
    """50 layers, 25.6 million parameters; options as in `resnet18`."""
    return ResNet(Bottleneck, (3, 4, 6, 3), classes, **options)


def resnet152(classes: int = 1000, **options: Any) -> ResNet:
    """152 layers, 60.2 million parameters; options as in `resnet18`."""
    return ResNet(Bottleneck, (3, 8, 36, 3), classes, **options)
