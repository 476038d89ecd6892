"""Does attention look at what the word says? (chapter 14, "image-captioning")

    mass      sum over places of attention * share of the place that the object covers
    chance    the object's share of the picture: what attention that is spread evenly would reach

Only words that speak of an object count. The control matters: a large object catches half of any map.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_tensors


def pointing_mass(maps: Tensor, masks: Tensor, alignment: Tensor) -> tuple[Tensor, Tensor]:
    """Share of each word's attention on the objects that it speaks of.

    Args:
        maps: (B, T, h, w), the weights of each word, which sum to 1.
        masks: (B, N, H, W) bool, the visible part of each object; H and W are multiples of h and w.
        alignment: (B, T, N) bool, the objects that each word speaks of.

    Returns:
        Mass and chance of the words that speak of an object, (words,) each, in [0, 1].

    Raises:
        ValueError: For shapes that do not fit.
    """
    check_tensors(maps=(maps, "B T h w"))
    if masks.ndim != 4 or alignment.shape != (*maps.shape[:2], masks.shape[1]):
        raise ValueError(f"masks must be (B, N, H, W) and alignment (B, T, N), not {tuple(masks.shape)} and "
                         f"{tuple(alignment.shape)} with maps {tuple(maps.shape)}")  # fmt: skip
    spoken = alignment.to(maps.dtype) @ masks.flatten(2).to(maps.dtype)  # (B, T, H W)
    spoken = F.adaptive_avg_pool2d(spoken.unflatten(-1, masks.shape[2:]), (maps.shape[2], maps.shape[3]))
    words = alignment.any(-1)
    return (maps * spoken).sum((2, 3))[words], spoken.mean((2, 3))[words]
