"""How good is a disparity map? (chapter 4, "stereo")

    bad-t   share of pixels whose disparity is wrong by more than t pixels (Scharstein and Szeliski, 2002)

A threshold belongs to a resolution: 2 pixels of a picture of a quarter of the size are 8 pixels of the full one.
Pixels that only one camera sees have no match; results are therefore given for all pixels and for those seen by both.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors, describe


def bad_pixels(disparity: Tensor, truth: Tensor, counted: Tensor, *, threshold: float = 2.0) -> float:
    """Share of counted pixels whose error is above the threshold.

    Args:
        disparity, truth: (B, H, W) pixels.
        counted: (B, H, W) bool, which pixels count.
        threshold: Pixels.

    Returns:
        0 to 1.

    Raises:
        ValueError: For bad shapes or values, or if nothing is counted.
    """
    check_positive(threshold=threshold)
    return float((_errors(disparity, truth, counted) > threshold).double().mean())


def mean_error(disparity: Tensor, truth: Tensor, counted: Tensor) -> float:
    """Mean absolute error over the counted pixels, in pixels. Arguments and errors as `bad_pixels`."""
    return float(_errors(disparity, truth, counted).double().mean())


def _errors(disparity: Tensor, truth: Tensor, counted: Tensor) -> Tensor:
    check_tensors(disparity=(disparity, "B H W"), truth=(truth, "B H W"))
    if not isinstance(counted, Tensor) or counted.dtype != torch.bool or counted.shape != truth.shape:
        raise ValueError(f"counted must be a bool tensor of shape {tuple(truth.shape)}, not a {describe(counted)}")
    if not counted.any():
        raise ValueError("counted is False everywhere: there is no pixel to score")
    return (disparity - truth).abs()[counted]


def seen_by_both(truth: Tensor, known: Tensor) -> Tensor:
    """Pixels of the left picture that the right camera sees too, from the true disparity.

    A pixel is hidden if it lands outside the right picture, or where a nearer pixel (more than one pixel of disparity
    nearer) lands as well.

    Args:
        truth: (B, H, W) pixels.
        known: (B, H, W) bool, where truth is known; elsewhere the answer is False.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(truth=(truth, "B H W"))
    landing = torch.arange(truth.shape[2], device=truth.device) - truth
    inside = known & (landing >= 0)
    front = torch.full_like(truth, -1.0)
    for place in (landing.floor(), landing.ceil()):  # a surface covers the two columns around its landing
        column = place.long().clamp(0, truth.shape[2] - 1)
        front = front.scatter_reduce(2, column, torch.where(inside, truth, -1.0), "amax")
    nearest = front.gather(2, landing.round().long().clamp(0, truth.shape[2] - 1))
    return inside & (nearest <= truth + 1)
