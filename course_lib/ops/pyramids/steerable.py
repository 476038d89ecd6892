"""The steerable pyramid (chapter 5, "steerable-pyramid"): bands by scale and by direction.

    angular filter   A_k(theta) = a_K cos(theta - pi k / K)^(K-1),        sum over k of A_k^2 = 1
    radial filters   L(r)^2 + H(r)^2 = 1, a raised cosine in log2(r) over one octave
    steering         A_phi = sum over k of s_k(phi) A_k
                     s_k(phi) = 1/K sum over n of c_n cos(n (phi - pi k / K))
                     n = K-1, K-3, ... down to 0 or 1;    c_0 = 1, the others 2

Simoncelli and Freeman (1995); steering: Freeman and Adelson (1991). All filters act on the Fourier transform. The low
part holds nothing beyond half its band, so it is cut out of the spectrum to go down a level: nothing is aliased, and
applying each filter twice and adding up gives the picture back. The picture counts as periodic. Angles in radians, the
direction in which brightness changes, clockwise from the right (y grows downwards). K - 1 odd: like a derivative.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors


class SteerablePyramid(NamedTuple):
    """What `steerable_pyramid` returns."""

    high: Tensor
    """(B, C, H, W), detail finer than the bands."""
    bands: list[Tensor]
    """Finest first, (B, C, K, H / 2^l, W / 2^l): direction k is pi k / K."""
    low: Tensor
    """(B, C, H / 2^levels, W / 2^levels)."""


def steerable_pyramid(image: Tensor, levels: int, orientations: int = 4) -> SteerablePyramid:
    """Split a picture by scale and direction.

    Args:
        image: (B, C, H, W), floating point; H and W can be divided by 2^levels.
        levels: Scales, an octave each; at least 1.
        orientations: Directions K, at least 1.

    Raises:
        ValueError: For bad shapes or values, no levels or directions, or a size that cannot be halved so often.
    """
    check_tensors(image=(image, "B C H W"))
    if levels < 1 or orientations < 1:
        raise ValueError(f"levels and orientations must be at least 1, not {levels} and {orientations}")
    if any(n % 2**levels for n in image.shape[2:]):
        raise ValueError(
            f"height and width must be multiples of 2^levels = {2**levels}, not {tuple(image.shape[2:])}; pad or crop"
        )
    spectrum = _centred(image)
    radius, angle = _polar(image)
    high = _picture(spectrum * _high(radius, math.pi))
    spectrum, bands = spectrum * _low(radius, math.pi), []
    for _ in range(levels):
        radius, angle = _polar(spectrum.real)
        masks = torch.stack([_oriented(angle, math.pi * k / orientations, orientations) for k in range(orientations)])
        bands.append(_picture((spectrum * _high(radius, math.pi / 2))[:, :, None] * masks))  # (B, C, K, H, W)
        spectrum = _halved(spectrum * _low(radius, math.pi / 2))
    return SteerablePyramid(high, bands, _picture(spectrum))


def steerable_reconstruct(pyramid: SteerablePyramid) -> Tensor:
    """Put the picture together again, (B, C, H, W): each band passes its filter a second time, then all are added."""
    spectrum = _centred(pyramid.low)
    for band in reversed(pyramid.bands):
        radius, angle = _polar(band)
        orientations = band.shape[2]
        spectrum = _doubled(spectrum) * _low(radius, math.pi / 2)
        for k in range(orientations):
            mask = _oriented(angle, math.pi * k / orientations, orientations).conj()
            spectrum = spectrum + _centred(band[:, :, k]) * mask * _high(radius, math.pi / 2)
    radius, _ = _polar(pyramid.high)
    return _picture(spectrum * _low(radius, math.pi) + _centred(pyramid.high) * _high(radius, math.pi))


def steer(band: Tensor, angle: float | Tensor) -> Tensor:
    """The band in any direction, as a weighted sum of the K directions that were computed.

    Args:
        band: (B, C, K, H, W), one scale of a pyramid.
        angle: Radians; one for all, or (H, W) one for each pixel.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(band=(band, "B C K H W"))
    K = band.shape[2]
    angle = torch.as_tensor(angle, dtype=band.dtype, device=band.device)
    weights = torch.stack([_steering_weight(angle - math.pi * k / K, K) for k in range(K)])  # (K,) or (K, H, W)
    return (band * weights.reshape(K, *(angle.shape or (1, 1)))).sum(dim=2)


def _steering_weight(difference: Tensor, K: int) -> Tensor:
    """s_k for an angle that differs from direction k by `difference`."""
    terms = [torch.cos(n * difference) * (1 if n == 0 else 2) for n in range(K - 1, -1, -2)]
    return torch.stack(terms).sum(dim=0) / K


def _oriented(angle: Tensor, phase: float, K: int) -> Tensor:
    """A_phase on a grid of angles, complex: the factor (-i)^(K-1) makes the band real."""
    scale = math.sqrt(2 ** (2 * K - 2) * math.factorial(K - 1) ** 2 / (K * math.factorial(2 * K - 2)))
    return (-1j) ** (K - 1) * scale * torch.cos(angle - phase) ** (K - 1)


def _low(radius: Tensor, cut: float) -> Tensor:
    """1 below cut / 2, 0 from cut on, a raised cosine in log2 between."""
    octave = torch.log2(radius / cut).clamp(-1, 0)  # -1 at cut / 2, 0 at cut
    return torch.cos(math.pi / 2 * (octave + 1))


def _high(radius: Tensor, cut: float) -> Tensor:
    """The complement: squares of both sum to 1."""
    octave = torch.log2(radius / cut).clamp(-1, 0)
    return torch.sin(math.pi / 2 * (octave + 1))


def _polar(image: Tensor) -> tuple[Tensor, Tensor]:
    """Radius (radians a pixel) and angle of each place of a centred spectrum, (H, W) each."""
    H, W = image.shape[-2:]
    y, x = ((torch.arange(n, dtype=image.dtype, device=image.device) - n // 2) * (2 * math.pi / n) for n in (H, W))
    radius = torch.hypot(y[:, None], x[None, :])
    return radius.clamp_min(1e-9), torch.atan2(y[:, None], x[None, :])


def _centred(image: Tensor) -> Tensor:
    """Fourier transform with frequency 0 in the middle (at n // 2)."""
    return torch.fft.fftshift(torch.fft.fft2(image), dim=(-2, -1))


def _picture(spectrum: Tensor) -> Tensor:
    """The real picture of a centred spectrum."""
    return torch.fft.ifft2(torch.fft.ifftshift(spectrum, dim=(-2, -1))).real


def _halved(spectrum: Tensor) -> Tensor:
    """The inner half of a centred spectrum; a quarter of the values keeps the mean with a quarter of the sum."""
    H, W = spectrum.shape[-2:]
    return spectrum[..., H // 2 - H // 4 : H // 2 - H // 4 + H // 2, W // 2 - W // 4 : W // 2 - W // 4 + W // 2] / 4


def _doubled(spectrum: Tensor) -> Tensor:
    """The counterpart of `_halved`: zeros around."""
    H, W = spectrum.shape[-2:]
    top, left = H - H // 2, W - W // 2
    return torch.nn.functional.pad(spectrum * 4, [left, W - left, top, H - top])
