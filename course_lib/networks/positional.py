"""Positional encodings (chapter 3, "positional-encoding"; chapters 15, 18 and 20 use them again).

    fourier       p -> (sin 2^0 pi p, cos 2^0 pi p, ..., sin 2^(L-1) pi p, cos 2^(L-1) pi p)     for each coordinate
    sinusoidal    t -> (sin t/w_0, cos t/w_0, sin t/w_1, cos t/w_1, ...),     w_i = 10000^(2i/d)
    in 2-D        (row, column) -> the code of the row, then the code of the column, d/2 each
    rotary        turns the pair (x_2i, x_2i+1) of a query or key at t by the angle t/w_i
    learnt        a table of vectors, one for each place

The first is for continuous coordinates in [-1, 1] (Mildenhall et al. 2020, NeRF, 2003.08934): its frequencies double.
The second is for positions 0, 1, 2, ... in a sequence (Vaswani et al. 2017, 1706.03762): its wavelengths grow from
2 pi to 10000 * 2 pi. Both are the same idea, a coordinate read off several clocks of different speed. 2-D: as in DETR,
2005.12872, which counts from 1. Rotary: Su et al. 2021, RoFormer, 2104.09864, with neighbouring numbers as pairs as
there (LLaMA pairs the two halves); the product of a query and a key then depends on the distance of their places only.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

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
    angles = _angles(positions, dimensions)  # (N, d / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # (N, d)


def sinusoidal_encoding_2d(rows: Tensor, columns: Tensor, dimensions: int) -> Tensor:
    """The same for a grid of patches.

    Args:
        rows: (H,) floating point, normally 0, 1, 2, ...
        columns: (W,).
        dimensions: d, a multiple of 4.

    Returns:
        (H, W, d): the first d/2 numbers encode the row, the others the column.

    Raises:
        ValueError: For bad positions, or dimensions that are no multiple of 4.
    """
    if dimensions % 4:
        raise ValueError(
            f"dimensions must be a multiple of 4, half for the row and half for the column, not {dimensions}"
        )
    down, across = (sinusoidal_encoding(places, dimensions // 2) for places in (rows, columns))
    size = (len(rows), len(columns), -1)
    return torch.cat([down[:, None].expand(size), across.expand(size)], -1)


def apply_rotary(x: Tensor, positions: Tensor) -> Tensor:
    """Turn queries or keys by their places.

    Args:
        x: (..., N, E), E even; heads are leading dimensions.
        positions: (N,) floating point, normally 0, 1, 2, ...

    Returns:
        (..., N, E). Lengths stay; products of a turned query and a turned key depend on the distance of their places.

    Raises:
        ValueError: For bad shapes, or an odd E.
    """
    if x.ndim < 2 or positions.shape != x.shape[-2:-1]:
        raise ValueError(f"x must be (..., N, E) and positions (N,), not {tuple(x.shape)} and {tuple(positions.shape)}")
    angles = _angles(positions, x.shape[-1])  # (N, E / 2)
    cos, sin = angles.cos(), angles.sin()
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


class LearntPositions(nn.Module):
    """A vector for each place, added to the tokens and trained with the rest; there is none beyond the last.

    Args:
        places: Most tokens that can come.
        dimensions: E.
        deviation: Standard deviation of the first vectors, drawn from a normal distribution cut at 2.
    """

    def __init__(self, places: int, dimensions: int, deviation: float = 0.02):
        super().__init__()
        check_positive(places=places, dimensions=dimensions)
        vectors = torch.empty(places, dimensions)
        self.embedding = nn.Parameter(nn.init.trunc_normal_(vectors, std=deviation, a=-2 * deviation, b=2 * deviation))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, E) with N at most `places` to the same shape."""
        places, dimensions = self.embedding.shape
        if tokens.ndim != 3 or tokens.shape[1] > places or tokens.shape[2] != dimensions:
            raise ValueError(f"tokens must be (B, N, {dimensions}) with N at most {places}, not {tuple(tokens.shape)}")
        return tokens + self.embedding[: tokens.shape[1]]


def _angles(positions: Tensor, dimensions: int) -> Tensor:
    """(N,) positions on each of d/2 clocks: t / 10000^(2i/d), (N, d / 2) radians."""
    check_positive(dimensions=dimensions)
    if dimensions % 2:
        raise ValueError(f"dimensions must be even, one sine and one cosine a frequency, not {dimensions}")
    even = torch.arange(0, dimensions, 2, dtype=positions.dtype, device=positions.device)
    return positions[:, None] / 10_000 ** (even / dimensions)
