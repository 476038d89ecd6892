"""Filtering many channels (chapter 5, "conv3d-channels").

    per channel   out[b, c]    = image[b, c] * kernel[c]                    channels never meet; C h w weights
    joint         out[b, k]    = sum over c of image[b, c] * weight[k, c]   each output sees all channels; K C h w
    3-D           out[b, k, t] = sum over c, s of clip[b, c, t + s] * weight[k, c, s]    also slides along t

* is the 2-D cross-correlation without padding. Joint filtering is a 3-D filter along (C, H, W) as deep as there are
channels, which therefore fits in one place only along C. conv3d with T as depth filters a clip in space and time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.filters.convolution import conv2d_im2col, output_size


def conv_per_channel(image: Tensor, kernels: Tensor) -> Tensor:
    """Filter each channel with a kernel of its own ("depthwise" convolution).

    Args:
        image: (B, C, H, W), floating point.
        kernels: (C, h, w) of the same dtype.

    Returns:
        (B, C, H - h + 1, W - w + 1).

    Raises:
        ValueError: For bad shapes, values or dtypes, or a kernel that does not fit.
    """
    check_tensors(image=(image, "B C H W"), kernels=(kernels, "C h w"))
    channels = [conv2d_im2col(image[:, c : c + 1], kernels[None, c : c + 1]) for c in range(len(kernels))]
    return torch.cat(channels, dim=1)


def conv3d(clip: Tensor, weight: Tensor) -> Tensor:
    """3-D convolution as a sum of 2-D ones, one for each slice of the kernel.

    Args:
        clip: (B, C, T, H, W), floating point: T frames, or T slices of a volume.
        weight: (K, C, t, h, w) of the same dtype.

    Returns:
        (B, K, T - t + 1, H - h + 1, W - w + 1), equal to `torch.nn.functional.conv3d`.

    Raises:
        ValueError: For bad shapes, values or dtypes, or a kernel that does not fit.
    """
    check_tensors(clip=(clip, "B C T H W"), weight=(weight, "K C t h w"))
    B, frames = len(clip), output_size(clip.shape[2], weight.shape[2])
    slices = []
    for s in range(weight.shape[2]):
        part = clip[:, :, s : s + frames].transpose(1, 2).flatten(0, 1)  # (B T', C, H, W)
        slices.append(conv2d_im2col(part, weight[:, :, s]))  # (B T', K, H', W')
    return torch.stack(slices).sum(dim=0).unflatten(0, (B, frames)).transpose(1, 2)  # (B, K, T', H', W')
