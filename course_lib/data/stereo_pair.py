"""A real stereo pair with known disparity: the motorcycle of Middlebury 2014, as scikit-image ships it.

Both pictures are rectified: what stands at column x of a row of the left picture stands at x - d(x) of the same row of
the right one. scikit-image's copy has a quarter of the benchmark's resolution. Scharstein et al. (GCPR 2014).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import skimage.data
import torch
from torch import Tensor
from torch.nn.functional import interpolate


class StereoPair(NamedTuple):
    """left, right (3, H, W) float32 in [0, 1]; disparity (H, W) pixels, 0 where unknown; known (H, W) bool.

    Depth in metres is focal * baseline / (disparity + offset), with focal and offset in pixels and baseline in metres.
    centre is the principal point of the left camera (x, y) in pixels.
    """

    left: Tensor
    right: Tensor
    disparity: Tensor
    known: Tensor
    focal: float
    baseline: float
    offset: float
    centre: tuple[float, float]


def motorcycle(step: int = 1) -> StereoPair:
    """The Middlebury motorcycle.

    Args:
        step: 1 for 500 x 741 pixels with disparities of 7 to 60; 2 for 250 x 370 pixels, half the disparity, and so
            on. Pictures are averaged over step x step pixels, the disparity keeps every step-th pixel.

    Raises:
        ValueError: For a step that is not 1, 2, 4 or 5.
    """
    if step not in (1, 2, 4, 5):
        raise ValueError(f"step must be 1, 2, 4 or 5, not {step!r}")
    left, right, disparity = skimage.data.stereo_motorcycle()
    rows, columns = (n // step * step for n in disparity.shape)
    pictures = torch.from_numpy(np.stack([left, right])[:, :rows, :columns]).permute(0, 3, 1, 2).float() / 255
    small = interpolate(pictures, scale_factor=1 / step, mode="area") if step > 1 else pictures  # (2, 3, H, W)
    truth = torch.from_numpy(disparity[step // 2 : rows : step, step // 2 : columns : step].astype(np.float32)) / step
    known = torch.isfinite(truth)
    return StereoPair(small[0], small[1], torch.where(known, truth, 0), known,
                      994.978 / step, 0.193001, 31.086 / step, (311.193 / step, 254.877 / step))  # fmt: skip
