"""MIP map (chapter 5, "gaussian-pyramid"): a pyramid made once, so that any footprint is one quick look-up.

    level l holds the picture at 1 / 2^l of its size, by 2 x 2 means
    a footprint of w pixels asks for level  lambda = log2(w);  bilinear in the two levels around it, linear between

Williams, "Pyramidal parametrics" (1983). A renderer that shows a texture far away would have to average thousands of
its pixels for one of the screen's. Trilinear look-up reads eight values instead, whatever the distance. Coordinates
run over the texture from 0 to 1, (0, 0) being the upper left corner of its upper left pixel; edges are clamped.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import grid_sample

from course_lib.core.checks import check_tensors
from course_lib.ops.filters import average_pool


def mip_map(image: Tensor) -> list[Tensor]:
    """All levels of a picture down to one pixel.

    Args:
        image: (B, C, H, H), floating point; H is a power of two.

    Returns:
        log2(H) + 1 levels, largest first. Together they hold a third more values than the picture.

    Raises:
        ValueError: For bad shapes or values, or another size.
    """
    check_tensors(image=(image, "B C H H"))
    size = image.shape[2]
    if size & (size - 1):
        raise ValueError(f"a MIP map wants a picture with a power of two pixels a side, not {size}; resize it first")
    levels = [image]
    while levels[-1].shape[2] > 1:
        levels.append(average_pool(levels[-1], 2))
    return levels


def mip_lookup(levels: list[Tensor], points: Tensor, footprint: Tensor) -> Tensor:
    """Trilinear look-up: the picture's mean colour around points, over footprints of any width.

    Args:
        levels: From `mip_map`, with B = 1 or as many pictures as `points` has.
        points: (B, N, 2), x and y in [0, 1]; beyond, the edge is repeated.
        footprint: (B, N) width of what each point covers, in pixels of the full picture; below 1 counts as 1.

    Returns:
        (B, C, N).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(points=(points, "B N 2"), footprint=(footprint, "B N"))
    if not levels:
        raise ValueError("levels is empty: make them with mip_map(image)")
    level = footprint.clamp_min(1).log2().clamp_max(len(levels) - 1)  # (B, N)
    grid = (2 * points - 1)[:, None]  # (B, 1, N, 2), -1 and 1 are the outer edges
    total = points.new_zeros(len(points), levels[0].shape[1], points.shape[1])
    for number, picture in enumerate(levels):
        weight = (1 - (level - number).abs()).clamp_min(0)  # (B, N): two neighbouring levels, weights sum to 1
        sampled = grid_sample(
            picture.expand(len(points), -1, -1, -1), grid, padding_mode="border", align_corners=False
        )[:, :, 0]  # (B, C, N)
        total = total + weight[:, None] * sampled
    return total
