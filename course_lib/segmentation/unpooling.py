"""Unpooling: put each maximum back where it was (chapter 9, "unpooling").

    pool      v = max of a window, and its place in the map, i W + j
    unpool    a map of zeros in which v stands at that place

Max pooling forgets where the maximum was; an encoder that keeps the places lets its decoder draw outlines there. What
was not a maximum stays 0. Zeiler and Fergus 2013, arXiv:1311.2901; Noh et al. 2015, arXiv:1505.04366; SegNet:
Badrinarayanan et al. 2015, arXiv:1511.00561. `bed_of_nails` is unpooling without memory: the value goes to the window's
top left corner. Maps are (B, C, H, W).
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_shapes, describe


def max_pool_with_places(maps: Tensor, size: int = 2) -> tuple[Tensor, Tensor]:
    """Largest value of each window, and where it was.

    Args:
        maps: (B, C, H, W), H and W multiples of `size`.
        size: Pixels a side of the windows, which do not overlap.

    Returns:
        Values and places, (B, C, H / size, W / size) each; a place is row * W + column, int64, the first of equal ones.

    Raises:
        ValueError: For shapes or sizes that do not fit.
    """
    _check_windows(maps, size)
    (H, W) = maps.shape[2:]
    windows = maps.unflatten(3, (W // size, size)).unflatten(2, (H // size, size)).transpose(3, 4).flatten(4)
    values, inside = windows.max(dim=4)  # windows are (B, C, H / size, W / size, size^2)
    rows = torch.arange(0, H, size, device=maps.device)[:, None] + inside // size
    columns = torch.arange(0, W, size, device=maps.device) + inside % size
    return values, rows * W + columns


def max_unpool(values: Tensor, places: Tensor, size: tuple[int, int]) -> Tensor:
    """Put values back to where they came from; the rest is 0.

    Args:
        values: (B, C, h, w).
        places: (B, C, h, w) int64, row * W + column, as `max_pool_with_places` gives them.
        size: Height H and width W of the answer.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: For shapes that do not fit or a place outside.
    """
    check_shapes(values=(values, "B C h w"))
    if not isinstance(places, Tensor) or places.dtype != torch.int64 or places.shape != values.shape:
        raise ValueError(f"places must be an int64 tensor of shape {tuple(values.shape)}, not a {describe(places)}")
    low, high = (int(value) for value in places.aminmax())
    if low < 0 or high >= size[0] * size[1]:
        raise ValueError(
            f"places must be 0 to {size[0] * size[1] - 1} in {size[0]} x {size[1]} pixels, not {low} to {high}"
        )
    flat = values.new_zeros(*values.shape[:2], size[0] * size[1])
    return flat.scatter(2, places.flatten(2), values.flatten(2)).unflatten(2, size)


def bed_of_nails(maps: Tensor, size: int = 2) -> Tensor:
    """Each value at the top left corner of its window, zeros beside it: (B, C, h, w) to (B, C, size h, size w)."""
    check_shapes(maps=(maps, "B C h w"))
    out = maps.new_zeros(*maps.shape[:2], size * maps.shape[2], size * maps.shape[3])
    out[:, :, ::size, ::size] = maps
    return out


def _check_windows(maps: object, size: int) -> None:
    check_shapes(maps=(maps, "B C H W"))
    assert isinstance(maps, Tensor)
    if not isinstance(size, int) or size < 1 or maps.shape[2] % size or maps.shape[3] % size:
        raise ValueError(f"size must divide height and width, {tuple(maps.shape[2:])}, not {size!r}")
