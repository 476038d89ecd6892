"""Adaptive instance normalisation: give one picture's maps the statistics of another (chapter 8).

Huang, Belongie, "Arbitrary style transfer in real-time with adaptive instance normalization", 2017, arXiv:1703.06868.

    AdaIN(x, y) = sigma(y) (x - mu(x)) / sigma(x) + mu(y)       mean and deviation of each map over its places
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks import check_tensors


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
    return (content - mean) * (target_variance / (variance + eps)).sqrt() + target_mean
