"""The small network that chapter 7 looks into: convolutions, global average pooling, one linear layer.

It names the subject of the course's scenes (ten shapes, 64 pixels). Each part is a module that can be found by name,
every ReLU is an `nn.ReLU`, and the head is linear in the averaged maps, so that class activation maps exist.

    block1   3 x 3 conv    24 channels   64 x 64, then max pooling by 2
    block2   3 x 3 conv    48 channels   32 x 32, then max pooling by 2
    block3   3 x 3 conv    80 channels   16 x 16
    block4   3 x 3 conv    96 channels   16 x 16, then max pooling by 2
    block5   3 x 3 conv    96 channels    8 x 8
    head     average over places, linear

One place of block5 sees 46 x 46 pixels. Images are (B, 3, H, W) in [0, 1]. Trained by `recipes/scene_classifier.py`.
"""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.core.checks import check_shapes


def _block(inputs: int, outputs: int, pool: bool) -> nn.Sequential:
    """Convolution, batch norm, ReLU, and max pooling where asked."""
    layers = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pool else []))


class SceneNet(nn.Module):
    """Classifier of the course's scenes with global average pooling.

    Args:
        classes: Number of logits.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.block1 = _block(3, 24, pool=True)
        self.block2 = _block(24, 48, pool=True)
        self.block3 = _block(48, 80, pool=False)
        self.block4 = _block(80, 96, pool=True)
        self.block5 = _block(96, 96, pool=False)
        self.head = nn.Linear(96, classes)

    def maps(self, images: Tensor) -> Tensor:
        """What is averaged: (B, 96, H / 8, W / 8), not negative.

        Raises:
            ValueError: If images is no such batch.
        """
        check_shapes(images=(images, "B 3 H W"))
        x = self.block2(self.block1(2 * images - 1))
        return self.block5(self.block4(self.block3(x)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, 3, H, W) in [0, 1]."""
        return self.head(self.maps(images).mean(dim=(2, 3)))
