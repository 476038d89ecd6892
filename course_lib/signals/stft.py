"""The short-time Fourier transform (chapter 4, "audio-representation"): which frequencies a sound has, and when.

    S[k, m] = sum_n  w[n] x[m hop + n] exp(-2 pi i k n / N)      N = window length, frame m, frequency k / N of the rate
    inverse: transform each frame back, multiply by w again, add up where frames overlap, divide by the sum of w^2

The inverse is the least-squares signal for a given S, so it also turns an edited S, which no signal may have, into
sound (Griffin and Lim 1984). Conventions: signals (..., T); spectra (..., N / 2 + 1, M) complex; the signal is
mirrored by N / 2 at both ends, so that frame m is centred on sample m hop, as in torch.stft. `swap_phase` works on
pictures too (Oppenheim and Lim 1981).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors, describe


def hann_window(length: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Tensor:
    """The raised cosine, periodic, so that windows half a length apart add up to one.

    Args:
        length: N, at least 2.
        dtype, device: Of the result.

    Returns:
        (N,) from 0 to 1.

    Raises:
        ValueError: For a length below 2.
    """
    if length < 2:
        raise ValueError(f"length must be at least 2 samples, not {length}")
    n = torch.arange(length, dtype=dtype or torch.get_default_dtype(), device=device)
    return 0.5 - 0.5 * torch.cos(2 * math.pi * n / length)


def stft(signal: Tensor, window: Tensor, hop: int) -> Tensor:
    """Cut a signal into overlapping frames, weigh each with the window, and transform each.

    Args:
        signal: (..., T) samples, T more than half the window.
        window: (N,) weights, N even.
        hop: Samples from one frame to the next, at most N.

    Returns:
        (..., N / 2 + 1, M) complex, M = 1 + T // hop frames.

    Raises:
        ValueError: For bad shapes or values, an odd window, or a hop outside 1 ... N.
    """
    check_tensors(signal=(signal, "... T"), window=(window, "N"))
    half = _check_window(window, hop)
    if signal.shape[-1] <= half:
        raise ValueError(f"signal must be longer than half the window, {half} samples, not {signal.shape[-1]}")
    before, after = signal[..., 1 : half + 1].flip(-1), signal[..., -half - 1 : -1].flip(-1)
    frames = torch.cat([before, signal, after], dim=-1).unfold(-1, 2 * half, hop)  # (..., M, N)
    return torch.fft.rfft(frames * window).mT


def istft(spectrum: Tensor, window: Tensor, hop: int, *, length: int) -> Tensor:
    """The signal whose frames come nearest to a spectrum; exactly the signal if the spectrum came from one.

    Args:
        spectrum: (..., N / 2 + 1, M) complex.
        window: (N,) weights, those of the analysis.
        hop: As in the analysis.
        length: T, samples of the result.

    Returns:
        (..., T).

    Raises:
        ValueError: If sizes do not fit, or if the windows leave a sample without weight.
    """
    check_tensors(window=(window, "N"))
    half = _check_window(window, hop)
    if not isinstance(spectrum, Tensor) or not spectrum.is_complex() or spectrum.shape[-2:-1] != (half + 1,):
        raise ValueError(f"spectrum must be a complex tensor of shape (..., {half + 1}, M), not a {describe(spectrum)}")
    frames = torch.fft.irfft(spectrum.mT, n=2 * half) * window  # (..., M, N)
    count = frames.shape[-2]
    total = 2 * half + (count - 1) * hop
    if total < half + length:
        raise ValueError(f"{count} frames reach {total - half} samples, fewer than the length {length}")
    n = torch.arange(total, device=window.device)
    place = n.unfold(0, 2 * half, hop).flatten()  # where each sample of each frame belongs
    summed = frames.new_zeros(*frames.shape[:-2], total).index_add(-1, place, frames.flatten(-2))
    weight = window.new_zeros(total).index_add(0, place, (window**2).repeat(count))[half : half + length]
    if weight.min() <= 1e-10 * weight.max():
        raise ValueError(f"the windows leave some samples without weight; use a smaller hop, such as {half // 2}")
    return summed[..., half : half + length] / weight


def swap_phase(first: Tensor, second: Tensor, dims: tuple[int, ...] = (-1,)) -> tuple[Tensor, Tensor]:
    """Give each of two signals the other's phase and keep its own magnitudes.

    Args:
        first, second: Tensors of one shape, floating point.
        dims: Axes to transform: (-1,) for sound, (-2, -1) for pictures.

    Returns:
        The magnitudes of the first with the phase of the second, and the other way round.

    Raises:
        ValueError: For different shapes or bad values.
    """
    names = [chr(97 + i) for i in range(getattr(first, "ndim", 1))]
    check_tensors(first=(first, " ".join(names)), second=(second, " ".join(names)))
    a, b = torch.fft.fftn(first, dim=dims), torch.fft.fftn(second, dim=dims)
    swapped = (torch.polar(a.abs(), b.angle()), torch.polar(b.abs(), a.angle()))
    one, two = (torch.fft.ifftn(spectrum, dim=dims).real for spectrum in swapped)
    return one, two


def _check_window(window: Tensor, hop: int) -> int:
    """Half the window's length."""
    if len(window) % 2:
        raise ValueError(f"window must have an even number of samples, not {len(window)}")
    if not 1 <= hop <= len(window):
        raise ValueError(f"hop must be 1 to {len(window)}, the window's length, not {hop!r}")
    return len(window) // 2
