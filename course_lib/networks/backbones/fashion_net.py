"""The referee of chapters 16 to 18: a small classifier of Fashion-MNIST whose averaged maps judge generated pictures.

    3 x 3 conv, 32 channels, 28 x 28, max pool;  3 x 3 conv, 64, 14 x 14, max pool;  3 x 3 conv, 64, 7 x 7
    average over places: 64 features;  linear: ten logits

Each convolution is followed by batch norm and ReLU. Trained by `recipes/fashion_classifier.py`. Pictures are
(B, 1, 28, 28) in [0, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_shapes


def _block(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class FashionNet(nn.Module):
    """Classifier of grey pictures of 28 pixels; its 64 features are what distances of distributions are taken in.

    Args:
        classes: Number of logits.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.body = nn.Sequential(_block(1, 32), nn.MaxPool2d(2), _block(32, 64), nn.MaxPool2d(2), _block(64, 64))
        self.head = nn.Linear(64, classes)

    def features(self, pictures: Tensor) -> Tensor:
        """(B, 64), not negative, of pictures (B, 1, 28, 28) in [0, 1].

        Raises:
            ValueError: If pictures is no such batch.
        """
        check_shapes(pictures=(pictures, "B 1 28 28"))
        return self.body(2 * pictures - 1).mean(dim=(2, 3))

    @torch.no_grad()
    def features_of_many(self, pictures: Tensor, batch: int = 500) -> Tensor:
        """Features (N, 64) of any number of pictures, in batches, without gradient."""
        return torch.cat([self.features(part) for part in pictures.split(batch)])

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (B, K) of pictures (B, 1, 28, 28) in [0, 1]."""
        return self.head(self.features(pictures))
