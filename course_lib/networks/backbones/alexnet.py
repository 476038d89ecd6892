"""AlexNet (chapter 6): the network that won ImageNet in 2012.

Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", NeurIPS 2012.
This is the one-GPU form of Krizhevsky, "One weird trick ...", 2014, arXiv:1404.5997, which torchvision has too: 64
instead of 96 first kernels, no split over two GPUs, no local response normalisation. Parameter names are
torchvision's.

Images are (B, 3, H, W), meant for 224 x 224; the adaptive pooling accepts any size from 63 up.
"""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.networks.conv_parts import check_images


class AlexNet(nn.Module):
    """Five convolutions and three fully connected layers; 61 million parameters, 96 % of them in the latter.

    Args:
        classes: Number of logits.
        dropout: Probability of dropping a unit in front of the first two fully connected layers.
    """

    def __init__(self, classes: int = 1000, dropout: float = 0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True),
            nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU(inplace=True),
            nn.Linear(4096, classes),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W)."""
        check_images(images, smallest=63)
        x = self.avgpool(self.features(images))
        return self.classifier(x.flatten(1))  # (B, 9216) to (B, classes)
