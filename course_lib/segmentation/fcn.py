"""Fully convolutional networks: scores of coarse maps, enlarged and refined (chapter 9, "fcn").

Long, Shelhamer, Darrell, "Fully convolutional networks for semantic segmentation", 2014, arXiv:1411.4038.

    s_32 = 1 x 1 convolution of the maps with stride 32                         K channels
    s_16 = enlarge(s_32, 2) + 1 x 1 convolution of the maps with stride 16      the skip starts at 0
    s_8  = enlarge(s_16, 2) + 1 x 1 convolution of the maps with stride 8
    FCN-n: the scores with stride n, enlarged by n

`enlarge` is a transposed convolution that starts as bilinear interpolation; as in the paper the steps by 2 are learned
and the last one stays as it is. On purpose otherwise: each class is enlarged by itself (the paper's kernels mix classes
and start at 0 there), borders are padded by the encoder, and stride 4 continues the series.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.networks.conv_parts import unit_scores
from course_lib.networks.unet_parts import zeroed
from course_lib.segmentation.transposed import bilinear_kernel


class Enlarge(nn.ConvTranspose2d):
    """Enlarge each channel by a whole number; begins as bilinear interpolation.

    Args:
        channels: C.
        factor: By which height and width grow.
        learn: Let training change the kernels.
    """

    def __init__(self, channels: int, factor: int, *, learn: bool = True):
        kernel = bilinear_kernel(factor)
        super().__init__(channels, channels, kernel.shape[0], factor, factor // 2, groups=channels, bias=False)
        self.weight.data.copy_(kernel.expand_as(self.weight))
        self.weight.requires_grad_(learn)


class FCN(nn.Module):
    """FCN-32s, -16s, -8s (or -4s) on an encoder.

    Args:
        encoder: Its maps are read from the coarsest to stride `stride`; each stride is half of the next.
        classes: K.
        stride: Of the finest scores.

    Raises:
        ValueError: If the encoder has no maps with that stride.
    """

    def __init__(self, encoder: Pyramid, classes: int, stride: int = 8):
        super().__init__()
        widths, strides = list(encoder.widths), list(encoder.strides)
        if stride not in strides or len(set(strides)) != len(strides):
            raise ValueError(f"stride must be one of the encoder's, {strides}, each once, not {stride!r}")
        self.encoder, self.stride = encoder, stride
        used = list(reversed(widths[strides.index(stride) :]))  # coarsest first
        skips = [zeroed(nn.Conv2d(width, classes, 1)) for width in used[1:]]
        self.scores = nn.ModuleList([unit_scores(nn.Conv2d(used[0], classes, 1)), *skips])
        self.steps = nn.ModuleList(Enlarge(classes, 2) for _ in used[1:])
        self.last = Enlarge(classes, stride, learn=False)

    def forward(self, images: Tensor) -> Tensor:
        """Scores (B, K, H, W) of images (B, 3, H, W)."""
        maps = self.encoder(images)[::-1]
        x = self.scores[0](maps[0])
        for enlarge, score, finer in zip(self.steps, self.scores[1:], maps[1:], strict=False):
            x = enlarge(x) + score(finer)
        return self.last(x)


def predict_classes(model: nn.Module, images: Tensor, *, batch: int = 64) -> Tensor:
    """The best class of each pixel, (B, H, W) int64, by a network in evaluation mode and without gradients."""
    was = model.training
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(part).argmax(1) for part in images.split(batch)])
    model.train(was)
    return found
