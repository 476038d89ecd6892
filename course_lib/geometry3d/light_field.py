"""Light fields (chapter 4, "light-field"): pictures from a grid of cameras, and focus chosen afterwards.

    two-plane form   L(u, v, x, y): ray through the camera plane at (u, v) and the picture plane at (x, y)
    parallax         a point of disparity d stands at (x - d u, y - d v) in the view of the camera at (u, v)
    refocus on d     mean over the cameras of L(u, v, x - d u, y - d v): shift and add
    slope            in the slice (u, x) of the light field, the epipolar plane image, the point draws a line dx/du = -d

Disparity is in pixels a unit of camera spacing; larger is nearer. Cameras stand at whole steps around (0, 0). Levoy
and Hanrahan (1996); Ng et al. (2005); depth by agreement of shifted views: Kim et al. (2013); by slope: Wanner and
Goldluecke (2012). The scene is a stack of flat cut-outs at known disparities, so that every view and the depth of
every pixel are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from course_lib.core.checks import check_tensors
from course_lib.ops.filters import box_filter


class Layer(NamedTuple):
    """A flat cut-out that faces the cameras: colours (C, H, W), opacity (1, H, W) in [0, 1], disparity in pixels."""

    picture: Tensor
    alpha: Tensor
    disparity: float


def camera_grid(n: int) -> Tensor:
    """Places (u, v) of n x n cameras, one unit apart, centred on (0, 0).

    Args:
        n: Cameras a side, odd so that one stands in the middle.

    Returns:
        (n^2, 2) float64, row by row.

    Raises:
        ValueError: For an even n or n below 1.
    """
    if n < 1 or n % 2 == 0:
        raise ValueError(f"n must be odd, so that one camera stands in the middle, not {n!r}")
    steps = torch.arange(n, dtype=torch.float64) - n // 2
    v, u = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([u.flatten(), v.flatten()], dim=1)


def shift(pictures: Tensor, offset: Tensor) -> Tensor:
    """Move pictures by fractions of a pixel, bilinearly; the border pixel goes on outside.

    Args:
        pictures: (B, C, H, W).
        offset: (B, 2) pixels to the right and down.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(pictures=(pictures, "B C H W"), offset=(offset, "B 2"))
    height, width = pictures.shape[2:]
    turn = torch.eye(2, 3, device=pictures.device, dtype=pictures.dtype).repeat(len(pictures), 1, 1)
    scale = torch.tensor([2 / width, 2 / height], device=pictures.device, dtype=pictures.dtype)
    turn[:, :, 2] = -offset.to(pictures) * scale
    grid = affine_grid(turn, list(pictures.shape), align_corners=False)
    return grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def render_layers(layers: Sequence[Layer], cameras: Tensor) -> tuple[Tensor, Tensor]:
    """What each camera sees, and how far each pixel of the camera at (0, 0) is.

    Args:
        layers: From back to front; the first must be opaque everywhere.
        cameras: (N, 2) places (u, v).

    Returns:
        Views (N, C, H, W), and the disparity (H, W) that a camera at (0, 0) sees (opacity of at least a half counts).

    Raises:
        ValueError: For bad shapes or values, or if the first layer has holes.
    """
    check_tensors(cameras=(cameras, "N 2"))
    if not layers or layers[0].alpha.min() < 1:
        raise ValueError("layers must start with a background of opacity 1 everywhere")
    views = depth = torch.zeros(1)
    for layer in layers:
        check_tensors(picture=(layer.picture, "C H W"), alpha=(layer.alpha, "1 H W"))
        sheet = torch.cat([layer.picture * layer.alpha, layer.alpha])  # colours times opacity, as they blend
        moved = shift(sheet.expand(len(cameras), -1, -1, -1), -layer.disparity * cameras.to(sheet))
        colour, opacity = moved[:, :-1], moved[:, -1:]
        views = colour if layer is layers[0] else colour + (1 - opacity) * views
        seen = layer.alpha[0] >= 0.5
        plane = torch.full_like(layer.alpha[0], layer.disparity)
        depth = plane if layer is layers[0] else torch.where(seen, plane, depth)
    return views, depth


def refocus(views: Tensor, cameras: Tensor, disparity: float) -> Tensor:
    """The picture of a lens as large as the camera grid, focused on one disparity.

    Args:
        views: (N, C, H, W).
        cameras: (N, 2) places (u, v).
        disparity: What shall be sharp.

    Returns:
        (C, H, W).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(views=(views, "N C H W"), cameras=(cameras, "N 2"))
    return shift(views, disparity * cameras).mean(0)


def disagreement(views: Tensor, cameras: Tensor, disparities: Tensor, *, keep: float = 1.0) -> Tensor:
    """How much the views, shifted to each disparity, differ from the view of the camera at (0, 0).

    Args:
        views: (N, C, H, W), at least 2 views, one of them at (0, 0).
        cameras: (N, 2) places (u, v).
        disparities: (K,) candidates.
        keep: Share of the other views to count at each pixel, those that agree best; below 1, views in which the
            point is hidden need not spoil the rest.

    Returns:
        (K, H, W) mean squared differences.

    Raises:
        ValueError: For bad shapes or values, a single view, or no view at (0, 0).
    """
    check_tensors(views=(views, "N C H W"), cameras=(cameras, "N 2"), disparities=(disparities, "K"))
    middle = (cameras == 0).all(1)
    if len(views) < 2 or int(middle.sum()) != 1:
        raise ValueError("views must hold at least 2 pictures, exactly one of them from the camera at (0, 0)")
    if not 0 < keep <= 1:
        raise ValueError(f"keep must lie above 0 and be at most 1, not {keep!r}")
    centre, others, places = views[middle], views[~middle], cameras[~middle]
    count = max(1, round(keep * len(others)))
    costs = []
    for d in disparities:
        difference = (shift(others, float(d) * places) - centre).square().mean(1)  # (N - 1, H, W)
        costs.append((difference if count == len(others) else difference.sort(0).values[:count]).mean(0))
    return torch.stack(costs)


def best_disparity(costs: Tensor, disparities: Tensor, window: int = 5) -> Tensor:
    """At each pixel the disparity of the smallest cost, after averaging costs over a square.

    Args:
        costs: (K, H, W).
        disparities: (K,) candidates.
        window: Odd side of the square in pixels.

    Returns:
        (H, W).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(costs=(costs, "K H W"), disparities=(disparities, "K"))
    return disparities.to(costs)[box_filter(costs[:, None], window)[:, 0].argmin(0)]


def epipolar_slope(slice_: Tensor, window: int = 5) -> Tensor:
    """Disparity from the direction of the lines in one epipolar plane image.

    Along its line a point keeps its colour: d_u L = d_x L * d. Least squares over a window gives d.

    Args:
        slice_: (U, W) grey values L(u, x), cameras in steps of one unit, at least 3.
        window: Odd size of the square in which lines are taken as parallel.

    Returns:
        (U, W) disparities in pixels; NaN where the window holds no texture.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(slice_=(slice_, "U W"))
    if min(slice_.shape) < 3:
        raise ValueError(f"slice_ must be at least 3 x 3, not {tuple(slice_.shape)}")
    along_u, along_x = torch.gradient(slice_)
    top, bottom = (box_filter(p[None, None], window)[0, 0] for p in (along_u * along_x, along_x.square()))
    enough = bottom > 1e-5
    return torch.where(enough, top / torch.where(enough, bottom, torch.ones_like(bottom)), torch.nan)
