"""The Gaussian pyramid (chapter 5, "gaussian-pyramid"): blur, keep every second pixel, repeat.

    reduce:  g_{l+1} = (w * g_l) taken at even rows and columns        w = (1 4 6 4 1) / 16 in each direction
    expand:  pixels of the small picture at even places, zeros between, filtered with 2 w in each direction

Burt and Adelson (1983). Borders are mirrored. Level l has ceil(H / 2^l) rows. Blur comes before the pixels are dropped:
detail finer than two pixels of the small picture would come back as false coarse patterns (aliasing). expand divides
by the weight that fell on pixels, so that a flat picture stays flat up to the last row of any size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks import check_tensors
from course_lib.filters import filter_separable

BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def pyramid_reduce(image: Tensor) -> Tensor:
    """Half the size: blur with the binomial kernel, then keep even rows and columns.

    Args:
        image: (B, C, H, W), floating point.

    Returns:
        (B, C, ceil(H / 2), ceil(W / 2)).

    Raises:
        ValueError: For bad shapes or values.
    """
    return _blur(image)[:, :, ::2, ::2]


def pyramid_expand(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Twice the size, smooth: the counterpart of `pyramid_reduce`.

    Args:
        image: (B, C, H, W), floating point.
        size: Height and width of the result, 2 H or 2 H - 1 and 2 W or 2 W - 1.

    Returns:
        (B, C, *size).

    Raises:
        ValueError: For bad shapes or values, or a size that does not halve to the image's.
    """
    check_tensors(image=(image, "B C H W"))
    if tuple((n + 1) // 2 for n in size) != tuple(image.shape[2:]):
        raise ValueError(f"size {tuple(size)} does not halve to {tuple(image.shape[2:])}: give 2 H or 2 H - 1 rows")
    spread = image.new_zeros(*image.shape[:2], *size)
    spread[:, :, ::2, ::2] = image
    rows, columns = image.new_zeros(1, 1, size[0], 1), image.new_zeros(1, 1, 1, size[1])
    rows[:, :, ::2], columns[..., ::2] = 1, 1
    return _blur(spread) / (_blur(rows) * _blur(columns))


def gaussian_pyramid(image: Tensor, levels: int) -> list[Tensor]:
    """The picture and its halved versions, largest first.

    Args:
        image: (B, C, H, W), floating point.
        levels: How many pictures, the first included; at least 1. The last but one must have 2 pixels a side.

    Raises:
        ValueError: For bad shapes or values, or too many levels.
    """
    check_tensors(image=(image, "B C H W"))
    most = 1 + (min(image.shape[2:]) - 1).bit_length()
    if not 1 <= levels <= most:
        raise ValueError(f"levels must be 1 to {most} for a picture of {tuple(image.shape[2:])}, not {levels}")
    pyramid = [image]
    while len(pyramid) < levels:
        pyramid.append(pyramid_reduce(pyramid[-1]))
    return pyramid


def _blur(image: Tensor) -> Tensor:
    """The binomial kernel in both directions, mirrored borders."""
    check_tensors(image=(image, "B C H W"))
    kernel = torch.tensor(BINOMIAL, dtype=image.dtype, device=image.device)
    return filter_separable(image, kernel, kernel, "mirror")
