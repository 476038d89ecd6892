"""Users who do not exist: clicks for training and for judging (chapter 11, "promptable").

    first click   somewhere in what is meant
    training      then anywhere in the error, the pixels in which answer and truth differ: "this" where something is
                  missing, "not this" where too much was given
    judging       then in the middle of the largest connected error: at the pixel farthest from its border

Segment Anything, arXiv:2304.02643, appendix A, trains like that; the careful user is usual in interactive segmentation
(Sofiiuk et al., Reviving iterative training, 2021, arXiv:2102.06583). A click is the middle of a pixel, (x, y); where
nothing is wrong any more it falls into the truth. On purpose simple: real users hesitate, slip and click at borders.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.ndimage import distance_transform_edt, label
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.instances.prompts import NOT_THIS, NOTHING, THIS
from course_lib.ops.masks import check_masks


def random_click(regions: Tensor, generator: torch.Generator) -> Tensor:
    """A pixel of each region, all equally likely.

    Args:
        regions: (N, H, W) bool, none empty.
        generator: Source of the choice.

    Returns:
        (N, 2) middles (x, y).

    Raises:
        ValueError: For another kind of regions, or an empty one.
    """
    check_masks(regions=regions)
    if not regions.flatten(1).any(1).all():
        raise ValueError("regions must have at least one pixel each: nobody can click into nothing")
    return _middle(torch.multinomial(regions.flatten(1).float(), 1, generator=generator)[:, 0], regions.shape[2])


def inner_point(region: Tensor) -> Tensor:
    """The pixel of the largest connected part of (H, W) that is farthest from its border: (2,) middle (x, y)."""
    check_masks(region=region)
    parts, count = label(region.cpu().numpy())
    if not count:
        raise ValueError("region must have at least one pixel")
    sizes = torch.from_numpy(parts).flatten().bincount()[1:]
    padded = torch.nn.functional.pad(torch.from_numpy(parts) == 1 + int(sizes.argmax()), (1, 1, 1, 1))
    depth = torch.from_numpy(distance_transform_edt(padded.numpy()))[1:-1, 1:-1]
    return _middle(depth.flatten().argmax(), region.shape[1]).to(region.device)


def error_click(answers: Tensor, truth: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """The next click of each user.

    Args:
        answers: (N, H, W) bool, what was shown.
        truth: (N, H, W) bool, what is meant.
        generator: Clicks anywhere in the error; without it in the middle of the largest.

    Returns:
        Points (N, 2) and kinds (N,) int64, THIS or NOT_THIS.
    """
    check_masks(answers=answers, truth=truth)
    error = answers ^ truth
    error = torch.where(error.flatten(1).any(1)[:, None, None], error, truth)
    if generator is not None:
        points = random_click(error, generator)
    else:
        found = []
        for wrong, meant in zip(error, truth, strict=True):
            sides = [side for side in (wrong & meant, wrong & ~meant) if side.any()]
            found.append(inner_point(max(sides, key=_largest)))
        points = torch.stack(found)
    x, y = points.long().unbind(1)
    inside = truth[torch.arange(len(truth), device=truth.device), y, x]
    return points, torch.where(inside, THIS, NOT_THIS)


def click_session(answer: Callable[[Tensor, Tensor], Tensor], truth: Tensor, clicks: int, *,
                  generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """A careful user clicks, looks, and clicks again.

    Args:
        answer: From points (N, P, 2) and kinds (N, P) so far to masks (N, H, W) bool; P grows from 1.
        truth: (N, H, W) bool, what is meant.
        clicks: How many.
        generator: Of the first click.

    Returns:
        Masks (clicks, N, H, W), points (N, clicks, 2), kinds (N, clicks).
    """
    check_masks(truth=truth)
    check_positive(clicks=clicks)
    points = random_click(truth, generator)[:, None]
    kinds = torch.full(points.shape[:2], THIS, device=truth.device)
    shown: list[Tensor] = []
    for number in range(clicks):
        if number:
            point, kind = error_click(shown[-1], truth)
            points, kinds = torch.cat([points, point[:, None]], 1), torch.cat([kinds, kind[:, None]], 1)
        shown.append(answer(points, kinds))
    return torch.stack(shown), points, kinds


def with_room(points: Tensor, kinds: Tensor, places: int = 1) -> tuple[Tensor, Tensor]:
    """The same prompts with empty places behind them, so that clicks and boxes can stand in one batch."""
    more = points.new_zeros(len(points), places, 2)
    return torch.cat([points, more], 1), torch.cat([kinds, kinds.new_full((len(kinds), places), NOTHING)], 1)


def _largest(region: Tensor) -> int:
    parts, _ = label(region.cpu().numpy())
    return int(torch.from_numpy(parts).flatten().bincount()[1:].max())


def _middle(pixel: Tensor, width: int) -> Tensor:
    return torch.stack([pixel % width, pixel // width], -1).float() + 0.5
