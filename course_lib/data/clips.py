"""Clips of real photographs: a camera that pans and zooms over a picture, where no real video is at hand."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from course_lib.core.checks import check_positive, check_tensors


def camera_clip(picture: Tensor, frames: int, size: tuple[int, int], *, pan: tuple[float, float] = (0.0, 0.0),
                zoom: float = 1.0) -> Tensor:  # fmt: skip
    """Look at a photograph through a moving window, resampled to a fraction of a pixel (bicubic).

    Args:
        picture: (C, H, W) in [0, 1]. Beyond its edge the last pixel goes on.
        frames: How many, T.
        size: Height and width of a frame in pixels.
        pan: Motion of the window a frame, (dx, dy) in pixels of the photograph; it is centred in the middle frame.
        zoom: Factor by which the window's view shrinks a frame; at most one photograph pixel for a frame pixel at
            the beginning, so that nothing aliases.

    Returns:
        (T, C, *size) in [0, 1].

    Raises:
        ValueError: For bad shapes or values, or numbers that are not above 0.
    """
    check_tensors(picture=(picture, "C H W"))
    check_positive(frames=frames, height=size[0], width=size[1], zoom=zoom)
    height, width = picture.shape[1:]
    y = torch.arange(size[0], dtype=picture.dtype, device=picture.device) - (size[0] - 1) / 2
    x = torch.arange(size[1], dtype=picture.dtype, device=picture.device) - (size[1] - 1) / 2
    grids = []
    for t in range(frames):
        scale, late = zoom ** -(t if zoom >= 1 else t - frames + 1), t - (frames - 1) / 2
        column = width / 2 + late * pan[0] + scale * x  # from the left edge of the first pixel
        row = height / 2 + late * pan[1] + scale * y
        rows, columns = torch.meshgrid(2 * row / height - 1, 2 * column / width - 1, indexing="ij")
        grids.append(torch.stack([columns, rows], -1))
    many = picture.expand(frames, -1, -1, -1)
    return grid_sample(many, torch.stack(grids), mode="bicubic", padding_mode="border", align_corners=False).clamp(0, 1)
