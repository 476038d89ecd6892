"""The course's own backbone: a residual network small enough to ship (chapter 6; used by chapters 7, 8 and 19).

The form is that of the CIFAR networks of He et al. (2015, arXiv:1512.03385, section 4.2): a 3 x 3 stem at full
resolution, three stages of basic blocks that halve the resolution, global average pooling and one linear layer.

    stem    3 x 3 conv        32 channels   32 x 32
    stage1  2 basic blocks    32 channels   32 x 32
    stage2  2 basic blocks    64 channels   16 x 16
    stage3  3 basic blocks   128 channels     8 x 8
    head    average, linear   10 logits

With 0.99 million parameters the half-precision weights fit into 2 MB. Images are (B, 3, H, W) in [0, 1]: the network
subtracts the mean colour itself, so that a perturbation or a synthesised image is measured in plain pixel values.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.networks.backbones.resnet import BasicBlock, stage
from course_lib.networks.conv_parts import check_images, conv_bn, initialise

CIFAR_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR_STD = (0.2470, 0.2435, 0.2616)
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Normalise(nn.Module):
    """(image - mean) / std for each channel; the numbers move with the model but are not among its weights."""

    def __init__(self, mean: tuple[float, ...] = CIFAR_MEAN, std: tuple[float, ...] = CIFAR_STD):
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)  # (1, C, 1, 1)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)  # (1, C, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] to about zero mean and unit variance."""
        return (images - self.mean) / self.std


class Backbone(nn.Module):
    """A residual network for images of about 32 pixels.

    Args:
        classes: Number of logits.
        width: Channels of the first stage; the next two have twice and four times as many.
        blocks: Basic blocks in each stage.
    """

    def __init__(self, classes: int = 10, width: int = 32, blocks: tuple[int, int, int] = (2, 2, 3)):
        super().__init__()
        self.normalise = Normalise()
        self.stem = nn.Sequential(*conv_bn(3, width, 3), nn.ReLU(inplace=True))
        self.stage1 = stage(BasicBlock, width, width, blocks=blocks[0], stride=1)
        self.stage2 = stage(BasicBlock, width, 2 * width, blocks=blocks[1], stride=2)
        self.stage3 = stage(BasicBlock, 2 * width, 4 * width, blocks=blocks[2], stride=2)
        self.head = nn.Linear(4 * width, classes)
        initialise(self)

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """The maps after each stage, by name.

        Args:
            images: (B, 3, H, W) in [0, 1], H and W at least 8.

        Returns:
            "stem" and "stage1" (B, 32, H, W), "stage2" (B, 64, H / 2, W / 2), "stage3" (B, 128, H / 4, W / 4).

        Raises:
            ValueError: If images is no such batch.
        """
        check_images(images, smallest=8)
        maps = {}
        x = self.normalise(images)
        for name in ("stem", "stage1", "stage2", "stage3"):
            x = getattr(self, name)(x)
            maps[name] = x
        return maps

    def embed(self, images: Tensor) -> Tensor:
        """The last maps averaged over all places: (B, 128)."""
        return self.features(images)["stage3"].mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W) in [0, 1]."""
        return self.head(self.embed(images))
