"""Where the cameras of the course's scenes stand: on a circle for a turntable, on a grid for a light field."""

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
