"""The one encoder that all methods of the chapter on representation learning train: four convolutions, then a mean.

    32 x 32 x 3  ->  16 x 16 x 24  ->  8 x 8 x 48  ->  8 x 8 x 64  ->  4 x 4 x 128  ->  mean over places: 128 numbers

Each arrow is a 3 x 3 convolution, batch norm and a ReLU, three of them with stride 2: 3.77 million multiply-adds for a
picture of 32 pixels. Small on purpose: a comparison of ten methods must fit into an hour of one processor. Pictures are
(B, 3, H, W) in [0, 1]; any size from 8 pixels works, so that patches go through the same weights as whole pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes

WIDTHS, STRIDES = (24, 48, 64, 128), (2, 2, 1, 2)


class SmallEncoder(nn.Module):
    """Convolutions and a mean.

    Args:
        widths: Channels after each of the four convolutions; the last is D.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS):
        super().__init__()
        if len(widths) != len(STRIDES):
            raise ValueError(f"widths must name {len(STRIDES)} numbers of channels, not {len(widths)}")
        layers: list[nn.Module] = []
        for inputs, outputs, stride in zip((3, *widths[:-1]), widths, STRIDES, strict=True):
            layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.layers, self.dimensions = nn.Sequential(*layers), widths[-1]

    def maps(self, images: Tensor) -> Tensor:
        """What is averaged: (B, D, H / 8, W / 8), sides rounded up, not negative.

        Raises:
            ValueError: If images is no such batch.
        """
        check_shapes(images=(images, "B 3 H W"))
        return self.layers(2 * images - 1)

    def forward(self, images: Tensor) -> Tensor:
        """Features (B, D) of images (B, 3, H, W) in [0, 1]."""
        return self.maps(images).mean(dim=(2, 3))


def projector(inputs: int, hidden: int, outputs: int, *, last_norm: bool = False) -> nn.Sequential:
    """A head of two layers, W2 relu(norm(W1 h)), that is thrown away after pretraining.

    Args:
        inputs: D of the features.
        hidden: Width between.
        outputs: Dimensions of the space where the loss is computed.
        last_norm: A batch norm without weights at the end, as SimSiam wants it.
    """
    check_positive(inputs=inputs, hidden=hidden, outputs=outputs)
    layers = [nn.Linear(inputs, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, outputs)]
    return nn.Sequential(*layers, *([nn.BatchNorm1d(outputs, affine=False)] if last_norm else []))


@torch.no_grad()
def encode_pictures(encoder: nn.Module, images: Tensor, batch: int = 512) -> Tensor:
    """Features of many pictures, in evaluation mode and without gradients.

    Args:
        encoder: From images (B, 3, H, W) to (B, D).
        images: (N, 3, H, W) in [0, 1].
        batch: Pictures at a time, at least 1.

    Returns:
        (N, D). The encoder is left in the mode in which it came.

    Raises:
        ValueError: For images that are no such batch, or an empty batch.
    """
    check_shapes(images=(images, "N 3 H W"))
    check_positive(batch=batch)
    training = encoder.training
    encoder.eval()
    found = torch.cat([encoder(part) for part in images.split(batch)])
    encoder.train(training)
    return found


@torch.no_grad()
def settle_norms(encoder: nn.Module, images: Tensor, batch: int = 256) -> nn.Module:
    """Let the batch norms of an untrained network see pictures once, so that its features are not on a random scale.

    Args:
        encoder: Changed in place: running statistics only.
        images: (N, 3, H, W) in [0, 1].
        batch: Pictures at a time.

    Returns:
        The encoder, in evaluation mode.
    """
    encoder.train()
    for part in images.split(batch):
        encoder(part)
    return encoder.eval()
