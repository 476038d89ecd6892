"""Cutting a data set into disjoint parts, by sample or by group, and scaling features by the training part
alone (chapters 1 and 2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors, describe


def split_indices(samples: int, fractions: Sequence[float] = (0.7, 0.15, 0.15), seed: int = 0) -> list[Tensor]:
    """Shuffle the numbers 0 ... samples - 1 and cut them into disjoint parts that together hold all of them.

    Args:
        samples: Size of the data set.
        fractions: Share of each part; they sum to 1. Sizes are rounded, and no part is empty.
        seed: Same seed, same parts, on every machine.

    Returns:
        One int64 tensor of indices a part.

    Raises:
        ValueError: For fractions that are not positive or do not sum to 1, or too few samples.
    """
    if not (fractions and min(fractions) > 0 and abs(sum(fractions) - 1) <= 1e-9):
        raise ValueError(f"fractions must be above 0 and sum to 1, not {tuple(fractions)}")
    cuts = [round(samples * sum(fractions[: i + 1])) for i in range(len(fractions))]
    sizes = [b - a for a, b in zip([0, *cuts], cuts, strict=False)]
    if min(sizes) < 1:
        raise ValueError(f"{samples} samples are too few for parts of {tuple(fractions)}: one part would be empty")
    return list(torch.randperm(samples, generator=torch.Generator().manual_seed(seed)).split(sizes))


def split_groups(groups: Tensor, fractions: Sequence[float] = (0.7, 0.15, 0.15), seed: int = 0) -> list[Tensor]:
    """Cut a data set into disjoint parts that share no group: no writer, patient, place or film.

    The groups, not the samples, are shuffled and cut by `split_indices`; so the shares hold for the number of groups.

    Args:
        groups: (N,) int64, which group each sample belongs to; any whole numbers.
        fractions: Share of the groups in each part; they sum to 1.
        seed: Same seed, same parts, on every machine.

    Returns:
        One int64 tensor of indices of samples a part, rising.

    Raises:
        ValueError: For groups that are no int64 vector, bad fractions, or too few groups.
    """
    if not isinstance(groups, Tensor) or groups.dtype != torch.int64 or groups.ndim != 1 or groups.numel() == 0:
        raise ValueError(f"groups must be a non-empty int64 tensor of shape (N,), not a {describe(groups)}")
    names = groups.unique()
    parts = split_indices(len(names), fractions, seed)
    return [torch.isin(groups, names[part.to(groups.device)]).nonzero()[:, 0] for part in parts]


def standardise(train: Tensor, *others: Tensor) -> list[Tensor]:
    """Shift and scale each feature to mean 0 and standard deviation 1, measured on the training part alone.

    Args:
        train: (N, D) training samples, floating point; a constant feature is only shifted.
        *others: More (M, D) parts, treated with the training part's mean and deviation.

    Returns:
        The parts in the order given, train first.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(train=(train, "N D"), **{f"part {i}": (part, f"M{i} D") for i, part in enumerate(others, 2)})
    mean, deviation = train.mean(dim=0), train.std(dim=0, unbiased=False)
    varies = train.amax(dim=0) > train.amin(dim=0)  # a constant column's deviation can be a rounding error, not 0
    deviation = torch.where(varies, deviation, 1.0)
    return [(part - mean) / deviation for part in (train, *others)]
