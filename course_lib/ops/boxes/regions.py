"""Features of a box at a fixed size: RoI pooling and RoIAlign (chapters 10 and 11).

    pooling   the box is rounded to whole places of the map, cut into bins that are rounded again; the largest of a bin
    align     nothing is rounded: a bin has sampling x sampling points, each bilinear between four places; their mean

Rounding moves a box by up to half a place, which is several pixels: harmless for a class, not for a mask. Bilinear
weights are products of one for the row and one for the column, so that a bin's mean is also R F W^T with a matrix for
each: more multiplications and no look-up, which is quicker where maps are small. Both equal torchvision's. Girshick,
Fast R-CNN, 2015, arXiv:1504.08083; He and others, Mask R-CNN, 2017, arXiv:1703.06870.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes, describe

SMALL = 64  # a map with fewer places for a sampling point of a column is read by matrices


def roi_align(
    features: Tensor, boxes: Tensor, images: Tensor, *, size: tuple[int, int], scale: float = 1.0, sampling: int = 2
) -> Tensor:
    """Mean of bilinear samples in each bin of each box; differentiable in the features.

    Args:
        features: (B, C, h, w).
        boxes: (K, 4) xyxy in pixels of the picture; whole pixels are squares, and the picture begins at 0.
        images: (K,) int64, the picture of each box.
        size: Bins (rows, columns).
        scale: Places of the map for a pixel, such as 1/8.
        sampling: Points a side of a bin.

    Returns:
        (K, C, rows, columns). Points more than one place outside the map count as 0.

    Raises:
        ValueError: For shapes that do not fit.
    """
    _check(features, boxes, images)
    check_positive(rows=size[0], columns=size[1], scale=scale, sampling=sampling)
    corner, end = boxes[:, :2] * scale - 0.5, boxes[:, 2:] * scale - 0.5
    weights, places = [], []
    for side, (bins, length) in enumerate(zip((size[1], size[0]), (features.shape[3], features.shape[2]), strict=True)):
        steps = (torch.arange(bins * sampling, dtype=boxes.dtype, device=boxes.device) + 0.5) / (bins * sampling)
        points = corner[:, side, None] + steps * (end - corner)[:, side, None]  # (K, points)
        inside = (points >= -1) & (points <= length)
        points = points.clamp(0, length - 1)
        low = points.floor().long().clamp(max=max(length - 2, 0))
        part = (points - low).to(features.dtype)
        places.append((low, (low + 1).clamp(max=length - 1)))
        weights.append((((1 - part) * inside), part * inside))
    if features[0, 0].numel() <= SMALL * sampling**2 * size[0]:
        return _by_matrices(features, images, places, weights, size)
    parts = [
        features[images[:, None, None], :, row[:, :, None], column[:, None]]
        * (up[:, :, None] * across[:, None])[..., None]
        for row, up in zip(places[1], weights[1], strict=True)
        for column, across in zip(places[0], weights[0], strict=True)
    ]  # four of (K, rows sampling, columns sampling, C)
    found = (
        (parts[0] + parts[1] + parts[2] + parts[3]).unflatten(1, (size[0], sampling)).unflatten(3, (size[1], sampling))
    )
    return found.mean((2, 4)).permute(0, 3, 1, 2)


def _by_matrices(features: Tensor, images: Tensor, places: list, weights: list, size: tuple[int, int]) -> Tensor:
    """RoIAlign as R F W^T: rows of R and W hold how much each line of the map counts in a bin. Cheap for small maps."""
    matrices = []
    for bins, length, where, much in zip(size[::-1], features.shape[:1:-1], places, weights, strict=True):
        matrix = features.new_zeros(len(images), bins, length)
        for low, part in zip(where, much, strict=True):
            low, part = low.unflatten(1, (bins, -1)), part.unflatten(1, (bins, -1))  # (K, bins, sampling)
            matrix = matrix.scatter_add(2, low, part / low.shape[2])
        matrices.append(matrix)
    across, down = matrices
    order, found = images.argsort(stable=True), []
    for maps, mine in zip(features, order.split(torch.bincount(images, minlength=len(features)).tolist()), strict=True):
        half = (maps.flatten(0, 1) @ across[mine].flatten(0, 1).mT).unflatten(1, (len(mine), size[1]))  # (C h, k, cols)
        half = half.unflatten(0, maps.shape[:2]).permute(2, 1, 0, 3).flatten(2)  # (k, h, C cols)
        found.append((down[mine] @ half).unflatten(2, (-1, size[1])).transpose(1, 2))  # (k, C, rows, cols)
    return torch.cat(found)[order.argsort()]


def roi_pool(features: Tensor, boxes: Tensor, images: Tensor, *, size: tuple[int, int], scale: float = 1.0) -> Tensor:
    """Largest value in each bin of each box, both rounded to whole places.

    Args:
        features: (B, C, h, w).
        boxes: (K, 4) xyxy in pixels of the picture.
        images: (K,) int64, the picture of each box.
        size: Bins (rows, columns).
        scale: Places of the map for a pixel.

    Returns:
        (K, C, rows, columns); 0 where a bin lies outside the map.

    Raises:
        ValueError: For shapes that do not fit.
    """
    _check(features, boxes, images)
    check_positive(rows=size[0], columns=size[1], scale=scale)
    rounded = torch.floor(boxes * scale + 0.5)  # halves go up
    inside = []
    for side, (bins, length) in enumerate(zip((size[1], size[0]), (features.shape[3], features.shape[2]), strict=True)):
        begin = rounded[:, side, None]
        step = (rounded[:, side + 2, None] - begin + 1).clamp(min=1) / bins
        number = torch.arange(bins, dtype=boxes.dtype, device=boxes.device)
        first, last = (number * step).floor() + begin, ((number + 1) * step).ceil() + begin  # (K, bins)
        place = torch.arange(length, dtype=boxes.dtype, device=boxes.device)
        inside.append((place >= first[..., None]) & (place < last[..., None]))  # (K, bins, length)
    maps = features[images]  # (K, C, h, w)
    rows = [maps.masked_fill(~inside[1][:, k, None, :, None], -torch.inf).amax(2) for k in range(size[0])]
    across = torch.stack(rows, 2)  # (K, C, rows, w)
    columns = [across.masked_fill(~inside[0][:, k, None, None, :], -torch.inf).amax(3) for k in range(size[1])]
    found = torch.stack(columns, 3)
    return found.masked_fill(found == -torch.inf, 0)


def _check(features: Tensor, boxes: Tensor, images: Tensor) -> None:
    """Raise ValueError for features, boxes or images of another shape or kind; reads no values."""
    check_shapes(features=(features, "B C h w"))
    if not isinstance(boxes, Tensor) or boxes.ndim != 2 or boxes.shape[-1] != 4:
        raise ValueError(f"boxes must be (K, 4), not a {describe(boxes)}")
    if not isinstance(images, Tensor) or images.dtype != torch.int64 or images.shape != boxes.shape[:1]:
        raise ValueError(f"images must be int64 numbers of pictures, one for each of {len(boxes)} boxes, not a "
                         f"{describe(images)}")  # fmt: skip
