"""Synthetic sounds (chapter 4, "audio-representation"): a chirp, a vowel, a drum, and a way to line them up.

    chirp   a sine whose frequency rises evenly from f0 to f1
    vowel   pulses of the voice, filtered by resonances (formants) of the throat: the source-filter model (Fant 1960)
    drum    decaying sines at the frequencies of a round membrane (zeros of Bessel functions), after a click of noise

None of them is a recording. Values lie in [-1, 1]; signals are (T,) float64 at `rate` samples a second.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.core.seeding import generator

FORMANTS = {"a": (730, 1090, 2440), "i": (270, 2290, 3010), "u": (300, 870, 2240)}  # Hz; Peterson and Barney (1952)
MEMBRANE = (1.0, 1.593, 2.136, 2.296, 2.653, 2.918)  # modes of a round membrane, relative to the lowest


def chirp(start: float, end: float, seconds: float, *, rate: int) -> Tensor:
    """A sine whose frequency rises evenly.

    Args:
        start, end: Hz.
        seconds: Duration.
        rate: Samples a second.

    Returns:
        (T,) float64.

    Raises:
        ValueError: For numbers that are not above 0, or a frequency above half the rate.
    """
    t = _times(seconds, rate)
    check_positive(start=start, end=end)
    if max(start, end) > rate / 2:
        raise ValueError(f"{max(start, end):g} Hz is above half the rate, {rate / 2:g} Hz; it would alias")
    return torch.sin(2 * math.pi * (start * t + (end - start) * t**2 / (2 * seconds)))


def vowel(name: str, pitch: float, seconds: float, *, rate: int) -> Tensor:
    """A sung vowel: harmonics of the pitch, made strong near the formants.

    Args:
        name: a, i or u.
        pitch: Hz, the voice's fundamental.
        seconds: Duration.
        rate: Samples a second.

    Returns:
        (T,) float64, largest value 1.

    Raises:
        ValueError: For an unknown vowel or numbers that are not above 0.
    """
    if name not in FORMANTS:
        raise ValueError(f"vowel must be one of {', '.join(FORMANTS)}, not {name!r}")
    t = _times(seconds, rate)
    check_positive(pitch=pitch)
    harmonic = torch.arange(1, int(rate / 2 / pitch) + 1, dtype=torch.float64) * pitch  # (K,) Hz
    peaks = sum(1 / (1 + ((harmonic - f) / (40 + 0.05 * f)) ** 2) for f in FORMANTS[name])
    strength = peaks * (pitch / harmonic)  # the voice itself falls with frequency
    vibrato = 1 + 0.01 * torch.sin(2 * math.pi * 5 * t)
    phase = 2 * math.pi * torch.cumsum(vibrato, 0) / rate
    sound = (strength[:, None] * torch.sin(phase * harmonic[:, None])).sum(0)  # (T,)
    return _fade(sound / sound.abs().max(), rate)


def drum(pitch: float, seconds: float, rate: int, *, seed: int = 0) -> Tensor:
    """A struck membrane.

    Args:
        pitch: Hz, the lowest mode.
        seconds: Duration.
        rate: Samples a second.
        seed: Of the noise of the stroke.

    Returns:
        (T,) float64, largest value 1.

    Raises:
        ValueError: For numbers that are not above 0.
    """
    t = _times(seconds, rate)
    check_positive(pitch=pitch)
    modes = torch.tensor(MEMBRANE, dtype=torch.float64)[:, None] * pitch
    ringing = (torch.exp(-t * (6 + 0.02 * modes)) * torch.sin(2 * math.pi * modes * t)).sum(0)
    click = torch.randn(len(t), generator=generator(seed), dtype=torch.float64) * torch.exp(-t * 150)
    sound = ringing + click
    return _fade(sound / sound.abs().max(), rate, start=0.0005)


def sequence(parts: list[tuple[float, Tensor]], seconds: float, rate: int) -> Tensor:
    """Sounds one after the other, or together where they overlap; what does not fit in is cut off.

    Args:
        parts: When each sound starts, in seconds from 0, and its samples (N,).
        seconds: Duration of the whole.
        rate: Samples a second.

    Returns:
        (T,) float64, largest value 1.

    Raises:
        ValueError: For bad shapes or values, or a sound that would start after the end.
    """
    total = torch.zeros_like(_times(seconds, rate))
    for start, sound in parts:
        check_tensors(sound=(sound, "N"))
        first = round(start * rate)
        if not 0 <= first < len(total):
            raise ValueError(f"each part must start between 0 and {seconds:g} s, not at {start!r}")
        total[first : first + len(sound)] += sound[: len(total) - first]
    return total / total.abs().max()


def _times(seconds: float, rate: int) -> Tensor:
    check_positive(seconds=seconds, rate=rate)
    return torch.arange(round(seconds * rate), dtype=torch.float64) / rate


def _fade(sound: Tensor, rate: int, start: float = 0.02, end: float = 0.05) -> Tensor:
    """No click at the ends."""
    n = torch.arange(len(sound), dtype=sound.dtype)
    return sound * (n / (start * rate)).clamp(max=1) * ((len(sound) - 1 - n) / (end * rate)).clamp(max=1)
