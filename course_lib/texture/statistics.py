"""What a texture is to a network: statistics that do not say where (chapter 8).

Gatys, Ecker, Bethge, "Texture synthesis using convolutional neural networks", 2015,
arXiv:1505.07376.

Maps F of a layer, D channels over M = H W places, are a cloud of M points in D dimensions. Three summaries of it:

    mean               mu_d = 1/M sum_m F_dm
    mean and variance  mu_d and s_d = 1/M sum_m (F_dm - mu_d)^2, as its root: the standard deviation
    Gram matrix        G_de = 1/M sum_m F_dm F_em           (D, D), symmetric

All divide by the number of places, so that pictures of different sizes can be compared. None changes if the places are
shuffled. `shifted_gram` correlates a place with its neighbour at a distance instead (Berger, Memisevic 2016,
arXiv:1606.01286) and so knows something about the layout.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes


def channel_mean(maps: Tensor) -> Tensor:
    """(B, D, H, W) to the mean of each map, (B, D)."""
    check_shapes(maps=(maps, "B D H W"))
    return maps.mean(dim=(2, 3))


def channel_mean_std(maps: Tensor, eps: float = 1e-8) -> Tensor:
    """(B, D, H, W) to means and standard deviations (dividing by M), (B, 2 D).

    Args:
        maps: Features.
        eps: Added to the variance, so that a constant map has a gradient.
    """
    check_shapes(maps=(maps, "B D H W"))
    variance, mean = torch.var_mean(maps, dim=(2, 3), correction=0)
    return torch.cat([mean, (variance + eps).sqrt()], dim=1)


def gram_matrix(maps: Tensor) -> Tensor:
    """(B, D, H, W) to the Gram matrix (B, D, D), divided by the number of places H W.

    Raises:
        ValueError: If maps is no such tensor.
    """
    check_shapes(maps=(maps, "B D H W"))
    flat = maps.flatten(2)  # (B, D, M)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def shifted_pairs(maps: Tensor, down: int, right: int) -> tuple[Tensor, Tensor]:
    """Each place and the one at a fixed distance from it, for all pairs inside the picture.

    Args:
        maps: (B, D, H, W).
        down: 0 ... H - 1.
        right: 0 ... W - 1.

    Returns:
        Two views, (B, D, H - down, W - right) each.

    Raises:
        ValueError: If the shift leaves no pair.
    """
    check_shapes(maps=(maps, "B D H W"))
    height, width = maps.shape[2:]
    if not 0 <= down < height or not 0 <= right < width:
        raise ValueError(f"the shift must be at least 0 and below {(height, width)}, not {(down, right)}")
    return maps[:, :, : height - down, : width - right], maps[:, :, down:, right:]


def shifted_gram(maps: Tensor, down: int, right: int) -> Tensor:
    """Gram matrix between each place and another at a fixed distance: G_de = mean F_d(p) F_e(p + shift).

    Only pairs inside the picture count.

    Args:
        maps: (B, D, H, W).
        down: 0 ... H - 1.
        right: 0 ... W - 1.

    Returns:
        (B, D, D), not symmetric.

    Raises:
        ValueError: If the shift leaves no pair.
    """
    here, there = (part.flatten(2) for part in shifted_pairs(maps, down, right))
    return here @ there.transpose(1, 2) / here.shape[2]


def gram_and_shifts(maps: Tensor, shifts: Sequence[tuple[int, int]], weight: float = 1.0) -> Tensor:
    """The Gram matrix beside shifted ones: a statistic that knows how maps go on at given distances.

    Args:
        maps: (B, D, H, W).
        shifts: Pairs (down, right) in pixels of the maps.
        weight: Factor of the shifted matrices, above 0.

    Returns:
        (B, 1 + len(shifts), D, D).

    Raises:
        ValueError: If a shift leaves no pair, or the weight is not above 0.
    """
    check_positive(weight=weight)
    shifted = [weight * shifted_gram(maps, down, right) for down, right in shifts]
    return torch.stack([gram_matrix(maps), *shifted], dim=1)
