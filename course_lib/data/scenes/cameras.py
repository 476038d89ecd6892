"""Where the cameras of the course's scenes stand: on a circle, on a grid for a light field, or anywhere."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.ops.geometry.cameras import Cameras, look_at_pose, pinhole


def _with_field(pose: Tensor, size: int | tuple[int, int], field: float) -> Cameras:
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 2 or not 0 < field < 180:
        raise ValueError(
            f"a camera needs at least 2 pixels a side and a field of view in (0, 180) degrees, not {size}, {field}"
        )
    return pinhole(pose, 0.5 * width / math.tan(math.radians(field) / 2), height, width=width)


def orbit_cameras(
    worlds: int,
    views: int,
    size: int | tuple[int, int] = 64,
    *,
    distance: float = 5.0,
    elevation: float = 0.5,
    start: float = 0.0,
    arc: float = 2 * math.pi,
    field: float = 48.0,
    device: str | torch.device = "cpu",
) -> Cameras:
    """Cameras on a circle around the origin, all looking at it: the views of a radiance field or a turntable.

    Args:
        worlds, views: B and V.
        size: Image side in pixels, or (height, width).
        distance: Metres from the origin.
        elevation: Radians above the ground, in (0, pi / 2).
        start, arc: First azimuth and the range that the views cover evenly, radians.
        field: Horizontal field of view, degrees.
        device: Where the matrices are wanted.
    """
    azimuth = start + torch.arange(views, device=device) / views * arc
    flat = distance * math.cos(elevation)
    eye = torch.stack(
        [azimuth.cos() * flat, azimuth.sin() * flat, torch.full_like(azimuth, distance * math.sin(elevation))], -1
    )
    target = torch.tensor([0.0, 0.0, 0.3], device=device).expand_as(eye)
    return _with_field(look_at_pose(eye, target).expand(worlds, -1, -1, -1), size, field)


def grid_cameras(
    worlds: int,
    rows: int,
    columns: int,
    *,
    size: int | tuple[int, int] = 64,
    spacing: float = 0.08,
    distance: float = 5.0,
    elevation: float = 0.5,
    field: float = 48.0,
    device: str | torch.device = "cpu",
) -> Cameras:
    """Parallel cameras on a plane, row after row: the views of a light field.

    Args:
        worlds: B; there are V = rows * columns views.
        rows, columns: The grid, seen in the direction of sight: row 0 above, column 0 left.
        spacing: Metres between neighbours.
        size, distance, elevation, field, device: As for `orbit_cameras`.
    """
    centre = orbit_cameras(1, 1, size, distance=distance, elevation=elevation, field=field, device=device)
    across = (torch.arange(columns, device=device) - (columns - 1) / 2) * spacing
    down = (torch.arange(rows, device=device) - (rows - 1) / 2) * spacing
    shift = torch.stack(
        [across.repeat(rows), down.repeat_interleave(columns), torch.zeros(rows * columns, device=device)], -1
    )
    pose = centre.pose[0, 0].expand(rows * columns, 3, 4).clone()
    pose[:, :, 3] -= shift  # x_cam = R x + t - shift: the camera moves by `shift` in its own frame
    return _with_field(pose.expand(worlds, -1, -1, -1), size, field)


def random_cameras(
    worlds: int,
    size: int | tuple[int, int] = 64,
    *,
    distance: tuple[float, float] = (4.0, 6.5),
    elevation: tuple[float, float] = (0.25, 0.75),
    aim: float = 0.8,
    field: float = 48.0,
    generator: torch.Generator,
) -> Cameras:
    """One camera for each world, somewhere around it, looking at a place near its middle: single pictures for depth.

    Args:
        worlds: B; there is one view of each.
        size, field: As for `orbit_cameras`.
        distance: Least and most metres from the place looked at.
        elevation: Least and most, radians above the ground, in (0, pi / 2).
        aim: How far the place looked at may be from the origin, metres.
        generator: Source of the numbers; the cameras are on its device.
    """
    if not 0 < elevation[0] <= elevation[1] < math.pi / 2 or not 0 < distance[0] <= distance[1]:
        raise ValueError(
            f"distance must rise and be above 0, elevation lie in (0, pi / 2), not {distance}, {elevation}"
        )
    draws = torch.rand(5, worlds, 1, generator=generator, device=generator.device)  # (5, B, V = 1)
    azimuth, radius = 2 * math.pi * draws[0], distance[0] + draws[1] * (distance[1] - distance[0])
    height, angle, reach = (
        elevation[0] + draws[2] * (elevation[1] - elevation[0]),
        2 * math.pi * draws[3],
        aim * draws[4],
    )
    target = torch.stack([angle.cos() * reach, angle.sin() * reach, torch.full_like(reach, 0.3)], -1)
    away = torch.stack([azimuth.cos() * height.cos(), azimuth.sin() * height.cos(), height.sin()], -1)
    return _with_field(look_at_pose(target + radius[..., None] * away, target), size, field)
