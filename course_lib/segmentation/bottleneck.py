"""A picture through a few numbers and back (chapter 9, "autoencoder-bottleneck", "sketch-to-image").

    code      z = E(x), D numbers for a picture       E halves the resolution `levels` times, then a linear layer
    answer    x' = G(z)                               a linear layer, then doubles it as often
    loss      mean |x' - x|^2

What does not fit into D numbers is lost, fine detail first. Codes between two codes decode to pictures in between
(`interpolate_codes`). Hinton and Salakhutdinov 2006 ("Reducing the dimensionality of data with neural networks").

The same loss blurs wherever several answers are right, since what minimises the expected square is their mean:

    argmin over a of  E |a - y|^2  =  E y                                 `expected_square` shows it on any answers
    with E |a - y|^2 = |a - E y|^2 + Var y:   the error that is left is the spread of the answers
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.networks.conv_parts import check_images, conv_bn, initialise


class Autoencoder(nn.Module):
    """Convolutions down to a code and up again.

    Args:
        code: Numbers D that a picture becomes.
        size: Pixels a side of the pictures, a multiple of 2^levels.
        width: Maps behind the first convolution; each level has twice as many.
        channels: Of the pictures.
        levels: How often the resolution is halved.

    Raises:
        ValueError: For a size that cannot be halved that often.
    """

    def __init__(self, code: int, size: int = 64, *, width: int = 16, channels: int = 3, levels: int = 3):
        super().__init__()
        check_positive(code=code, size=size, width=width, channels=channels, levels=levels)
        if size % 2**levels:
            raise ValueError(f"size must be a multiple of 2^levels = {2**levels}, not {size}")
        widths = [width * 2**level for level in range(levels)]
        down, up = [], []
        for before, after in zip([channels, *widths], widths, strict=False):
            down += [*conv_bn(before, after, 3, stride=2), nn.ReLU()]
        for before, after in zip(widths[::-1], widths[-2::-1], strict=False):
            up += [nn.Upsample(scale_factor=2), *conv_bn(before, after, 3), nn.ReLU()]
        self.size, self.channels, self.small = size, channels, (widths[-1], size // 2**levels, size // 2**levels)
        numbers = widths[-1] * self.small[1] ** 2
        self.down, self.to_code = nn.Sequential(*down), nn.Linear(numbers, code)
        self.from_code, self.up = nn.Linear(code, numbers), nn.Sequential(*up)
        last = nn.Conv2d(width, channels, 3, padding=1)
        self.last = nn.Sequential(nn.Upsample(scale_factor=2), last)
        initialise(self)
        nn.init.zeros_(last.weight)  # begins at grey, not at noise of a few units

    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, D) of images (B, channels, size, size)."""
        check_images(images, smallest=self.size, channels=self.channels)
        if images.shape[2:] != (self.size, self.size):
            raise ValueError(f"images must be {self.size} x {self.size} pixels, not {tuple(images.shape[2:])}")
        return self.to_code(self.down(images).flatten(1))

    def decode(self, codes: Tensor) -> Tensor:
        """Pictures (B, channels, size, size) of codes (B, D); their values may lie a little outside of [0, 1]."""
        return self.last(self.up(F.relu(self.from_code(codes)).unflatten(1, self.small)))

    def forward(self, images: Tensor) -> Tensor:
        """Images to what is left of them."""
        return self.decode(self.encode(images))


def interpolate_codes(first: Tensor, second: Tensor, steps: int) -> Tensor:
    """Codes on the straight line between two, both ends included: (D,) and (D,) to (steps, D); steps at least 2."""
    check_shapes(first=(first, "D"), second=(second, "D"))
    if steps < 2:
        raise ValueError(f"steps must be at least 2, not {steps}")
    share = torch.linspace(0, 1, steps, dtype=first.dtype, device=first.device)[:, None]
    return first + share * (second - first)


def expected_square(answer: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The mean squared error of one answer against several right ones, in its two parts.

    Args:
        answer: (...), what is given for all.
        targets: (N, ...), the right answers, each as likely.

    Returns:
        How far the answer is from their mean, and their own spread: mean squares of shape (). Their sum is the error.

    Raises:
        ValueError: For shapes that do not fit.
    """
    if not isinstance(targets, Tensor) or targets.ndim != answer.ndim + 1 or targets.shape[1:] != answer.shape:
        raise ValueError(f"targets must be (N, ...) with the answer's shape {tuple(answer.shape)} behind N")
    mean = targets.mean(0)
    return (answer - mean).square().mean(), (targets - mean).square().mean()
