"""The chequerboard of transposed convolutions: where it comes from, how strong it is, what avoids it (chapter 9).

    stamps     how many kernels cover an output pixel; along one axis ceil or floor of kernel / stride
    strength   std over the s^2 phases of the mean map / std of the map,   phase = (row mod s, column mod s)
    remedies   a kernel that is a multiple of the stride: all pixels are covered alike;
               enlarge first, then an ordinary convolution (`ResizeConvolution`)

Odena, Dumoulin, Olah, "Deconvolution and checkerboard artifacts", Distill 2016. Equal cover removes the pattern that
equal weights would make; unequal weights can still draw one, and resizing leaves much less of it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.segmentation.transposed import transposed_size


def overlap_counts(size: int | tuple[int, int], kernel: int, stride: int, *, padding: int = 0) -> Tensor:
    """How many stamps of a transposed convolution cover each pixel of its answer.

    Args:
        size: Pixels of the small map, (height, width) or one number.
        kernel, stride, padding: As in `transposed_size`.

    Returns:
        (H', W') int64.

    Raises:
        ValueError: For a number out of range.
    """
    sides = []
    for places in (size, size) if isinstance(size, int) else size:
        long = transposed_size(places, kernel, stride, padding=padding)
        starts = torch.arange(places) * stride - padding
        pixels = torch.arange(long)[:, None]
        sides.append(((pixels >= starts) & (pixels < starts + kernel)).sum(1))
    return sides[0][:, None] * sides[1]


def chequerboard_strength(maps: Tensor, stride: int) -> Tensor:
    """How much of a map's variation repeats with the stride.

    Args:
        maps: (B, C, H, W), H and W multiples of the stride; cut the frame off first, where fewer stamps fall.
        stride: Of the transposed convolution that made the maps, at least 2.

    Returns:
        (B, C) in [0, 1]: standard deviation of the means of the stride^2 phases over that of all pixels; 0 for a
        constant map.

    Raises:
        ValueError: For shapes or a stride that do not fit.
    """
    check_shapes(maps=(maps, "B C H W"))
    if not isinstance(stride, int) or stride < 2 or maps.shape[2] % stride or maps.shape[3] % stride:
        raise ValueError(f"stride must be 2 or more and divide {tuple(maps.shape[2:])}, not {stride!r}")
    cells = maps.unflatten(3, (-1, stride)).unflatten(2, (-1, stride))  # (B, C, H / s, s, W / s, s)
    phases = cells.mean(dim=(2, 4)).flatten(2)  # (B, C, s^2)
    whole = maps.flatten(2).std(2, correction=0)
    constant = whole <= 8 * torch.finfo(maps.dtype).eps * maps.abs().amax((2, 3))
    return torch.where(constant, 0, phases.std(2, correction=0) / whole.masked_fill(constant, 1)).clamp(max=1)


class ResizeConvolution(nn.Module):
    """Enlarge, then convolve: what replaces a transposed convolution.

    Args:
        inputs: Channels that come.
        outputs: Channels that go.
        factor: By which height and width grow.
        size: Side of the kernel, odd.
        interpolation: "nearest" or "bilinear".

    Raises:
        ValueError: For an even kernel or another interpolation.
    """

    def __init__(self, inputs: int, outputs: int, factor: int = 2, *, size: int = 3, interpolation: str = "nearest"):
        super().__init__()
        check_positive(factor=factor)
        if size < 1 or size % 2 == 0:
            raise ValueError(f"size must be odd, not {size}")
        if interpolation not in ("nearest", "bilinear"):
            raise ValueError(f"interpolation must be 'nearest' or 'bilinear', not {interpolation!r}")
        self.factor, self.interpolation = factor, interpolation
        self.conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, padding_mode="replicate")

    def forward(self, maps: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, factor H, factor W)."""
        straight = {} if self.interpolation == "nearest" else {"align_corners": False}
        return self.conv(F.interpolate(maps, scale_factor=self.factor, mode=self.interpolation, **straight))
