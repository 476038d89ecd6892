"""Find a filter from examples instead of designing it (chapter 6).

    min over g of  |f * g - h|^2      f: a picture, h: what somebody's filter made of it

Each output pixel is a scalar product of a k x k window with the k^2 unknown weights. Stacking the windows as rows of a
matrix A (im2col) gives linear least squares |A g - h|^2: convolution layers are linear regression with shared weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.filters import im2col


def fit_filter(picture: Tensor, filtered: Tensor, size: int) -> Tensor:
    """The k x k kernel that turns one picture into another, by least squares over all windows.

    Args:
        picture: (B, 1, H, W), floating point; float64 is best.
        filtered: (B, 1, H - k + 1, W - k + 1), the wanted result without borders.
        size: k.

    Returns:
        (k, k), to be used as cross-correlation, the way convolution layers compute. Where the picture leaves a
        choice, the shortest of all best kernels.

    Raises:
        ValueError: If the sizes do not fit, or there are fewer windows than weights.
    """
    check_tensors(picture=(picture, "B 1 H W"), filtered=(filtered, "B 1 h w"))
    wanted = (picture.shape[2] - size + 1, picture.shape[3] - size + 1)
    if filtered.shape[2:] != wanted or len(filtered) != len(picture):
        shape = (len(picture), 1, *wanted)
        raise ValueError(f"filtered must have shape {shape}, not {tuple(filtered.shape)}")
    windows = im2col(picture, (size, size)).transpose(1, 2).flatten(0, 1)  # (B h w, k^2)
    if len(windows) < size**2:
        raise ValueError(f"{size**2} weights need at least as many windows, not {len(windows)}")
    return (torch.linalg.pinv(windows) @ filtered.flatten()).view(size, size)
