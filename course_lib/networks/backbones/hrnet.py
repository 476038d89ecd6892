"""HRNet (chapter 6; segmentation in chapter 9): keep a high resolution from the first layer to the last.

Wang et al., "Deep high-resolution representation learning for visual recognition", 2019, arXiv:1908.07919.

Other networks shrink the image and grow it again. This one adds coarser streams beside the fine one and lets all
streams exchange what they know, again and again:

    1/4   o----o====o====o====        ==== a module: four basic blocks on each stream, then fusion, where
    1/8         \\__o====o====             each stream becomes relu(sum of all streams brought to its resolution)
    1/16             \\__o====
    1/32                  \\__o====

Downwards fusion is a chain of strided 3 x 3 convolutions, upwards a 1 x 1 convolution and nearest-neighbour
enlargement. The head is version 2's: all streams, enlarged bilinearly to the finest and concatenated. Images are (B,
3, H, W) with H and W multiples of 32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.networks.backbones.resnet import BasicBlock, Bottleneck, stage
from course_lib.networks.conv_parts import check_images, conv_bn, initialise


def lower(inputs: int, outputs: int, times: int) -> nn.Sequential:
    """Halve the resolution `times` times; only the last step changes the channels and leaves out the ReLU."""
    layers: list[nn.Module] = []
    for i in range(times):
        last = i == times - 1
        layers += [*conv_bn(inputs, outputs if last else inputs, 3, stride=2), *([] if last else [nn.ReLU()])]
    return nn.Sequential(*layers)


class Fusion(nn.Module):
    """Each stream becomes the sum of all streams at its own resolution.

    Args:
        widths: Channels of the streams, finest first.
    """

    def __init__(self, widths: list[int]):
        super().__init__()
        self.paths = nn.ModuleList(
            nn.ModuleList(self._path(i, j, source, target) for j, source in enumerate(widths))
            for i, target in enumerate(widths)
        )

    @staticmethod
    def _path(i: int, j: int, source: int, target: int) -> nn.Module:
        """What brings stream j to the channels and, downwards, the resolution of stream i."""
        if i == j:
            return nn.Identity()
        return lower(source, target, i - j) if i > j else nn.Sequential(*conv_bn(source, target, 1))

    def forward(self, streams: list[Tensor]) -> list[Tensor]:
        """A list of (B, widths[i], H / 2^i, W / 2^i) to a list of the same shapes."""
        fused = []
        for i, paths in enumerate(self.paths):
            assert isinstance(paths, nn.ModuleList)
            total = paths[i](streams[i])
            for j, path in enumerate(paths):
                if j != i:
                    part = path(streams[j])
                    total = total + (F.interpolate(part, size=total.shape[2:]) if j > i else part)
            fused.append(F.relu(total))
        return fused


class Module(nn.Module):
    """Four basic blocks on each stream, then fusion."""

    def __init__(self, widths: list[int]):
        super().__init__()
        self.branches = nn.ModuleList(stage(BasicBlock, width, width, blocks=4, stride=1) for width in widths)
        self.fusion = Fusion(widths)

    def forward(self, streams: list[Tensor]) -> list[Tensor]:
        """The streams, worked on and fused; shapes stay."""
        return self.fusion([branch(x) for branch, x in zip(self.branches, streams, strict=True)])


class HRNet(nn.Module):
    """The high-resolution network with version 2's head.

    Args:
        width: Channels of the finest stream, C; the others have 2 C, 4 C and 8 C.
        classes: Number of maps that come out, such as the classes of a segmentation.
        modules: Number of modules with two, three and four streams.
    """

    def __init__(self, width: int = 48, classes: int = 19, modules: tuple[int, int, int] = (1, 4, 3)):
        super().__init__()
        widths = [width * 2**i for i in range(4)]
        relu = nn.ReLU(inplace=True)
        self.stem = nn.Sequential(*conv_bn(3, 64, 3, stride=2), relu, *conv_bn(64, 64, 3, stride=2), relu)
        self.layer1 = stage(Bottleneck, 64, 64, blocks=4, stride=1)
        self.first = nn.Sequential(*conv_bn(256, width, 3), nn.ReLU(inplace=True))
        sources = [256, widths[1], widths[2]]
        self.lower = nn.ModuleList(
            nn.Sequential(*conv_bn(source, target, 3, stride=2), nn.ReLU(inplace=True))
            for source, target in zip(sources, widths[1:], strict=True)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*[Module(widths[:count]) for _ in range(repeats)])
            for count, repeats in zip((2, 3, 4), modules, strict=True)
        )
        total = sum(widths)
        self.head = nn.Sequential(
            nn.Conv2d(total, total, 1), nn.BatchNorm2d(total), nn.ReLU(inplace=True), nn.Conv2d(total, classes, 1)
        )
        initialise(self)

    def streams(self, images: Tensor) -> list[Tensor]:
        """Four tensors (B, C, H / 4, W / 4), (B, 2 C, H / 8, W / 8), ..., (B, 8 C, H / 32, W / 32)."""
        check_images(images, smallest=32)
        if images.shape[2] % 32 or images.shape[3] % 32:
            raise ValueError(f"H and W must be multiples of 32, not {tuple(images.shape[2:])}; pad or crop the images")
        x = self.layer1(self.stem(images))
        streams = [self.first(x)]
        for lower, fuse in zip(self.lower, self.stages, strict=True):
            streams = fuse([*streams, lower(x)])
            x = streams[-1]
        return streams

    def forward(self, images: Tensor) -> Tensor:
        """Maps (B, classes, H / 4, W / 4) of images (B, 3, H, W)."""
        streams = self.streams(images)
        size = streams[0].shape[2:]
        grown = [F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in streams[1:]]
        return self.head(torch.cat([streams[0], *grown], dim=1))  # (B, 15 C, H / 4, W / 4) to (B, classes, ...)


def hrnet_w48(classes: int = 19) -> HRNet:
    """HRNetV2-W48, the paper's network for Cityscapes: 65.9 million parameters."""
    return HRNet(48, classes)
