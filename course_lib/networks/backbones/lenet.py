"""LeNet-5, the first convolutional network in wide use (chapter 6).

LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE, 1998.

    32 x 32, conv 5 x 5 to 6 maps, average pool, conv 5 x 5 to 16 maps, average pool, conv 5 x 5 to 120 maps, 84, 10

Differences to the paper: the second layer sees all six maps (the paper connects some of them), pooling has no weights
of its own, and the output is ten plain scores (the paper compares with drawn prototypes). Its tanh is kept.
"""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.networks.conv_parts import check_images


class LeNet(nn.Module):
    """About 61 thousand parameters for ten classes.

    Args:
        classes: Number of logits.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(16, 120, 5), nn.Tanh(),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, classes))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 1, 32, 32).

        Raises:
            ValueError: For images of another shape.
        """
        check_images(images, smallest=32, channels=1)
        if images.shape[2:] != (32, 32):
            raise ValueError(f"LeNet reads images of 32 x 32 pixels, not {tuple(images.shape[2:])}; resize or pad them")
        return self.classifier(self.features(images).flatten(1))  # (B, 120) to (B, classes)
