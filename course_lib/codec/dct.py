"""The 8 x 8 cosine transform (chapter 4, "video-compression").

    M[k, n] = s_k cos(pi (2 n + 1) k / 16),    s_0 = sqrt(1/8), else sqrt(2/8)         M M^T = 1
    coefficients = M X M^T,   X = M^T coefficients M

M is orthonormal, so an error in the coefficients is an error of the same size in the pixels. Smooth blocks need few
coefficients, in the upper left corner; the zigzag order visits low frequencies first.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors

SIDE = 8


def dct_matrix(like: Tensor | None = None) -> Tensor:
    """The orthonormal (8, 8) matrix of the DCT-II, float64 or of another tensor's type and device."""
    n = torch.arange(SIDE, dtype=torch.float64)
    matrix = torch.cos(math.pi * (2 * n + 1) * n[:, None] / (2 * SIDE)) * math.sqrt(2 / SIDE)
    matrix[0] /= math.sqrt(2)
    return matrix if like is None else matrix.to(like)


def to_blocks(plane: Tensor) -> Tensor:
    """DCT coefficients of the 8 x 8 blocks of a picture.

    Args:
        plane: (B, H, W), H and W multiples of 8.

    Returns:
        (B, H / 8, W / 8, 8, 8).

    Raises:
        ValueError: For bad shapes or values, or sizes that are no multiples of 8.
    """
    check_tensors(plane=(plane, "B H W"))
    if plane.shape[1] % SIDE or plane.shape[2] % SIDE:
        raise ValueError(f"height and width must be multiples of {SIDE}, not {tuple(plane.shape[1:])}; pad the picture")
    m = dct_matrix(plane)
    tiles = plane.unflatten(2, (-1, SIDE)).unflatten(1, (-1, SIDE)).transpose(2, 3)  # (B, H / 8, W / 8, 8, 8)
    return m @ tiles @ m.T


def from_blocks(coefficients: Tensor) -> Tensor:
    """The picture of DCT coefficients; the inverse of `to_blocks`.

    Args:
        coefficients: (B, rows, columns, 8, 8).

    Returns:
        (B, 8 rows, 8 columns).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(coefficients=(coefficients, "B R K 8 8"))
    m = dct_matrix(coefficients)
    return (m.T @ coefficients @ m).transpose(2, 3).flatten(3, 4).flatten(1, 2)


def zigzag() -> Tensor:
    """The (64,) order in which the coefficients of a block are sent, as indices into the flattened 8 x 8 block."""

    def along(place: int) -> tuple[int, int]:
        row, column = divmod(place, SIDE)
        return row + column, row if (row + column) % 2 else column  # diagonals, in turn downwards and upwards

    return torch.tensor(sorted(range(SIDE * SIDE), key=along))
