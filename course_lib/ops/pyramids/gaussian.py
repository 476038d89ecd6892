"""The Gaussian pyramid (chapter 5, "gaussian-pyramid"): blur, keep every second pixel, repeat.

    reduce:  g_{l+1} = (w * g_l) taken at even rows and columns        w = (1 4 6 4 1) / 16 in each direction
    expand:  pixels of the small picture at even places, zeros between, filtered with 2 w in each direction

Burt and Adelson (1983). Borders are mirrored. Level l has ceil(H / 2^l) rows. Blur comes before the pixels are dropped:
detail finer than two pixels of the small picture would come back as false coarse patterns (aliasing). Neither makes
what it would drop: reduce sums only around the pixels that it keeps, and of expand's zeros only the weights are left,

    even places  (1 6 1) / 8 of the small picture,    odd places  (1 1) / 2 of it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.filters import pad_image


def pyramid_reduce(image: Tensor) -> Tensor:
    """Half the size: blur with the binomial kernel, then keep even rows and columns.

    Args:
        image: (B, C, H, W), floating point.

    Returns:
        (B, C, ceil(H / 2), ceil(W / 2)).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(image=(image, "B C H W"))
    return halve(halve(image, -2), -1)


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
    return _double(_double(image, size[0], -2), size[1], -1)


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


def halve(image: Tensor, dim: int) -> Tensor:
    """(1 4 6 4 1) / 16 along a dimension at its even places, mirrored borders; n values leave ceil(n / 2)."""
    padded = pad_image(image, *((2, 0) if dim == -2 else (0, 2)), border="mirror").transpose(dim, -2)
    kept = (image.shape[dim] + 1) // 2
    a, b, c, d, e = (padded[..., i : i + 2 * kept - 1 : 2, :] for i in range(5))
    total = torch.add(torch.add(a + e, b + d, alpha=4), c, alpha=6) / 16
    return total.transpose(dim, -2)


def _double(image: Tensor, size: int, dim: int) -> Tensor:
    """Twice as many places along a dimension: kept values weigh (1 6 1) / 8, new ones are means of two neighbours."""
    image = image.transpose(dim, -2)
    n = image.shape[-2]
    last = n - 1 if size % 2 == 0 else max(n - 2, 0)  # the mirror stands on the last place, which may be a new one
    before = torch.cat([image[..., min(1, n - 1), None, :], image[..., :-1, :]], -2)
    after = torch.cat([image[..., 1:, :], image[..., last, None, :]], -2)
    kept = torch.add(before + after, image, alpha=6) / 8
    made = (image + after) / 2
    return torch.stack([kept, made], -2).flatten(-3, -2)[..., :size, :].transpose(dim, -2)
