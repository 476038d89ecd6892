"""HRNet's streams behind a shared encoder's first layers (chapter 9, "hrnet-seg").

Wang et al., "Deep high-resolution representation learning for visual recognition", 2019, arXiv:1908.07919. The parts,
exchange between streams and all, are those of `course_lib.networks.backbones.hrnet`; what is new here is where the
streams begin, so that HRNet can start from the same weights as its rivals:

    encoder   maps of stride 4          first stream
    streams   1/4, 1/8, 1/16 ...        modules with two, three, ... streams; each new one is a strided convolution
    head      version 2: all streams, enlarged to the finest, 1 x 1 conv, batch norm, ReLU, 1 x 1 conv to K scores

Layers of the encoder behind stride 4 are not kept. `Enlarged` gives the scores of the whole HRNet in full resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.networks.backbones.hrnet import HRNet, Module
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.networks.conv_parts import check_images, conv_bn, initialise, unit_scores


class HighResolution(nn.Module):
    """A segmentation network of an encoder's first layers and HRNet's streams.

    Args:
        encoder: Its layers up to stride 4 are used.
        classes: K.
        width: Channels of the finest stream; each further one has twice as many.
        streams: How many there are at the end, 2 to 4.

    Raises:
        ValueError: For another number of streams.
    """

    def __init__(self, encoder: SceneEncoder, classes: int, width: int = 16, *, streams: int = 3):
        super().__init__()
        if not 2 <= streams <= 4:
            raise ValueError(f"streams must be 2, 3 or 4, not {streams!r}")
        widths = [width * 2**i for i in range(streams)]
        source = encoder.widths[list(encoder.strides).index(4)]
        self.first = nn.Sequential(*conv_bn(source, width, 3), nn.ReLU(inplace=True))
        self.lower = nn.ModuleList(
            nn.Sequential(*conv_bn(a, b, 3, stride=2), nn.ReLU(inplace=True))
            for a, b in zip([source, *widths[1:]], widths[1:], strict=False)
        )
        self.stages = nn.ModuleList(Module(widths[:count]) for count in range(2, streams + 1))
        total, scores = sum(widths), nn.Conv2d(sum(widths), classes, 1)
        self.head = nn.Sequential(*conv_bn(total, total, 1), nn.ReLU(inplace=True), scores)
        initialise(self)
        unit_scores(scores)
        self.stem, self.layers = encoder.stem, encoder.layers[: list(encoder.strides).index(4) + 1]

    def forward(self, images: Tensor) -> Tensor:
        """Scores (B, K, H, W) of images (B, 3, H, W) in [0, 1]; H and W multiples of 4 * 2^(streams - 1)."""
        least = 4 * 2 ** len(self.stages)
        check_images(images, smallest=least)
        if images.shape[2] % least or images.shape[3] % least:
            raise ValueError(f"H and W must be multiples of {least}, not {tuple(images.shape[2:])}; pad or crop them")
        x = self.stem(2 * images - 1)
        for layer in self.layers:
            x = layer(x)
        streams = [self.first(x)]
        for lower, exchange in zip(self.lower, self.stages, strict=True):
            streams = exchange([*streams, lower(x)])
            x = streams[-1]
        size = streams[0].shape[2:]
        grown = [F.interpolate(s, size=size, mode="bilinear", align_corners=False) for s in streams[1:]]
        scores = self.head(torch.cat([streams[0], *grown], dim=1))
        return F.interpolate(scores, size=images.shape[2:], mode="bilinear", align_corners=False)


class Enlarged(nn.Module):
    """The whole HRNet with its scores, which have a quarter of the picture's resolution, enlarged.

    Args:
        network: Such as `hrnet_w48(classes)`.
    """

    def __init__(self, network: HRNet):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Scores (B, K, H, W) of images (B, 3, H, W)."""
        return F.interpolate(self.network(images), size=images.shape[2:], mode="bilinear", align_corners=False)
