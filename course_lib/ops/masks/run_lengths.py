"""A mask as the lengths of its runs (chapter 11): how COCO stores masks.

Read column by column, a mask is a few 0s, then a few 1s, then 0s again: only how many is written down. The first count
is of 0s, and is 0 if the first pixel is set.

    0 1 1
    0 1 0    is read  0 0 1 1 1 0  and written  [2, 3, 1]

These are COCO's uncompressed counts (cocodataset.org/#format-data); its compressed form packs the numbers as text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from course_lib.core.checks import describe


def run_lengths(mask: Tensor) -> list[int]:
    """Run lengths of a mask.

    Args:
        mask: (H, W) bool.

    Returns:
        Counts of 0s and 1s in turn, beginning with the 0s, down the columns; their sum is H * W.

    Raises:
        ValueError: If the mask is none or has no pixel.
    """
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.ndim != 2 or mask.numel() == 0:
        raise ValueError(f"mask must be a bool tensor of shape (H, W) with a pixel at least, not a {describe(mask)}")
    flat = mask.cpu().numpy().astype(np.int8).ravel(order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=0, append=1 - flat[-1]))
    return np.diff(edges, prepend=0).tolist()


def from_run_lengths(counts: Sequence[int], height: int, width: int) -> Tensor:
    """The inverse of `run_lengths`.

    Args:
        counts: Counts of 0s and 1s in turn, beginning with the 0s, not negative.
        height, width: Size of the mask.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: If the counts do not add up to the size.
    """
    if min(counts, default=0) < 0 or sum(counts) != height * width:
        raise ValueError(
            f"counts must add up to {height} x {width} = {height * width} and be at least 0, "
            f"not add up to {sum(counts)} with the least {min(counts, default=0)}"
        )
    values = np.arange(len(counts)) % 2 == 1
    return torch.from_numpy(np.repeat(values, counts).reshape((height, width), order="F").copy())
