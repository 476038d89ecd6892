"""The small encoder that every model of chapters 9 to 11 starts from: one picture, maps of five resolutions.

    stem     3 x 3 conv, stride 2      24 channels   1/2
    layer 1  one basic block           24            1/2
    layer 2  one basic block           48            1/4
    layer 3  two basic blocks          64            1/8
    layer 4  two basic blocks          96            1/16
    layer 5  one basic block          112            1/32

Basic blocks are those of residual networks (He et al. 2015, arXiv:1512.03385). A first layer with a stride is what
makes it small: about 34 million multiply-adds for a picture of 64 pixels. `recipes/segmentation_encoder.py` trains it
to name the subject of scenes. Pictures are (B, 3, H, W) in [0, 1]; the first layer normalises them.

`output_stride` 8 or 16 keeps the resolution of the last stages and widens their kernels instead (atrous convolution);
the weights stay the same and fit both forms.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.networks.backbones.resnet import BasicBlock, stage
from course_lib.networks.conv_parts import check_images, conv_bn, initialise

WIDTHS, BLOCKS = (24, 24, 48, 64, 96, 112), (1, 1, 2, 2, 1)


class Pyramid(nn.Module):
    """A network from a picture to maps of several resolutions, finest first.

    Attributes:
        widths: Channels of each of them.
        strides: Pixels between neighbours of each of them.
    """

    widths: tuple[int, ...]
    strides: list[int]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Maps (B, widths[i], H / strides[i], W / strides[i]) of images (B, 3, H, W) in [0, 1]."""
        raise NotImplementedError


class SceneEncoder(Pyramid):
    """From pictures to a list of maps.

    Args:
        output_stride: Pixels between neighbours of the coarsest maps: 32, or 16 or 8 with widened kernels.

    Raises:
        ValueError: For another output stride.
    """

    def __init__(self, output_stride: int = 32):
        super().__init__()
        if output_stride not in (8, 16, 32):
            raise ValueError(f"output_stride must be 8, 16 or 32, not {output_stride!r}")
        self.widths, self.strides = WIDTHS[1:], [min(2**level, output_stride) for level in range(1, 6)]
        self.stem = nn.Sequential(*conv_bn(3, WIDTHS[0], 3, stride=2), nn.ReLU(inplace=True))
        layers, wide = [], 1
        for level in range(1, 6):
            step, before = 1 if level == 1 else 2, wide
            if step == 2 and 2**level > output_stride:
                step, wide = 1, 2 * wide
            layers.append(stage(BasicBlock, WIDTHS[level - 1], WIDTHS[level], blocks=BLOCKS[level - 1], stride=step,
                                dilations=(before, wide)))  # fmt: skip
        self.layers = nn.ModuleList(layers)
        initialise(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Maps of images (B, 3, H, W) in [0, 1]: (B, widths[i], H / strides[i], W / strides[i]) for each level.

        Raises:
            ValueError: For images that do not fit: H and W must be multiples of 32.
        """
        check_images(images, smallest=32)
        if images.shape[2] % 32 or images.shape[3] % 32:
            raise ValueError(f"H and W must be multiples of 32, not {tuple(images.shape[2:])}; pad or crop the images")
        x, maps = self.stem(2 * images - 1), []
        for layer in self.layers:
            x = layer(x)
            maps.append(x)
        return maps


class SceneNamer(nn.Module):
    """The encoder and a head that names the picture: what the encoder learns on.

    The head reads the largest value of each map of the three coarsest levels, normalised over the batch. An average
    would drown the subject, which covers a tenth of the picture; the finer of the three shorten the way of the first
    gradients.

    Args:
        classes: Number of logits.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.encoder = SceneEncoder()
        values = sum(self.encoder.widths[2:])
        self.norm, self.head = nn.BatchNorm1d(values), nn.Linear(values, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, 3, H, W) in [0, 1]."""
        return self.head(self.norm(torch.cat([maps.amax(dim=(2, 3)) for maps in self.encoder(images)[2:]], dim=1)))
