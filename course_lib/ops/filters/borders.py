"""What lies outside the picture? (chapter 5, "border-handling")

A window at the edge of a picture reaches over it. Five conventions fill in what is not there, for a row a b c d:

    constant   k k k | a b c d | k k k        a fixed value, often 0: edges darken
    nearest    a a a | a b c d | d d d        the edge pixel is repeated
    reflect    c b a | a b c d | d c b        mirror between the edge pixel and its copy
    mirror     d c b | a b c d | c b a        mirror on the edge pixel, which is not repeated
    wrap       b c d | a b c d | a b c        the picture is repeated, as in a Fourier transform

The names are scipy.ndimage's. Beware of others: torch and numpy call mirror "reflect", nearest "replicate" or "edge",
and numpy calls reflect "symmetric". Any amount of padding is possible, also more than the picture's own size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_tensors

MODES = ("constant", "nearest", "reflect", "mirror", "wrap")


def pad_image(image: Tensor, rows: int, columns: int, *, border: str = "reflect", value: float = 0.0) -> Tensor:
    """Continue a picture beyond its edges.

    Args:
        image: (..., H, W), floating point.
        rows: Pixels added above and below, 0 or more.
        columns: Pixels added left and right, 0 or more.
        border: constant, nearest, reflect, mirror or wrap.
        value: What "constant" fills in.

    Returns:
        (..., H + 2 rows, W + 2 columns).

    Raises:
        ValueError: For bad shapes or values, a negative amount or an unknown border.
    """
    check_tensors(image=(image, "... H W"))
    if rows < 0 or columns < 0:
        raise ValueError(f"rows and columns must be 0 or more, not {rows} and {columns}")
    if border == "constant":
        return F.pad(image, [columns, columns, rows, rows], value=value)
    for dim, amount in ((-2, rows), (-1, columns)):
        if amount:
            index = source_index(image.shape[dim], amount, border).to(image.device)
            before, after = image.index_select(dim, index[:amount]), image.index_select(dim, index[-amount:])
            image = torch.cat([before, image, after], dim)
    return image


def source_index(size: int, amount: int, border: str) -> Tensor:
    """Which pixel of a row stands at each place of the padded row.

    Args:
        size: Pixels of the row, n.
        amount: Pixels added on each side, r.
        border: nearest, reflect, mirror or wrap.

    Returns:
        (n + 2 r,) int64 indices from 0 to n - 1.

    Raises:
        ValueError: For an unknown border.
    """
    place = torch.arange(-amount, size + amount)
    if border == "nearest":
        return place.clamp(0, size - 1)
    if border == "wrap":
        return place % size
    if border == "reflect":
        folded = place % (2 * size)  # there and back: the period is twice the size
        return torch.minimum(folded, 2 * size - 1 - folded)
    if border == "mirror":
        folded = place % max(2 * size - 2, 1)  # the two edge pixels are passed once each
        return torch.minimum(folded, 2 * size - 2 - folded)
    raise ValueError(f"border must be one of {', '.join(MODES)}, not {border!r}")
