"""Sound levels and how loud they seem (chapter 4, "audio-representation").

    decibel        L = 20 log10(rms / reference); in air the reference is 20 micropascal
    phon           a tone has N phon if it seems as loud as a tone of 1000 Hz at N dB
    equal loudness L(f, N) of ISO 226:2003: from a table of 29 frequencies, between them interpolated
    A-weighting    one fixed curve in dB that imitates the ear at low levels (IEC 61672-1:2013), +0 dB at 1000 Hz

The phon contours hold for pure tones from the front, in a free field, heard by young adults, from 20 to 80 phon (to 90
below 4000 Hz). The standard was revised in 2023 with small changes. A-weighting is what sound level meters use for all
sounds at all levels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors

# ISO 226:2003, table 1: frequency (Hz), exponent of loudness, level of linear transfer (dB), threshold of hearing (dB).
_FREQUENCY = [20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000,
              2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500]  # fmt: skip
_EXPONENT = [0.532, 0.506, 0.480, 0.455, 0.432, 0.409, 0.387, 0.367, 0.349, 0.330, 0.315, 0.301, 0.288, 0.276, 0.267,
             0.259, 0.253, 0.250, 0.246, 0.244, 0.243, 0.243, 0.243, 0.242, 0.242, 0.245, 0.254, 0.271,
             0.301]  # fmt: skip
_TRANSFER = [-31.6, -27.2, -23.0, -19.1, -15.9, -13.0, -10.3, -8.1, -6.2, -4.5, -3.1, -2.0, -1.1, -0.4, 0.0, 0.3, 0.5,
             0.0, -2.7, -4.1, -1.0, 1.7, 2.5, 1.2, -2.1, -7.1, -11.2, -10.7, -3.1]  # fmt: skip
_THRESHOLD = [78.5, 68.7, 59.5, 51.1, 44.0, 37.5, 31.5, 26.5, 22.1, 17.9, 14.4, 11.4, 8.6, 6.2, 4.4, 3.0, 2.2, 2.4, 3.5,
              1.7, -1.3, -4.2, -6.0, -5.4, -1.5, 6.0, 12.6, 13.9, 12.3]  # fmt: skip


def decibel(signal: Tensor, reference: float = 1.0) -> Tensor:
    """The level of a signal.

    Args:
        signal: (..., T) samples.
        reference: The root mean square that is 0 dB: 1 for full scale, 20e-6 for pascals.

    Returns:
        (...) dB; minus infinity for silence.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(signal=(signal, "... T"))
    check_positive(reference=reference)
    return 10 * torch.log10(signal.square().mean(-1) / reference**2)


def a_weighting(frequency: Tensor) -> Tensor:
    """What a sound level meter adds to a tone's level, so that the reading says how loud it seems.

    Args:
        frequency: (...) Hz, above 0.

    Returns:
        (...) dB, 0 at 1000 Hz.

    Raises:
        ValueError: For a frequency that is not above 0.
    """
    _check_frequency(frequency)
    squared = frequency.double() ** 2

    def gain(s: Tensor) -> Tensor:
        poles = (s + 20.598997**2) * ((s + 107.65265**2) * (s + 737.86223**2)).sqrt() * (s + 12194.217**2)
        return s**2 / poles

    at_1000 = gain(torch.tensor(1e6, dtype=torch.float64, device=frequency.device))
    return (20 * torch.log10(gain(squared) / at_1000)).to(frequency.dtype)


def equal_loudness(frequency: Tensor, phon: float) -> Tensor:
    """The level that makes tones seem as loud as a tone of 1000 Hz at `phon` dB.

    Args:
        frequency: (...) Hz, 20 to 12500.
        phon: 20 to 90; above 80 the standard holds up to 4000 Hz.

    Returns:
        (...) dB above 20 micropascal.

    Raises:
        ValueError: For frequencies or a loudness outside the table.
    """
    _check_frequency(frequency)
    if frequency.min() < _FREQUENCY[0] or frequency.max() > _FREQUENCY[-1]:
        found = f"{float(frequency.min()):g} to {float(frequency.max()):g}"
        raise ValueError(f"frequency must lie in 20 to 12500 Hz, not {found}")
    if not 20 <= phon <= 90:
        raise ValueError(f"phon must lie in 20 to 90, where the standard's formula holds, not {phon!r}")
    table = torch.tensor([_FREQUENCY, _EXPONENT, _TRANSFER, _THRESHOLD], dtype=torch.float64, device=frequency.device)
    _, exponent, transfer, threshold = table
    loudness = 4.47e-3 * (10 ** (0.025 * phon) - 1.15) + (0.4 * 10 ** ((threshold + transfer) / 10 - 9)) ** exponent
    level = 10 / exponent * torch.log10(loudness) - transfer + 94
    return _interpolate(frequency.double().log(), table[0].log(), level).to(frequency.dtype)


def _interpolate(x: Tensor, known_x: Tensor, known_y: Tensor) -> Tensor:
    """Straight lines between known points, as numpy.interp."""
    right = torch.searchsorted(known_x, x.contiguous()).clamp(1, len(known_x) - 1)
    share = (x - known_x[right - 1]) / (known_x[right] - known_x[right - 1])
    return known_y[right - 1] + share * (known_y[right] - known_y[right - 1])


def _check_frequency(frequency: Tensor) -> None:
    if isinstance(frequency, Tensor) and frequency.ndim == 0:
        frequency = frequency[None]
    check_tensors(frequency=(frequency, "... T"))
    if frequency.min() <= 0:
        raise ValueError(f"frequency must be above 0 Hz, not {float(frequency.min()):g}")
