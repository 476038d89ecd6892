"""Nine tiles of a picture, for methods that ask how they lie to each other ("relative-position", "jigsaw").

    picture -> scaled to 3 cell pixels a side -> 3 x 3 cells -> in each cell one square tile, shifted at random

The gap between tiles and the random shift are there so that a line that runs across a border cannot be followed: that
would solve the puzzle without knowing what the thing is. Doersch, Gupta and Efros 2015, arXiv:1505.05192, section 3,
name a second leak: a lens focuses red and blue a little differently, so that the colour fringes of a tile say where in
the picture it lay. `chromatic_aberration` makes such a lens, `drop_colours` and `grey` take the leak away.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_shapes
from course_lib.self_supervised.views import GREY


def nine_tiles(images: Tensor, generator: torch.Generator, *, cell: int = 16, tile: int = 12,
               shift: bool = True) -> Tensor:  # fmt: skip
    """Cut nine tiles out of each picture.

    Args:
        images: (B, 3, H, W), square.
        generator: Source of the shifts, on the images' device.
        cell: Side of a cell in pixels; pictures are scaled to 3 cells.
        tile: Side of a tile in pixels, at most cell.
        shift: Move each tile at random within its cell; else it lies in the middle.

    Returns:
        (B, 9, 3, tile, tile), row by row.

    Raises:
        ValueError: For pictures that are not square or tiles larger than cells.
    """
    check_shapes(images=(images, "B 3 S S"))
    room = cell - tile
    if tile < 1 or room < 0:
        raise ValueError(f"tile must be 1 to cell = {cell}, not {tile}")
    x = F.interpolate(images, size=3 * cell, mode="bilinear", align_corners=False)
    cells = x.unflatten(3, (3, cell)).unflatten(2, (3, cell)).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # (B, 9, 3, c, c)
    where = torch.full((len(images), 9, 2), room // 2, device=images.device)
    if shift:
        where = torch.randint(room + 1, (len(images), 9, 2), generator=generator, device=images.device)
    at = torch.arange(tile, device=images.device)
    rows, columns = where[..., :1] + at, where[..., 1:] + at  # (B, 9, tile)
    cells = cells.gather(3, rows[:, :, None, :, None].expand(-1, -1, 3, -1, cell))
    return cells.gather(4, columns[:, :, None, None].expand(-1, -1, 3, tile, -1))


def chromatic_aberration(images: Tensor, amount: float) -> Tensor:
    """A lens that draws red larger and blue smaller, about the middle of the picture.

    Args:
        images: (B, 3, H, W).
        amount: By which share red is larger and blue smaller, above -1 and below 1.

    Returns:
        (B, 3, H, W); green stays.

    Raises:
        ValueError: For bad images or an amount out of range.
    """
    check_shapes(images=(images, "B 3 H W"))
    if not -1 < amount < 1:
        raise ValueError(f"amount must be above -1 and below 1, not {amount}")
    scales = images.new_tensor([1 / (1 + amount), 1.0, 1 / (1 - amount)])
    planes = images.movedim(1, 0).flatten(0, 1)[:, None]  # (3 B, 1, H, W)
    maps = scales.repeat_interleave(len(images))[:, None, None] * torch.eye(
        2, 3, dtype=images.dtype, device=images.device
    )
    grid = F.affine_grid(maps, list(planes.shape), align_corners=False)
    seen = F.grid_sample(planes, grid, padding_mode="border", align_corners=False)
    return seen.view(3, *images.shape[:1], *images.shape[2:]).movedim(0, 1)


def drop_colours(tiles: Tensor, generator: torch.Generator, *, noise: float = 0.1) -> Tensor:
    """Keep one channel of each tile, chosen at random, and put noise into the other two.

    Args:
        tiles: (..., 3, P, P) in [0, 1].
        generator: On the tiles' device.
        noise: Deviation of the noise about 0.5, at least 0.

    Returns:
        The same shape. A tile by itself no longer says how its channels lie to each other.

    Raises:
        ValueError: For bad shapes or negative noise.
    """
    check_shapes(tiles=(tiles, "... 3 P P"))
    if noise < 0:
        raise ValueError(f"noise must be at least 0, not {noise}")
    drawn = torch.rand(tiles.shape[:-3], generator=generator, device=tiles.device)
    keep = F.one_hot((3 * drawn).long().clamp(max=2), 3).bool()[..., None, None]
    other = 0.5 + noise * torch.randn(tiles.shape, generator=generator, dtype=tiles.dtype, device=tiles.device)
    return torch.where(keep, tiles, other)


def grey_tiles(tiles: Tensor) -> Tensor:
    """Three equal channels, the brightness of (..., 3, P, P)."""
    weights = tiles.new_tensor(GREY).view(3, 1, 1)
    return (tiles * weights).sum(-3, keepdim=True).expand_as(tiles)
