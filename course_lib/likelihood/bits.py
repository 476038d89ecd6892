"""Likelihoods of grey values, comparable between models: bits per dimension (chapter 16).

A density over continuous pictures can be as large as one likes on data that are whole numbers: put a spike on each. The
remedy is noise: with u uniform in [0, 1), the density of x + u is at most the probability of x on average,

    E_u log p(x + u)  <=  log P(x),         P(x) = integral of p over [x, x + 1)

(Theis, van den Oord and Bethge 2016, arXiv:1511.01844). Bits per dimension: - log2 P(x) / D; log2 256 = 8 for a model
that knows nothing. Pictures in [0, 1] have been divided by the number of levels: the density is divided by levels^D.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, describe


def quantised(images: Tensor, levels: int = 256) -> Tensor:
    """The grey value of each pixel.

    Args:
        images: Any shape, in [0, 1].
        levels: How many grey values there are, at least 2.

    Returns:
        int64 of the same shape, 0 ... levels - 1; each level has an equal part of [0, 1].

    Raises:
        ValueError: If pictures leave [0, 1].
    """
    check_positive(levels=levels)
    if not images.is_floating_point() or not bool(((images >= 0) & (images <= 1)).all()):
        raise ValueError(f"images must be floating point in [0, 1], not a {describe(images)} from "
                         f"{images.min():g} to {images.max():g}")  # fmt: skip
    return (images * levels).long().clamp(max=levels - 1)


def dequantise(values: Tensor, generator: torch.Generator, levels: int = 256) -> Tensor:
    """Whole grey values made continuous: (value + uniform noise) / levels, in [0, 1).

    Args:
        values: int64 of any shape, 0 ... levels - 1.
        generator: Source of the noise, on the device of the values.
        levels: How many grey values there are.

    Raises:
        ValueError: If values leave their range.
    """
    if values.dtype != torch.int64 or not bool(((values >= 0) & (values < levels)).all()):
        raise ValueError(f"values must be int64 from 0 to {levels - 1}, not a {describe(values)}")
    noise = torch.rand(values.shape, generator=generator, device=values.device)
    return ((values + noise) / levels).clamp(max=1 - 1e-7)


def bits_per_dimension(log_likelihood: Tensor, dimensions: int, levels: int | None = None) -> Tensor:
    """From nats a picture to bits a number.

    Args:
        log_likelihood: Any shape, nats of whole pictures: of probabilities, or of a density on pictures in [0, 1].
        dimensions: D, numbers a picture.
        levels: If it is a density: how many grey values [0, 1] was divided into.

    Returns:
        Of the same shape.
    """
    check_positive(dimensions=dimensions)
    return -log_likelihood / (dimensions * math.log(2)) + (math.log2(levels) if levels else 0.0)
