"""DeepLab: see further without shrinking, and at several scales at once (chapter 9, "deeplab").

Chen et al., "Rethinking atrous convolution for semantic image segmentation", 2017, arXiv:1706.05587 (DeepLabV3); with a
finer way up, 2018, arXiv:1802.02611 (V3+).

    atrous convolution   out[i] = sum over u of  x[i + r u] w[u]      a kernel of k reaches over r (k - 1) + 1 places
    ASPP                 1 x 1 conv, 3 x 3 convs with several r, and the mean of the whole map enlarged: concatenated,
                         then 1 x 1 conv; batch norm and ReLU behind each, dropout at the end
    head                 V3: ASPP, 3 x 3 conv, 1 x 1 conv to K scores
                         V3+: ASPP enlarged to stride 4, a few channels of those maps beside it, 3 x 3, 1 x 1

A stride of the encoder is left out and all kernels behind it are widened, which keeps the weights: see `SceneEncoder`
and `ResNet`. `ASPP` has torchvision's parameter names and equals it. The mean of the whole map has one value a channel,
so that its batch norm needs two pictures while training.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.networks.conv_parts import conv_bn, initialise, unit_scores


def atrous_reach(kernel: int, dilation: int) -> int:
    """Places that a kernel with gaps reaches over: dilation * (kernel - 1) + 1."""
    check_positive(kernel=kernel, dilation=dilation)
    return dilation * (kernel - 1) + 1


def atrous_convolution(signal: Tensor, kernel: Tensor, dilation: int = 1) -> Tensor:
    """Convolution of a signal with a kernel whose taps are `dilation` places apart, by its definition.

    Args:
        signal: (N,), floating point.
        kernel: (k,), of the same dtype.
        dilation: r, at least 1.

    Returns:
        (N - r (k - 1),): places where the whole kernel lies inside.

    Raises:
        ValueError: For other shapes, or a kernel that does not fit.
    """
    check_shapes(signal=(signal, "N"), kernel=(kernel, "k"))
    long = len(signal) - atrous_reach(len(kernel), dilation) + 1
    if long < 1:
        raise ValueError(f"a kernel of {len(kernel)} with dilation {dilation} does not fit into {len(signal)} places")
    return torch.stack([signal[u * dilation : u * dilation + long] * kernel[u] for u in range(len(kernel))]).sum(0)


class Pooled(nn.Sequential):
    """The mean of the whole map, through a 1 x 1 convolution, spread over all places."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(nn.AdaptiveAvgPool2d(1), *conv_bn(inputs, outputs, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        return super().forward(x).expand(-1, -1, *x.shape[2:])


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling.

    Args:
        inputs: Channels that come.
        dilations: r of each 3 x 3 convolution, in places of the map.
        outputs: Channels that go, and of each branch.
        dropout: Probability of dropping at the end.

    Raises:
        ValueError: For no dilation or one that is not above 0.
    """

    def __init__(self, inputs: int, dilations: Sequence[int], outputs: int = 256, *, dropout: float = 0.5):
        super().__init__()
        check_positive(inputs=inputs, outputs=outputs, **{f"dilations[{i}]": r for i, r in enumerate(dilations)})
        if not dilations:
            raise ValueError("dilations is empty: at least one atrous convolution is needed")
        branches = [nn.Sequential(*conv_bn(inputs, outputs, 1), nn.ReLU())]
        branches += [nn.Sequential(*conv_bn(inputs, outputs, 3, dilation=r), nn.ReLU()) for r in dilations]
        self.convs = nn.ModuleList([*branches, Pooled(inputs, outputs)])
        joined = conv_bn(len(self.convs) * outputs, outputs, 1)
        self.project = nn.Sequential(*joined, nn.ReLU(), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        return self.project(torch.cat([branch(x) for branch in self.convs], dim=1))


class DeepLab(nn.Module):
    """DeepLabV3 or V3+ on an encoder.

    Args:
        encoder: Its coarsest maps should have stride 8 or 16.
        classes: K.
        dilations: Of ASPP; the paper's 6, 12, 18 are for maps of 65 places.
        width: Channels of ASPP and of the head.
        fine: Channels taken from the maps of stride 4 (V3+); 0 leaves them out (V3).
        dropout: Of ASPP.

    Raises:
        ValueError: For V3+ on an encoder without maps of stride 4.
    """

    def __init__(self, encoder: Pyramid, classes: int, dilations: Sequence[int] = (1, 2, 3), *, width: int = 48,
                 fine: int = 0, dropout: float = 0.1):  # fmt: skip
        super().__init__()
        widths, strides = list(encoder.widths), list(encoder.strides)
        if fine and 4 not in strides:
            raise ValueError(f"the encoder has no maps of stride 4 but of {strides}: take fine=0")
        self.aspp = ASPP(widths[-1], dilations, width, dropout=dropout)
        self.level = strides.index(4) if fine else None
        self.fine = nn.Sequential(*conv_bn(widths[self.level], fine, 1), nn.ReLU()) if self.level is not None else None
        scores = nn.Conv2d(width, classes, 1)
        self.head = nn.Sequential(*conv_bn(width + fine, width, 3), nn.ReLU(), scores)
        initialise(self)
        unit_scores(scores)
        self.encoder = encoder  # only now, so that its weights stay as they came

    def forward(self, images: Tensor) -> Tensor:
        """Scores (B, K, H, W) of images (B, 3, H, W)."""
        maps = self.encoder(images)
        x = self.aspp(maps[-1])
        if self.fine is not None and self.level is not None:
            beside = self.fine(maps[self.level])
            x = torch.cat([F.interpolate(x, size=beside.shape[2:], mode="bilinear", align_corners=False), beside], 1)
        return F.interpolate(self.head(x), size=images.shape[2:], mode="bilinear", align_corners=False)
