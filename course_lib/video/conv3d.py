"""Convolution in time and space, written out, and what it cannot tell apart (chapter 12, "conv3d").

    y[d, t, i, j] = b[d] + sum_c sum_{a, u, v} W[d, c, a, u, v] x[c, t s_t + a, i s + u, j s + v]

A window of K_t x K x K numbers of each channel times one kernel: 2-D convolution is K_t = 1. Slide a clip by one frame,
and the answer slides by one frame (if s_t = 1): *temporal shift equivariance*. A 2-D convolution over T stacked frames
has K_t = T: there is nowhere left to slide, so it must learn every motion again for each moment at which it begins.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_shapes


def conv3d(clips: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: tuple[int, int, int] = (1, 1, 1),
           padding: tuple[int, int, int] = (0, 0, 0)) -> Tensor:  # fmt: skip
    """3-D convolution (as everywhere in deep learning: correlation) as one matrix product over all windows.

    Args:
        clips: (B, C, T, H, W).
        weight: (D, C, K_t, K_h, K_w).
        bias: (D,).
        stride: Steps in time, rows and columns.
        padding: Zeros on both sides of time, rows and columns.

    Returns:
        (B, D, T', H', W').

    Raises:
        ValueError: For shapes that do not fit, steps below 1, or kernels larger than the padded clip.
    """
    check_shapes(clips=(clips, "B C T H W"), weight=(weight, "D C Kt Kh Kw"))
    if bias is not None:
        check_shapes(bias=(bias, "D"), weight=(weight, "D C Kt Kh Kw"))
    if min(stride) < 1 or min(padding) < 0:
        raise ValueError(f"stride must be at least 1 and padding at least 0, not {tuple(stride)} and {tuple(padding)}")
    t, h, w = padding
    x = F.pad(clips, (w, w, h, h, t, t))
    if any(side < kernel for side, kernel in zip(x.shape[2:], weight.shape[2:], strict=True)):
        raise ValueError(f"a kernel of {tuple(weight.shape[2:])} does not fit into a padded clip of "
                         f"{tuple(x.shape[2:])}")  # fmt: skip
    for axis in range(3):
        x = x.unfold(2 + axis, weight.shape[2 + axis], stride[axis])  # windows go to the back: (B, C, T', H', W', ...)
    y = torch.einsum("bcthwauv,dcauv->bdthw", x, weight)
    return y if bias is None else y + bias[:, None, None, None]
