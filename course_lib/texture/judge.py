"""Is it the same texture? Numbers that do not come from the features that were optimised (chapter 8).

    autocorrelation at a shift s     r(s) = mean_p (I(p) - m) (I(p + s) - m) / variance
    spectrum distance                root mean square over cells of the frequency plane of the difference of
                                     10 log10(mean power), in decibels

A periodic texture repeats itself: r = 1 at its period. Two crops of one photograph that share no pixel have a small
spectrum distance but not zero: a yardstick for syntheses, and no bound, since a copy of the exemplar has distance 0.
`shift_correlation` finds copies: the largest correlation of two pictures over all shifts up to a reach.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.texture.statistics import shifted_pairs

RINGS, SECTORS = 6, 4


def autocorrelation(images: Tensor, down: int, right: int) -> Tensor:
    """Correlation of each picture with itself, moved.

    Args:
        images: (B, C, H, W).
        down: 0 ... H - 1.
        right: 0 ... W - 1.

    Returns:
        (B,), 1 where the moved picture is equal; 0 for a flat picture.

    Raises:
        ValueError: If the shift leaves no pair.
    """
    check_tensors(images=(images, "B C H W"))
    centred = images - images.mean(dim=(2, 3), keepdim=True)
    here, there = shifted_pairs(centred, down, right)
    variance = centred.square().mean(dim=(1, 2, 3))
    return (here * there).mean(dim=(1, 2, 3)) / variance.clamp(min=1e-12)


def periodicity_error(image: Tensor, exemplar: Tensor, period: int) -> float:
    """Mean absolute difference of the autocorrelations of two pictures at one period down and to the right.

    Args:
        image, exemplar: (1, C, H, W), sizes may differ.
        period: In pixels.

    Returns:
        0 if the picture repeats itself as well as the exemplar; about 1 if it does not repeat at all.
    """
    check_positive(period=period)
    steps = ((period, 0), (0, period))
    gaps = [autocorrelation(image, *step) - autocorrelation(exemplar, *step) for step in steps]
    return float(torch.stack(gaps).detach().abs().mean())


def band_power(images: Tensor) -> Tensor:
    """Mean power in cells of the frequency plane, in decibels.

    Args:
        images: (B, C, H, W), at least 32 x 32.

    Returns:
        (B, RINGS * SECTORS): rings are half octaves down from the finest frequencies, sectors split the half circle.

    Raises:
        ValueError: If the pictures are too small for every cell to hold a frequency.
    """
    check_tensors(images=(images, "B C H W"))
    height, width = images.shape[2:]
    if min(height, width) < 32:
        raise ValueError(f"images must have at least 32 x 32 pixels, not {(height, width)}")
    window = torch.outer(torch.hann_window(height, False), torch.hann_window(width, False)).to(images)
    centred = (images - images.mean(dim=(2, 3), keepdim=True)) * window
    power = torch.fft.fft2(centred).abs().square().mean(dim=1) / window.square().sum()  # (B, H, W)
    y = torch.fft.fftfreq(height).to(images.device)[:, None]
    x = torch.fft.fftfreq(width).to(images.device)[None]
    ring = (2 * torch.log2(0.5 / torch.hypot(y, x).clamp(min=1e-9))).floor()  # 0 is the finest half octave
    sector = ((torch.atan2(y, x) % math.pi) / math.pi * SECTORS + 0.5).floor() % SECTORS
    cells = []
    for r in range(RINGS):
        for s in range(SECTORS):
            inside = (ring == r) & (sector == s)
            cells.append(power[:, inside].mean(dim=1))
    return 10 * torch.log10(torch.stack(cells, dim=1) + 1e-10)


def spectrum_distance(image: Tensor, exemplar: Tensor) -> float:
    """How far the spectra of two pictures (1, C, H, W) are apart, in decibels; sizes may differ."""
    check_tensors(image=(image, "1 C h w"), exemplar=(exemplar, "1 C H W"))
    ours, theirs = (band_power(_at_least_single(x)).mean(dim=0) for x in (image, exemplar))
    return float((ours - theirs).square().mean().sqrt())


def _at_least_single(x: Tensor) -> Tensor:
    """Without gradient; half precision becomes single, since there is no FFT in half."""
    return x.detach().to(torch.promote_types(x.dtype, torch.float32))


def shift_correlation(image: Tensor, other: Tensor, reach: int) -> tuple[float, tuple[int, int]]:
    """The largest correlation of two pictures over shifts: 1 if one holds a moved copy of the other.

    Only the pixels that both show are compared. About 1 / sqrt(their number) is reached by pictures that have nothing
    to do with each other and no long waves; the largest of many shifts is higher.

    Args:
        image, other: (1, C, H, W) of equal size.
        reach: Shifts up to so many pixels in each direction are tried, below H and W.

    Returns:
        The correlation, and the shift (down, right) with image[p + shift] beside other[p].

    Raises:
        ValueError: If the sizes differ or the reach leaves no pixel.
    """
    check_tensors(image=(image, "1 C H W"), other=(other, "1 C H W"))
    height, width = image.shape[2:]
    if not 0 <= reach < min(height, width) - 1:
        raise ValueError(f"reach must be 0 to {min(height, width) - 2}, not {reach}")
    found = (-1.0, (0, 0))
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            ours = image[..., max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
            theirs = other[..., max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)]
            both = torch.stack([ours.flatten(), theirs.flatten()]).double()
            found = max(found, (float(torch.corrcoef(both)[0, 1].nan_to_num(0.0)), (down, right)))
    return found
