"""Pictures cut into patches and windows (chapter 15, "vit"; masked autoencoders in chapter 19).

    patchify     (B, C, H, W)  ->  (B, N, P * P * C)      row by row, each patch as rows, columns, channels
    windows      (B, H, W, C)  ->  (B * N, S, S, C)       for attention within windows
    masking      keep a random part of the tokens; `restore` says where each one was

Order within a patch as in MAE (He et al. 2021, arXiv:2111.06377): channels last. A convolution's weight or
`F.unfold` has channels first: permute before comparing. Windows as in Swin (Liu et al. 2021, arXiv:2103.14030): maps
have their channels last there. MAE's mask is 1.0 where a token was taken away; here it is bool, True = hidden.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import describe


def patchify(images: Tensor, size: int) -> Tensor:
    """Cut pictures into square patches.

    Args:
        images: (B, C, H, W), H and W multiples of size.
        size: P, side of a patch in pixels.

    Returns:
        (B, N, P * P * C) with N = H / P * W / P.

    Raises:
        ValueError: For a bad shape or sides that are no multiples.
    """
    if not isinstance(images, Tensor) or images.ndim != 4:
        raise ValueError(f"images must be a tensor of shape (B, C, H, W), not a {describe(images)}")
    _check_multiples(size, *images.shape[2:])
    patches = images.unflatten(3, (-1, size)).unflatten(2, (-1, size))  # (B, C, rows, P, columns, P)
    return patches.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)  # (B, rows * columns, P * P * C)


def unpatchify(patches: Tensor, height: int, width: int, *, size: int) -> Tensor:
    """Put patches together again, the inverse of `patchify`.

    Args:
        patches: (B, N, P * P * C).
        height, width: H and W of the pictures, pixels.
        size: P.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: If patches, picture and size do not belong together.
    """
    _check_multiples(size, height, width)
    rows, columns = height // size, width // size
    if not isinstance(patches, Tensor) or patches.ndim != 3 or patches.shape[1] != rows * columns:
        raise ValueError(f"patches must have shape (B, {rows * columns}, P * P * C), not be a {describe(patches)}")
    if patches.shape[2] % size**2:
        raise ValueError(
            f"patches of {size} x {size} pixels have a multiple of {size**2} numbers, not {patches.shape[2]}"
        )
    pixels = patches.unflatten(2, (size, size, -1)).unflatten(1, (rows, columns))  # (B, rows, columns, P, P, C)
    return pixels.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)


def random_masking(
    tokens: Tensor, ratio: float, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Keep a random part of each picture's tokens, in random order, the same number in each picture.

    To go back, put mask tokens behind what the encoder gives and gather with `restore`:
    `torch.cat([visible, hidden], 1).gather(1, restore[..., None].expand(-1, -1, D))`.

    Args:
        tokens: (B, N, D).
        ratio: Share to hide, at least 0 and below 1; int(N (1 - ratio)) tokens stay, at least one.
        generator: Source of the choice, on the device of the tokens.

    Returns:
        visible (B, K, D), mask (B, N) bool with True for hidden, restore (B, N) int64.

    Raises:
        ValueError: For a bad shape or ratio, or if no token would stay.
    """
    if not isinstance(tokens, Tensor) or tokens.ndim != 3:
        raise ValueError(f"tokens must be a tensor of shape (B, N, D), not a {describe(tokens)}")
    count = tokens.shape[1]
    if not 0 <= ratio < 1 or int(count * (1 - ratio)) < 1:
        raise ValueError(f"ratio must be 0 to below 1 and leave one token of {count}, not {ratio}")
    keep = int(count * (1 - ratio))
    shuffle = torch.rand(tokens.shape[:2], generator=generator, device=tokens.device).argsort(1)  # (B, N)
    restore = shuffle.argsort(1)  # token n of the picture is number restore[n] of the shuffled ones
    visible = tokens.gather(1, shuffle[:, :keep, None].expand(-1, -1, tokens.shape[2]))
    return visible, restore >= keep, restore


def window_partition(maps: Tensor, size: int) -> Tensor:
    """Cut maps (B, H, W, C) into windows (B * N, S, S, C), row by row; H and W multiples of S."""
    if not isinstance(maps, Tensor) or maps.ndim != 4:
        raise ValueError(f"maps must be a tensor of shape (B, H, W, C), not a {describe(maps)}")
    _check_multiples(size, *maps.shape[1:3])
    cut = maps.unflatten(2, (-1, size)).unflatten(1, (-1, size))  # (B, rows, S, columns, S, C)
    return cut.transpose(2, 3).flatten(0, 2)


def window_reverse(windows: Tensor, height: int, width: int) -> Tensor:
    """Put windows (B * N, S, S, C) together to maps (B, H, W, C), the inverse of `window_partition`."""
    if not isinstance(windows, Tensor) or windows.ndim != 4 or windows.shape[1] != windows.shape[2]:
        raise ValueError(f"windows must be a tensor of shape (B * N, S, S, C), not a {describe(windows)}")
    size = windows.shape[1]
    _check_multiples(size, height, width)
    cut = windows.unflatten(0, (-1, height // size, width // size))  # (B, rows, columns, S, S, C)
    return cut.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def _check_multiples(size: int, height: int, width: int) -> None:
    if size < 1 or height % size or width % size:
        raise ValueError(f"H and W must be multiples of size = {size}, which is at least 1, not {(height, width)}")
