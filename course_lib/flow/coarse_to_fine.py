"""What both flow methods share (chapter 4, "optical-flow-classic"): derivatives, coarse to fine.

Flow (B, 2, H, W) is (dx, dy) in pixels: what is at p in the first frame is at p + flow(p) in the second. Brightness
constancy I_2(p + w) = I_1(p) is made linear around the flow found so far,

    I_x dw_x + I_y dw_y + I_t = 0,    I_t = I_2(p + w) - I_1(p),

which holds for changes of about a pixel. So solve on a small picture first, enlarge the flow, warp the second frame
with it, and solve for what is left; and repeat that a few times at each size ("warps").
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_tensors
from course_lib.ops.filters import filter_separable, gaussian_filter, median_filter
from course_lib.ops.warp import warp


def image_derivatives(image: Tensor) -> tuple[Tensor, Tensor]:
    """(dI/dx, dI/dy) by the 5-point central difference (1 -8 0 8 -1) / 12, exact for cubics; each like image."""
    kernel = torch.tensor([1.0, -8.0, 0.0, 8.0, -1.0], dtype=image.dtype, device=image.device) / 12
    one = torch.ones(1, dtype=image.dtype, device=image.device)
    return filter_separable(image, one, kernel, border="nearest"), filter_separable(
        image, kernel, one, border="nearest"
    )


def check_frames(first: Tensor, second: Tensor, levels: int | None) -> None:
    """Two grey frames (B, 1, H, W) of one size, at least 8 pixels a side, and a sensible number of levels."""
    check_tensors(first=(first, "B 1 H W"), second=(second, "B 1 H W"))
    if min(first.shape[2:]) < 8:
        raise ValueError(f"frames must have at least 8 pixels a side, not {tuple(first.shape[2:])}")
    if levels is not None and (not isinstance(levels, int) or levels < 1):
        raise ValueError(f"levels must be an integer of at least 1, not {levels!r}")


def coarse_to_fine(first: Tensor, second: Tensor, levels: int | None, *, warps: int,
                   improve: Callable[[Tensor, Tensor, Tensor], Tensor], median: int) -> Tensor:  # fmt: skip
    """Run `improve` from the coarsest pictures to the finest.

    Args:
        first, second: (B, 1, H, W).
        levels: Pyramid levels, each 0.6 of the one before; None takes as many as leave 16 pixels a side.
        warps: Times that the second frame is warped at each level.
        improve: From (first, warped second, flow so far) to a better flow (B, 2, h, w).
        median: Window of the median filter after each step; 1 for none.

    Returns:
        (B, 2, H, W) pixels.
    """
    sizes = [tuple(first.shape[2:])]
    while (min(sizes[-1]) * 0.6 >= 16) if levels is None else (len(sizes) < levels and min(sizes[-1]) * 0.6 >= 4):
        sizes.append(tuple(round(n * 0.6) for n in sizes[-1]))
    frames: list[tuple[Tensor, Tensor]] = [(first, second)]
    for size in sizes[1:]:
        frames.append((_shrink(frames[-1][0], size), _shrink(frames[-1][1], size)))
    flow = first.new_zeros(first.shape[0], 2, *sizes[-1])
    for size, (one, two) in zip(sizes[::-1], frames[::-1], strict=True):
        if tuple(flow.shape[2:]) != size:
            ratio = flow.new_tensor([size[1] / flow.shape[3], size[0] / flow.shape[2]]).view(2, 1, 1)
            flow = F.interpolate(flow, size=size, mode="bilinear", align_corners=False) * ratio
        for _ in range(warps):
            flow = improve(one, warp(two, flow), flow)
            if median > 1:
                flow = median_filter(flow, median)
    return flow


def _shrink(image: Tensor, size: tuple[int, ...]) -> Tensor:
    """Blur, then resample bilinearly to 0.6 of the size."""
    return F.interpolate(gaussian_filter(image, 0.75), size=size, mode="bilinear", align_corners=False)
