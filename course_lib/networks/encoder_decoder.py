"""From an image to an image: shrink to understand, grow to answer (chapter 6; segmentation in chapter 9).

Encoder-decoder: Noh et al. 2015, arXiv:1505.04366. Skip connections: Ronneberger, Fischer, Brox, "U-Net", 2015,
arXiv:1505.04597.

    encoder  level l: two 3 x 3 convolutions with batch norm, 2^l times the width; then 2 x 2 max pooling
    decoder  enlarge by 2, put the encoder's maps of that level beside it (with skips), two 3 x 3 convolutions

The small maps in the middle see far and know little about places; the skips bring the places back. Unlike U-Net,
borders are padded, so that the output has the input's size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.networks.conv_parts import check_images, conv_bn, initialise


def double_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each with batch norm and ReLU."""
    first, second = conv_bn(inputs, outputs, 3), conv_bn(outputs, outputs, 3)
    return nn.Sequential(*first, nn.ReLU(inplace=True), *second, nn.ReLU(inplace=True))


class EncoderDecoder(nn.Module):
    """An image-to-image network.

    Args:
        inputs: Channels of the image.
        outputs: Channels of the answer.
        width: Maps at full resolution; each level has twice as many.
        levels: How often the resolution is halved.
        skips: Put the encoder's maps beside the decoder's.
    """

    def __init__(self, inputs: int, outputs: int, width: int = 16, *, levels: int = 3, skips: bool = True):
        super().__init__()
        self.inputs, self.skips = inputs, skips
        widths = [width * 2**level for level in range(levels + 1)]
        self.encoder = nn.ModuleList(double_conv(a, b) for a, b in zip([inputs, *widths], widths, strict=False))
        self.decoder = nn.ModuleList(
            double_conv(deep + (shallow if skips else 0), shallow)
            for deep, shallow in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(width, outputs, 1)
        initialise(self)
        nn.init.zeros_(self.head.weight)  # the first answer is 0 everywhere, whatever the width

    def forward(self, images: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W); H and W multiples of 2^levels.

        Raises:
            ValueError: For images that do not fit.
        """
        least = 2 ** len(self.decoder)
        check_images(images, smallest=least, channels=self.inputs)
        if images.shape[2] % least or images.shape[3] % least:
            raise ValueError(f"H and W must be multiples of {least}, not {tuple(images.shape[2:])}; pad or crop them")
        maps = [self.encoder[0](images)]
        for block in self.encoder[1:]:
            maps.append(block(F.max_pool2d(maps[-1], 2)))
        x = maps.pop()
        for block in self.decoder:
            grown = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([grown, maps.pop()], dim=1) if self.skips else grown)
        return self.head(x)
