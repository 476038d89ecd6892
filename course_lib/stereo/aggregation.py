"""Cost aggregation (chapter 4, "stereo"): neighbours at the same depth should agree, so add up their costs.

    box      the mean over a window: assumes that the whole window has one disparity, wrong at every outline
    guided   in each window the cost is fitted by a line in the picture's brightness, a_k I + b_k; where the picture has
             an edge, the fit may have one too (He, Sun and Tang, 2010; for stereo: Hosni et al., 2013)

        a_k = cov(I, c) / (var(I) + eps),  b_k = mean(c) - a_k mean(I),  out = mean_k(a_k) I + mean_k(b_k)

Both cost the same for each disparity and nothing depends on the disparity's own value. eps says how much contrast
counts as an edge.
"""

from __future__ import annotations

from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.stereo.costs import box_mean, check_window


def box_aggregate(volume: Tensor, size: int) -> Tensor:
    """Mean cost over size x size windows at equal disparity.

    Args:
        volume: (B, D, H, W).
        size: Odd; 1 changes nothing.

    Raises:
        ValueError: For bad shapes or values, or an even window.
    """
    check_tensors(volume=(volume, "B D H W"))
    check_window(size)
    return box_mean(volume, size) if size > 1 else volume


def guided_aggregate(volume: Tensor, guide: Tensor, size: int = 9, *, eps: float = 1e-3) -> Tensor:
    """Filter each slice of the volume so that it keeps the edges of a picture.

    Args:
        volume: (B, D, H, W).
        guide: (B, C, H, W) in [0, 1], the picture whose view the volume has; its channels are averaged.
        size: Window, odd.
        eps: Variance below which brightness counts as flat.

    Raises:
        ValueError: For bad shapes or values, an even window, or an eps that is not above 0.
    """
    check_tensors(volume=(volume, "B D H W"), guide=(guide, "B C H W"))
    check_window(size)
    check_positive(eps=eps)
    grey = guide.mean(1, keepdim=True)
    grey = grey - grey.mean(dim=(2, 3), keepdim=True)  # a shift changes nothing below but the rounding error
    mean = box_mean(grey, size)
    variance = (box_mean(grey * grey, size) - mean * mean).clamp(min=0)
    cost = box_mean(volume, size)
    slope = (box_mean(grey * volume, size) - mean * cost) / (variance + eps)
    return box_mean(slope, size) * grey + box_mean(cost - slope * mean, size)
