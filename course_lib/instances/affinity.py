"""Targets of pose estimation, and the test that joins two key points (chapter 11, "pose").

    heat map     H_k(x) = max_m exp(-|x - p_mk|^2 / 2 sigma^2)                      one for each of 13 key points
    field        F_c(x) = mean over people m near whose limb c lies x of (b - a) / |b - a|,   else 0
    limb         E(a, b) = int_0^1 F_c(a + u (b - a)) . (b - a) / |b - a| du        a line integral, in [-1, 1]

Heat maps: Tompson et al. 2014, arXiv:1406.2984; fields: Cao, Simon, Wei and Sheikh 2017, arXiv:1611.08050. LIMBS is a
tree over KEYPOINTS, so that joined limbs make people without a circle. Points are pixels (x, y) with pixel centres at
halves; a map of stride s has the centre of cell (i, j) at ((j + 1/2) s, (i + 1/2) s). Fields have channels (limb, x or
y). On purpose smaller: 12 limbs instead of 19, and no field of its own for the background.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.data.scenes.scene import KEYPOINTS

LIMBS = ((0, 1), (0, 2), (1, 3), (3, 5), (2, 4), (4, 6), (1, 7), (2, 8), (7, 9), (9, 11), (8, 10), (10, 12))
SAMPLES = 10  # places at which a line integral is read


def _centres(size: tuple[int, int], stride: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """x (w,) and y (h, 1) of the cells of a map, pixels."""
    y, x = ((torch.arange(n // stride).to(like) + 0.5) * stride for n in size)
    return x, y[:, None]


def _check_points(points: Tensor, size: tuple[int, int], stride: int) -> None:
    check_shapes(points=(points, f"B M {len(KEYPOINTS)} 3"))
    if stride < 1 or size[0] % stride or size[1] % stride:
        raise ValueError(f"the picture's sides must be multiples of the stride, not {size} and {stride}")


def heat_maps(points: Tensor, size: tuple[int, int], stride: int = 2, *, sigma: float = 2.0) -> Tensor:
    """Gaussian bumps at key points; where two people's overlap the larger value counts, so that both peaks stay.

    Args:
        points: (B, M, 13, 3) x, y in pixels and a flag, 0 for a point that is not there.
        size: Height and width of the pictures, multiples of the stride.
        stride: Pixels between neighbours of the maps.
        sigma: Width of the bumps, pixels.

    Returns:
        (B, 13, h, w) in [0, 1].

    Raises:
        ValueError: For other shapes, a stride that does not divide the size, or a width that is not above 0.
    """
    _check_points(points, size, stride)
    check_positive(sigma=sigma)
    x, y = _centres(size, stride, points)
    across, down = (points[..., None, None, axis] for axis in (0, 1))  # (B, M, 13, 1, 1)
    bumps = (-(x - across).square() / (2 * sigma**2)).exp() * (-(y - down).square() / (2 * sigma**2)).exp()
    return (bumps * (points[..., 2] > 0)[..., None, None]).amax(1)


def affinity_fields(points: Tensor, size: tuple[int, int], stride: int = 2, *, width: float = 2.0) -> Tensor:
    """Unit vectors along limbs, from the first key point of LIMBS to the second; the mean where people overlap.

    Args:
        points, size, stride: As for `heat_maps`; a limb is there if both its ends are.
        width: Farthest distance from the segment, pixels.

    Returns:
        (B, 12, 2, h, w); zero away from limbs.

    Raises:
        ValueError: As for `heat_maps`.
    """
    _check_points(points, size, stride)
    check_positive(width=width)
    first, second = (points[:, :, [limb[end] for limb in LIMBS]] for end in (0, 1))  # (B, M, 12, 3)
    there = (first[..., 2] > 0) & (second[..., 2] > 0)
    along = second[..., :2] - first[..., :2]
    length = along.norm(dim=-1).clamp(min=1e-6)[..., None, None]  # (B, M, 12, 1, 1)
    unit = along[..., None, None, :] / length[..., None]
    x, y = _centres(size, stride, points)
    dx, dy = x - first[..., None, None, 0], y - first[..., None, None, 1]
    reach = dx * unit[..., 0] + dy * unit[..., 1]  # (B, M, 12, h, w), along the limb
    beside = dx * unit[..., 1] - dy * unit[..., 0]
    beyond = reach - reach.clamp(min=0).minimum(length)
    near = (beside.square() + beyond.square() <= width**2) & there[..., None, None]
    total = torch.stack([(near * unit[..., axis]).sum(1) for axis in (0, 1)], 2)  # (B, 12, 2, h, w)
    return total / near.sum(1).clamp(min=1)[:, :, None]


def limb_scores(field: Tensor, starts: Tensor, ends: Tensor, *, stride: int = 2) -> Tensor:
    """How well the field of one limb agrees with straight lines between candidates: the line integral E.

    Args:
        field: (2, h, w) of one limb.
        starts: (P, 2) candidates for its first key point, pixels.
        ends: (Q, 2) candidates for its second.
        stride: Pixels between neighbours of the field.

    Returns:
        (P, Q) in about [-1, 1]: the mean over SAMPLES places of the field's part along the line, read bilinearly.

    Raises:
        ValueError: For other shapes.
    """
    check_shapes(field=(field, "2 h w"))
    if len(starts) == 0 or len(ends) == 0:
        return field.new_zeros(len(starts), len(ends))
    check_shapes(starts=(starts, "P 2"), ends=(ends, "Q 2"))
    along = ends[None] - starts[:, None]  # (P, Q, 2)
    unit = along / along.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    u = ((torch.arange(SAMPLES) + 0.5) / SAMPLES).to(field)
    places = starts[:, None, None] + u[:, None] * along[:, :, None]  # (P, Q, SAMPLES, 2)
    sides = torch.tensor([field.shape[2], field.shape[1]]).to(field) * stride
    grid = (2 * places / sides - 1).flatten(1, 2)[None]
    read = F.grid_sample(field[None], grid, align_corners=False, padding_mode="border")  # (1, 2, P, Q * SAMPLES)
    read = read[0].unflatten(2, (len(ends), SAMPLES)).permute(1, 2, 3, 0)
    return (read * unit[:, :, None]).sum(-1).mean(-1)
