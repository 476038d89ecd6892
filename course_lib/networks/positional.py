"""Positional encodings (chapter 3, "positional-encoding"; chapters 8 and 13 use them again).

    fourier       p -> (sin 2^0 pi p, cos 2^0 pi p, ..., sin 2^(L-1) pi p, cos 2^(L-1) pi p)     for each coordinate
    sinusoidal    t -> (sin t/w_0, cos t/w_0, sin t/w_1, cos t/w_1, ...),     w_i = 10000^(2i/d)

The first is for continuous coordinates in [-1, 1] (Mildenhall et al. 2020, NeRF, 2003.08934): its frequencies double.
The second is for positions 0, 1, 2, ... in a sequence (Vaswani et al. 2017, 1706.03762): its wavelengths grow from
2 pi to 10000 * 2 pi. Both are the same idea, a coordinate read off several clocks of different speed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def fourier_encoding(points: Tensor, frequencies: int) -> Tensor:
    """Sines and cosines of doubling frequency for each coordinate.

    Args:
        points: (..., D) coordinates, normally in [-1, 1]; larger ones repeat.
        frequencies: L, at least 1.

    Returns:
        (..., 2 L D): for each coordinate in turn sin 2^0 pi p, cos 2^0 pi p, sin 2^1 pi p, ...

    Raises:
        ValueError: For bad points or no frequency.
    """
    check_tensors(points=(points, "... D"))
    check_positive(frequencies=frequencies)
    scale = math.pi * 2.0 ** torch.arange(frequencies, dtype=points.dtype, device=points.device)
    angles = points.unsqueeze(-1) * scale  # (..., D, L)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-3)  # (..., 2 L D)


def sinusoidal_encoding(positions: Tensor, dimensions: int) -> Tensor:
    """The transformer's encoding of places in a sequence.

    Args:
        positions: (N,) floating point, normally 0, 1, 2, ...
        dimensions: d, even.

    Returns:
        (N, d): column 2i is the sine and column 2i + 1 the cosine of t / 10000^(2i/d).

    Raises:
        ValueError: For bad positions or an odd number of dimensions.
    """
    check_tensors(positions=(positions, "N"))
    check_positive(dimensions=dimensions)
    if dimensions % 2:
        raise ValueError(f"dimensions must be even, one sine and one cosine a frequency, not {dimensions}")
    even = torch.arange(0, dimensions, 2, dtype=positions.dtype, device=positions.device)
    angles = positions[:, None] / 10_000 ** (even / dimensions)  # (N, d / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # (N, d)
