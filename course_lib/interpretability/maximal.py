"""The patches that excite a unit most (chapter 7): Zeiler, Fergus 2013, arXiv:1311.2901; Girshick et al. 2013.

A unit is one map of a layer. For each image only its best place counts, so that one lucky picture does not fill the
list. The patch is the unit's receptive field, centred where the maximum was.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def maximal_patches(images: Tensor, maps: Tensor, unit: int, *, count: int, side: int) -> tuple[Tensor, Tensor]:
    """Cut out the patches where a unit is strongest.

    Args:
        images: (N, C, H, W), floating point.
        maps: (N, D, H', W'), a layer's answer to them; place (y', x') lies over the pixel ((y' + 1/2) H / H', ...).
        unit: Which of the D maps.
        count: How many patches, at most N.
        side: Side of a patch in pixels, for instance the receptive field; what lies outside an image is 0.

    Returns:
        Patches (count, C, side, side) and their activations (count,), strongest first.

    Raises:
        ValueError: If the shapes differ or a number is out of range.
    """
    check_tensors(images=(images, "N C H W"), maps=(maps, "N D h w"))
    check_positive(count=count, side=side)
    if not 0 <= unit < maps.shape[1] or count > len(images):
        raise ValueError(f"unit must be below {maps.shape[1]} and count at most {len(images)}, not {unit} and {count}")
    height, width = maps.shape[2:]
    best, place = maps[:, unit].flatten(1).max(dim=1)  # (N,), (N,)
    values, chosen = best.topk(count)
    rows, columns = place[chosen] // width, place[chosen] % width
    top = ((rows + 0.5) * images.shape[2] / height - side / 2).floor().long() + side
    left = ((columns + 0.5) * images.shape[3] / width - side / 2).floor().long() + side
    padded = F.pad(images[chosen], [side] * 4)
    steps = torch.arange(side, device=images.device)
    y, x = top[:, None] + steps, left[:, None] + steps  # (count, side)
    index = torch.arange(count, device=images.device)[:, None, None]
    return padded[index, :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2), values  # (count, C, side, side)
