"""MobileNet (chapter 6): a convolution taken apart into one over space and one over channels.

Howard et al., "MobileNets", 2017, arXiv:1704.04861; Sandler et al., "MobileNetV2", 2018, arXiv:1801.04381.

A k x k convolution from C to D maps costs k^2 C D multiply-adds for each pixel. Depthwise (k x k on each map alone)
and then pointwise (1 x 1) costs k^2 C + C D, a share of 1 / D + 1 / k^2 of it. Version 2 wraps this into an inverted
residual: 1 x 1 up to six times the maps, depthwise 3 x 3, 1 x 1 down without a nonlinearity, and a short cut between
the narrow ends. Parameter names are torchvision's. Images are (B, 3, H, W), meant for 224 x 224.
"""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.networks.conv_parts import check_images, conv_bn, initialise


def conv_bn_relu6(inputs: int, outputs: int, size: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU cut off at 6 (which low-precision arithmetic represents well)."""
    return nn.Sequential(*conv_bn(inputs, outputs, size, stride=stride, groups=groups), nn.ReLU6(inplace=True))


def depthwise_separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Version 1's block: depthwise 3 x 3, then pointwise 1 x 1, each with batch norm and ReLU.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        stride: Step of the depthwise convolution.
    """
    depthwise = nn.Sequential(*conv_bn(inputs, inputs, 3, stride=stride, groups=inputs), nn.ReLU(inplace=True))
    pointwise = nn.Sequential(*conv_bn(inputs, outputs, 1), nn.ReLU(inplace=True))
    return nn.Sequential(depthwise, pointwise)


class InvertedResidual(nn.Module):
    """Version 2's block.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        stride: Step of the depthwise convolution; with 1 and equal channels there is a short cut.
        expansion: How many times wider the middle is.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, *, expansion: int):
        super().__init__()
        middle = inputs * expansion
        wide = [conv_bn_relu6(inputs, middle, 1)] if expansion > 1 else []
        depthwise = conv_bn_relu6(middle, middle, 3, stride=stride, groups=middle)
        self.conv = nn.Sequential(*wide, depthwise, *conv_bn(middle, outputs, 1))
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return x + self.conv(x) if self.has_shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    """Seventeen inverted residuals; 3.5 million parameters and 0.3 billion multiply-adds.

    Args:
        classes: Number of logits.
        dropout: Probability of dropping a feature in front of the linear layer.
    """

    def __init__(self, classes: int = 1000, dropout: float = 0.2):
        super().__init__()
        layers: list[nn.Module] = [conv_bn_relu6(3, 32, 3, stride=2)]
        inputs = 32
        for expansion, width, count, stride in (
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
        ):  # fmt: skip
            for i in range(count):
                layers.append(InvertedResidual(inputs, width, stride if i == 0 else 1, expansion=expansion))
                inputs = width
        layers.append(conv_bn_relu6(inputs, 1280, 1))
        self.features = nn.Sequential(*layers)
        last = nn.Linear(1280, classes)
        self.classifier = nn.Sequential(nn.Dropout(dropout), last)
        initialise(self)
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W) with H and W at least 32."""
        check_images(images, smallest=32)
        return self.classifier(self.features(images).mean(dim=(2, 3)))  # (B, 1280) to (B, classes)
