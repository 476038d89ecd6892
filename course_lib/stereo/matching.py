"""From costs to disparities (chapter 4, "stereo"): decide, refine, distrust, repair.

winner takes all   the disparity with the least cost
sub-pixel          a parabola through the least cost and its two neighbours; its lowest point
left-right check   match from the right picture too: the same volume read along x + d. Both must agree
filling            what failed is mostly hidden from one camera, so it belongs to what lies behind: take the
                   smaller of the nearest trusted disparities to the left and to the right
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors

TIE = 1e-5  # costs this close are equal: sums in another order differ by less, and counts of bits by far more


def winner_take_all(volume: Tensor, subpixel: bool = True) -> Tensor:
    """The cheapest disparity of each pixel.

    Args:
        volume: (B, D, H, W) costs.
        subpixel: Refine by a parabola; the gradient then flows from the disparity into the three costs around it.

    Returns:
        (B, H, W) pixels, 0 to D - 1; among costs that differ by rounding only (1e-5) the smallest disparity.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(volume=(volume, "B D H W"))
    equal = volume <= volume.amin(1, keepdim=True) + TIE
    best = equal.byte().argmax(1, keepdim=True)  # the first of them, (B, 1, H, W)
    whole = best.to(volume.dtype)
    if not subpixel or volume.shape[1] < 3:
        return whole[:, 0]
    middle = best.clamp(1, volume.shape[1] - 2)
    before, at, after = (volume.gather(1, middle + k) for k in (-1, 0, 1))
    curve = before - 2 * at + after
    sharp = (best == middle) & (curve > 1e-9)
    offset = 0.5 * (before - after) / torch.where(sharp, curve, 1)
    return torch.where(sharp, whole + offset, whole)[:, 0]


def right_volume(volume: Tensor) -> Tensor:
    """The same costs seen from the right picture: C_r(x, d) = C(x + d, d); where x + d lies outside, the highest.

    Args:
        volume: (B, D, H, W).
    """
    worst = volume.detach().amax()
    slices = []
    for d in range(volume.shape[1]):
        column = volume[:, d, :, d:]
        slices.append(torch.cat([column, worst.expand(*column.shape[:-1], d)], -1))
    return torch.stack(slices, 1)


def left_right_check(volume: Tensor, tolerance: float = 1.0) -> Tensor:
    """Which pixels get the same answer from the left and from the right.

    Args:
        volume: (B, D, H, W) aggregated costs of the left picture.
        tolerance: Largest difference in pixels.

    Returns:
        (B, H, W) bool. False where the match lies outside the right picture.

    Raises:
        ValueError: For bad shapes or values, or a negative tolerance.
    """
    check_tensors(volume=(volume, "B D H W"))
    if tolerance < 0:
        raise ValueError(f"tolerance must be 0 or more, not {tolerance}")
    left = winner_take_all(volume, subpixel=False).long()
    right = winner_take_all(right_volume(volume), subpixel=False).long()
    columns = torch.arange(left.shape[2], device=left.device) - left  # where each pixel lands in the right picture
    back = right.gather(2, columns.clamp(min=0))
    return (columns >= 0) & ((left - back).abs() <= tolerance)


def fill_invalid(disparity: Tensor, valid: Tensor) -> Tensor:
    """Replace what is not valid by the smaller of the nearest valid disparities in its row.

    Args:
        disparity: (B, H, W).
        valid: (B, H, W) bool.

    Returns:
        (B, H, W); rows without any valid pixel stay as they are.

    Raises:
        ValueError: For bad shapes or values, or a mask that is not bool or of another shape.
    """
    check_tensors(disparity=(disparity, "B H W"))
    if not isinstance(valid, Tensor) or valid.dtype != torch.bool or valid.shape != disparity.shape:
        raise ValueError(f"valid must be a bool tensor of shape {tuple(disparity.shape)} like disparity")
    width = disparity.shape[2]
    place = torch.arange(width, device=disparity.device).expand_as(valid)
    before = torch.where(valid, place, -1).cummax(2).values
    after = torch.where(valid, place, width).flip(2).cummin(2).values.flip(2)
    far = disparity.detach().amax() + 1  # larger than all, so that the other side wins
    left = torch.where(before >= 0, disparity.gather(2, before.clamp(min=0)), far)
    right = torch.where(after < width, disparity.gather(2, after.clamp(max=width - 1)), far)
    nearest = torch.minimum(left, right)
    return torch.where(valid | (nearest == far), disparity, nearest)
