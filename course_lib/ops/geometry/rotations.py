"""Rotations of space as matrices (chapter 1, "data-forms").

    Rodrigues   R = exp([w]x) = I + sin|w| [k]x + (1 - cos|w|) [k]x^2,     k = w / |w|

[w]x is the matrix of the cross product with w. Matrices act on column vectors and turn right-handed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors


def axis_angle_to_matrix(vector: Tensor) -> Tensor:
    """Rotation matrices from rotation vectors, by Rodrigues' formula.

    Args:
        vector: (..., 3): direction = axis, length = angle in radians, right-handed.

    Returns:
        (..., 3, 3).

    Raises:
        ValueError: For a bad shape or values.
    """
    check_tensors(vector=(vector, "... 3"))
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    return torch.matrix_exp(cross)
