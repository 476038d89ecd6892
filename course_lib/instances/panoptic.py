"""Panoptic maps: instances and a semantic map made into one answer for each pixel (chapter 11, "panoptic").

    1  instances with a score below `least_score` are dropped; the others are pasted one by one, best first
    2  an instance gets the pixels of its mask that are still free; if those are less than `least_visible` of its mask,
       it is dropped: somebody else has described that object already
    3  pixels that are still free take the semantic map's stuff; a stuff of fewer than `least_stuff` pixels is dropped
    4  what is left is void

Kirillov, He, Girshick, Rother, Dollar, Panoptic segmentation, 2018, arXiv:1801.00868, and Panoptic FPN, 2019,
arXiv:1901.02446. Nothing is learnt here: whoever has the better score lies in front, right or wrong. A map holds
category * offset + number, void is -1, as `PanopticQuality` reads it. Without a detector, each connected piece of a
thing's category is the best guess at an instance: `pieces_panoptic`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from scipy.ndimage import label as label_pieces
from torch import Tensor

from course_lib.core.checks import check_positive, describe
from course_lib.metrics.panoptic import PanopticQuality
from course_lib.ops.masks import check_masks

VOID = -1


def merge_panoptic(answer: Mapping[str, Tensor], semantic: Tensor, stuff: Sequence[int], *, least_score: float = 0.5,
                   least_visible: float = 0.5, least_stuff: int = 16, offset: int = 1000) -> Tensor:  # fmt: skip
    """One picture's panoptic map.

    Args:
        answer: "masks" (D, H, W) bool, "labels" (D,) int64 and "scores" (D,), in the order in which they are pasted.
        semantic: (H, W) int64 categories.
        stuff: Categories that have no instances.
        least_score: Instances below it are dropped.
        least_visible: Smallest share of its mask that an instance must find free, in [0, 1].
        least_stuff: Pixels from which a stuff is believed.
        offset: By which a category is multiplied.

    Returns:
        (H, W) int64: category * offset + 1, 2, ... for things in the order of pasting, category * offset for stuff, -1.

    Raises:
        ValueError: For shapes that do not fit, or a share outside of [0, 1].
    """
    masks = answer["masks"]
    check_masks(**{"answer's masks": masks})
    check_positive(offset=offset)
    if not isinstance(semantic, Tensor) or semantic.dtype != torch.int64 or semantic.shape != masks.shape[1:]:
        raise ValueError(f"semantic must be int64 of the masks' size {tuple(masks.shape[1:])}, not a "
                         f"{describe(semantic)}")  # fmt: skip
    if not 0 <= least_visible <= 1:
        raise ValueError(f"least_visible must be in [0, 1], not {least_visible}")
    found, number = torch.full_like(semantic, VOID), 0
    for mask, label, score in zip(masks, answer["labels"].tolist(), answer["scores"].tolist(), strict=True):
        free = mask & (found == VOID)
        if score < least_score or not free.any() or free.sum() < least_visible * mask.sum():
            continue
        number += 1
        found[free] = label * offset + number
    for category in stuff:
        free = (semantic == category) & (found == VOID)
        if free.sum() >= least_stuff:
            found[free] = category * offset
    return found


def pieces_panoptic(semantic: Tensor, stuff: Sequence[int], *, least: int = 16, offset: int = 1000) -> Tensor:
    """A panoptic map without a detector: each connected piece of a thing's category is an instance.

    Args:
        semantic: (H, W) int64 categories; below 0 is void.
        stuff: Categories that have no instances.
        least: Pixels below which a piece, or a stuff, is void.
        offset: By which a category is multiplied.

    Returns:
        (H, W) int64. Pixels that touch by a side or a corner are connected.

    Raises:
        ValueError: For another shape or kind.
    """
    if not isinstance(semantic, Tensor) or semantic.dtype != torch.int64 or semantic.ndim != 2:
        raise ValueError(f"semantic must be int64 of shape (H, W), not a {describe(semantic)}")
    found = torch.full_like(semantic, VOID)
    for category in semantic.unique().tolist():
        if category < 0:
            continue
        mask = semantic == category
        parts, count = (mask, 1) if category in stuff else label_pieces(mask.cpu().numpy(), np.ones((3, 3)))
        parts = torch.as_tensor(parts, device=semantic.device).long()
        number = 0
        for k in range(1, count + 1):
            part = parts == k
            if part.sum() >= least:
                number += 0 if category in stuff else 1
                found[part] = category * offset + number
    return found


def shared_pixels(masks: Tensor) -> Tensor:
    """How many pixels each two of (D, H, W) bool masks have in common: (D, D) int64, areas on the diagonal."""
    check_masks(masks=masks)
    rows = masks.flatten(1).double()
    return (rows @ rows.mT).round().long()


def quality_by_kind(quality: PanopticQuality, stuff: Sequence[int]) -> dict[str, dict[str, float]]:
    """PQ, SQ and RQ, means over "all" categories that are somewhere, over "things" and over "stuff"."""
    values = torch.stack(quality.by_class())  # (3, K)
    kind = torch.zeros(quality.classes, dtype=torch.bool)
    kind[list(stuff)] = True
    parts = {"all": values, "things": values[:, ~kind], "stuff": values[:, kind]}
    return {name: dict(zip(("PQ", "SQ", "RQ"), part.nanmean(1).tolist(), strict=True)) for name, part in parts.items()}
