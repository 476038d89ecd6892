"""U-Net's way up on any encoder, with and without skips (chapter 9, "unet").

Ronneberger, Fischer, Brox, "U-Net", 2015, arXiv:1505.04597.

    x = coarsest maps;  at each finer level:  x = two 3 x 3 convolutions of [enlarge(x, 2), the encoder's maps]
    head: 1 x 1 convolution to K scores, enlarged by the finest stride

Without skips the same way up has to draw outlines from the coarsest maps alone: an encoder-decoder. For the whole
network with its own encoder see `course_lib.networks.encoder_decoder` and, with group norm and conditions,
`course_lib.networks.unet`; this form is for comparing decoders on one encoder.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.networks.conv_parts import initialise, unit_scores
from course_lib.networks.encoder_decoder import double_conv


class UNetDecoder(nn.Module):
    """A segmentation network of an encoder and U-Net's way up.

    Args:
        encoder: Its maps must each have half the resolution of the one before.
        classes: K.
        skips: Put the encoder's maps beside the decoder's.
        width: Maps of the way up at most; at each level it has as many as the encoder where those are fewer.
    """

    def __init__(self, encoder: Pyramid, classes: int, skips: bool = True, *, width: int = 48):
        super().__init__()
        self.skips, self.factor = skips, encoder.strides[0]
        self.decoder, deep = nn.ModuleList(), encoder.widths[-1]
        for shallow in encoder.widths[-2::-1]:
            self.decoder.append(double_conv(deep + (shallow if skips else 0), min(shallow, width)))
            deep = min(shallow, width)
        initialise(self)
        self.head = unit_scores(nn.Conv2d(deep, classes, 1))
        self.encoder = encoder  # only now, so that its weights stay as they came

    def forward(self, images: Tensor) -> Tensor:
        """Scores (B, K, H, W) of images (B, 3, H, W)."""
        maps = self.encoder(images)
        x = maps.pop()
        for block in self.decoder:
            grown = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            finer = maps.pop()
            x = block(torch.cat([grown, finer], dim=1) if self.skips else grown)
        return F.interpolate(self.head(x), scale_factor=self.factor, mode="bilinear", align_corners=False)
