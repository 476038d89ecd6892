"""Adaptive instance normalisation: give one picture's maps the statistics of another (chapter 8).

Huang, Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization", 2017, arXiv:1703.06868.

    AdaIN(x, y) = sigma(y) (x - mu(x)) / sigma(x) + mu(y)       mean and deviation of each map over its places

The paper's maps come from VGG, and a trained decoder turns them back into a picture. `adain_bands` uses the bands of a
Laplacian pyramid instead (chapter 5), whose way back is exact and needs no training: it transfers colours and the
contrast at each scale, not strokes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.pyramids import laplacian_collapse, laplacian_pyramid


def adain(content: Tensor, style: Tensor, eps: float = 1e-10) -> Tensor:
    """Content maps with the mean and standard deviation of the style's maps.

    Args:
        content: (B, D, H, W).
        style: (B, D, H', W'); the sizes may differ.
        eps: Added to the content's variance, so that a constant map stays finite.

    Returns:
        (B, D, H, W).

    Raises:
        ValueError: If batch or channels differ.
    """
    check_tensors(content=(content, "B D H W"), style=(style, "B D h w"))
    variance, mean = torch.var_mean(content, dim=(2, 3), correction=0, keepdim=True)
    target_variance, target_mean = torch.var_mean(style, dim=(2, 3), correction=0, keepdim=True)
    scale = target_variance.clamp(min=1e-20).sqrt() / (variance + eps).sqrt()  # the root has no slope at 0
    return (content - mean) * scale + target_mean


def adain_bands(content: Tensor, style: Tensor, levels: int = 5) -> Tensor:
    """Adaptive instance normalisation of each band of a Laplacian pyramid, put together again.

    Args:
        content: (B, C, H, W) in [0, 1].
        style: (B, C, H', W') in [0, 1].
        levels: Bands, the small rest included; 1 treats the pixels themselves.

    Returns:
        (B, C, H, W); values may leave [0, 1].

    Raises:
        ValueError: If batch or channels differ, or a picture is too small for the levels.
    """
    check_tensors(content=(content, "B C H W"), style=(style, "B C h w"))
    pairs = zip(laplacian_pyramid(content, levels), laplacian_pyramid(style, levels), strict=True)
    return laplacian_collapse([adain(ours, theirs) for ours, theirs in pairs])
