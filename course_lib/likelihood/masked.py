"""PixelCNN: each pixel from those before it, by masked convolutions (chapter 16). Van den Oord, Kalchbrenner and
Kavukcuoglu 2016, arXiv:1601.06759; with gates and two stacks: van den Oord et al. 2016, arXiv:1606.05328.

    P(x) = product over pixels i in reading order of P(x_i | x_1 ... x_{i-1})

A mask sets to zero the kernel's weights for pixels that come later; mask A, of the first layer, also the pixel itself.
Stacked masked kernels have a blind spot: what lies above to the right beyond a slope of the kernel is never seen. Two
stacks cure it: a vertical one sees all rows above, a horizontal one the row to the left, and takes in the vertical.

Pictures are grey, of whole values 0 ... L - 1.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.core.checks import check_positive, describe


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees pixels before the middle one, in reading order.

    Args:
        inputs, outputs: Channels.
        size: Side of the kernel, odd.
        own: Whether the middle pixel counts as well: mask B; else mask A.
    """

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, *, own: bool):
        super().__init__(inputs, outputs, size, padding=size // 2)
        if size % 2 == 0:
            raise ValueError(f"size must be odd, not {size}")
        before = torch.arange(size * size) < size * size // 2 + own
        self.register_buffer("mask", before.view(size, size).float())

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class PixelCNN(nn.Module):
    """Masked kernels one behind the other, with a blind spot.

    Args:
        levels: L.
        width: Maps of each layer.
        layers: Residual layers behind the first.
    """

    def __init__(self, levels: int, width: int = 48, layers: int = 5):
        super().__init__()
        check_positive(levels=levels, width=width, layers=layers)
        self.levels = levels
        self.first = MaskedConv2d(1, width, 7, own=False)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.SiLU(), MaskedConv2d(width, width, 3, own=True), nn.SiLU(), nn.Conv2d(width, width, 1))
            for _ in range(layers)
        )
        self.head = nn.Sequential(nn.SiLU(), nn.Conv2d(width, levels, 1))
        self.reach = 3 + layers  # rows above, and columns on either side, beyond which nothing counts

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores (B, L, H, W) of each pixel's value, from pictures (B, 1, H, W) with values in [-1, 1]."""
        x = self.first(pictures)
        for layer in self.layers:
            x = x + layer(x)
        return self.head(x)


class GatedLayer(nn.Module):
    """Both stacks one layer on: tanh of one half times sigmoid of the other.

    Args:
        inputs, width: Channels of both stacks before, and behind.
        size: Side of the kernels, odd.
        first: Whether it reads the picture, and so must not see the pixel itself.
    """

    def __init__(self, inputs: int, width: int, size: int, *, first: bool = False):
        super().__init__()
        self.reach, self.first = size // 2, first
        self.vertical = nn.Conv2d(inputs, 2 * width, (self.reach + 1, size))
        self.across = nn.Conv2d(2 * width, 2 * width, 1)
        self.horizontal = nn.Conv2d(inputs, 2 * width, (1, self.reach + 1 - first))
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, above: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
        """Maps (B, inputs, H, W) of both stacks to (B, width, H, W); in the first layer both are the picture."""
        shift = int(self.first)  # rows above only: moved down by one
        padded = F.pad(above, (self.reach, self.reach, self.reach + shift, 0))
        tall = self.vertical(padded)[:, :, : above.shape[2]]
        wide = F.pad(left, (self.reach, 0, 0, 0))
        wide = self.horizontal(wide[..., : wide.shape[-1] - shift]) + self.across(tall)
        behind = self.out(_gated(wide))
        return _gated(tall), behind if self.first else behind + left


def _gated(x: Tensor) -> Tensor:
    signal, gate = x.chunk(2, 1)
    return signal.tanh() * gate.sigmoid()


class GatedPixelCNN(nn.Module):
    """Two stacks with gates: every pixel before counts.

    Args:
        levels: L.
        width: Maps of each stack.
        layers: Behind the first.
        inputs: Channels of what it reads: 1 for grey pictures.
    """

    def __init__(self, levels: int, width: int = 48, layers: int = 5, *, inputs: int = 1):
        super().__init__()
        check_positive(levels=levels, width=width, layers=layers, inputs=inputs)
        self.levels = levels
        self.layers = nn.ModuleList([GatedLayer(inputs, width, 7, first=True)])
        self.layers.extend(GatedLayer(width, width, 3) for _ in range(layers))
        self.head = nn.Sequential(nn.SiLU(), nn.Conv2d(width, levels, 1))
        self.reach = 4 + layers  # rows above, and columns on either side, beyond which nothing counts

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores (B, L, H, W) of each pixel's value, from pictures (B, 1, H, W) with values in [-1, 1]."""
        above = left = pictures
        for layer in self.layers:
            above, left = layer(above, left)
        return self.head(left)


def centred(values: Tensor, levels: int) -> Tensor:
    """Grey values int64 (B, H, W) as pictures (B, 1, H, W) in [-1, 1].

    Raises:
        ValueError: If values leave 0 ... levels - 1.
    """
    if values.dtype != torch.int64 or values.ndim != 3 or not bool(((values >= 0) & (values < levels)).all()):
        raise ValueError(f"values must be int64 (B, H, W) from 0 to {levels - 1}, not a {describe(values)}")
    return (2 * values[:, None] / (levels - 1) - 1).float()


class PixelModel(Protocol):
    """Scores (B, L, H, W) of each pixel's value from pictures (B, 1, H, W) in [-1, 1], such as the models above."""

    levels: int

    def __call__(self, pictures: Tensor) -> Tensor:
        """The scores."""


def pixel_log_likelihood(model: PixelModel, values: Tensor) -> Tensor:
    """Log-probability of pictures under a model with `levels`, such as those above.

    Args:
        model: A pixel model.
        values: int64 (B, H, W), 0 ... L - 1.

    Returns:
        (B,) nats.
    """
    scores = model(centred(values, model.levels))
    return -F.cross_entropy(scores, values, reduction="none").flatten(1).sum(1)


@torch.no_grad()
def draw_pixels(model: PixelModel, count: int, size: tuple[int, int], *, generator: torch.Generator,
                given: Tensor | None = None, known: int = 0, reach: int | None = None) -> Tensor:  # fmt: skip
    """Draw pictures pixel by pixel, in reading order: one run of the model for each pixel.

    Args:
        model: A pixel model.
        count: B.
        size: (H, W).
        generator: Source of the choices, on the device of the model.
        given: int64 (B, H, W), pictures to go on with.
        known: How many pixels of them are kept.
        reach: Of a convolutional model, its `reach`: only a window of so many rows and columns is computed, with the
            same result in less time. A recurrent model looks back without end and gets None.

    Returns:
        int64 (B, H, W).
    """
    reach = max(size) if reach is None else reach
    values = torch.zeros(count, *size, dtype=torch.int64, device=generator.device) if given is None else given.clone()
    for place in range(known, size[0] * size[1]):
        row, column = divmod(place, size[1])
        left = max(0, column - reach)
        seen = values[:, max(0, row - reach) : row + 1, left : column + reach + 1]  # nothing below is looked at
        scores = model(centred(seen, model.levels))[:, :, -1, column - left]
        values[:, row, column] = torch.multinomial(scores.softmax(1), 1, generator=generator)[:, 0]
    return values
