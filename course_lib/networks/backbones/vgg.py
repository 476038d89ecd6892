"""VGG (chapter 6): nothing but 3 x 3 convolutions, many of them.

Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014, arXiv:1409.1556.

Two 3 x 3 convolutions see 5 x 5 pixels with 18 instead of 25 weights and one more nonlinearity between them. Between
the five groups max pooling halves the resolution and the number of maps doubles up to 512. Parameter names are
torchvision's. Images are (B, 3, H, W), meant for 224 x 224.
"""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.networks.conv_parts import check_images, initialise


class VGG(nn.Module):
    """Five groups of convolutions and three fully connected layers.

    Args:
        convolutions: How many in each group: (2, 2, 3, 3, 3) is VGG-16 with its three connected layers.
        classes: Number of logits.
        batch_norm: Put a batch norm behind each convolution (the paper is older than batch norm).
        dropout: Probability of dropping a unit behind the first two fully connected layers.
    """

    def __init__(
        self,
        convolutions: tuple[int, int, int, int, int],
        classes: int = 1000,
        batch_norm: bool = False,
        *,
        dropout: float = 0.5,
    ):
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for count, width in zip(convolutions, (64, 128, 256, 512, 512), strict=True):
            for _ in range(count):
                layers.append(nn.Conv2d(inputs, width, 3, padding=1))
                layers += [nn.BatchNorm2d(width)] if batch_norm else []
                layers.append(nn.ReLU(inplace=True))
                inputs = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(4096, classes),
        )  # fmt: skip
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W) with H and W at least 32."""
        check_images(images, smallest=32)
        x = self.avgpool(self.features(images))
        return self.classifier(x.flatten(1))  # (B, 25088) to (B, classes)


def vgg16(classes: int = 1000, batch_norm: bool = False) -> VGG:
    """13 convolutions and 3 fully connected layers, 138 million parameters."""
    return VGG((2, 2, 3, 3, 3), classes, batch_norm)


def vgg19(classes: int = 1000, batch_norm: bool = False) -> VGG:
    """16 convolutions and 3 fully connected layers, 144 million parameters; the usual source of texture features."""
    return VGG((2, 2, 4, 4, 4), classes, batch_norm)
