"""Pinhole cameras: poses, rays, projection.

Camera frame as in OpenCV: x right, y down, z forward. A pose is the 3 x 4 matrix [R | t] from world to camera,
x_cam = R x_world + t; intrinsics are K = [[f, 0, W/2], [0, f, H/2], [0, 0, 1]] in pixels, so a point projects to
(u, v) = (f x / z + W/2, f y / z + H/2) with (0, 0) at the image's top left corner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cameras:
    """V cameras for each of B worlds.

    Attributes:
        pose: (B, V, 3, 4) from world to camera.
        intrinsics: (B, V, 3, 3) pixels.
        height, width: Image size, pixels.
    """

    pose: Tensor
    intrinsics: Tensor
    height: int
    width: int

    @property
    def position(self) -> Tensor:
        """(B, V, 3) camera centres in the world, -R^T t."""
        return -(self.pose[..., :3].transpose(-1, -2) @ self.pose[..., 3:]).squeeze(-1)


def look_at(eye: Tensor, target: Tensor) -> Tensor:
    """Poses of cameras at `eye` that look at `target`, upright in a world whose z points up.

    Args:
        eye, target: (..., 3) metres, not on one vertical line.

    Returns:
        (..., 3, 4) [R | t] from world to camera.

    Raises:
        ValueError: If a camera would look straight up or down, where "upright" has no meaning.
    """
    forward = torch.nn.functional.normalize(target - eye, dim=-1)
    if (forward[..., 2].abs() > 0.9999).any() or (forward.norm(dim=-1) < 0.5).any():
        raise ValueError("look_at needs eye and target that differ and are not above each other")
    up = torch.tensor([0.0, 0.0, 1.0], device=eye.device).expand_as(forward)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, up), dim=-1)
    rotation = torch.stack([right, torch.linalg.cross(forward, right), forward], -2)
    return torch.cat([rotation, -rotation @ eye[..., None]], -1)


def _pinhole(pose: Tensor, size: int | tuple[int, int], field: float) -> Cameras:
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 2 or not 0 < field < 180:
        raise ValueError(
            f"a camera needs at least 2 pixels a side and a field of view in (0, 180) degrees, not {size}, {field}"
        )
    focal = 0.5 * width / math.tan(math.radians(field) / 2)
    matrix = torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]], device=pose.device)
    return Cameras(pose, matrix.expand(*pose.shape[:2], 3, 3), height, width)


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
    return _pinhole(look_at(eye, target).expand(worlds, -1, -1, -1), size, field)


def grid_cameras(
    worlds: int,
    rows: int,
    columns: int,
    size: int | tuple[int, int] = 64,
    *,
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
    return _pinhole(pose.expand(worlds, -1, -1, -1), size, field)


def camera_rays(cameras: Cameras, pixels: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Rays through pixels, scaled so that their parameter is the depth: x_world = origin + depth * direction.

    Args:
        cameras: V cameras for B worlds.
        pixels: (P, 2) image points (x, y); by default all pixel centres, row after row.

    Returns:
        Origins and directions, (B, V, P, 3) each. Directions are not unit vectors: their z in the camera is 1.
    """
    if pixels is None:
        columns = torch.arange(cameras.width, device=cameras.pose.device) + 0.5
        lines = torch.arange(cameras.height, device=cameras.pose.device) + 0.5
        pixels = torch.stack(torch.meshgrid(columns, lines, indexing="xy"), -1).flatten(0, 1)
    k = cameras.intrinsics[:, :, None]
    x = (pixels[:, 0] - k[..., 0, 2]) / k[..., 0, 0]
    y = (pixels[:, 1] - k[..., 1, 2]) / k[..., 1, 1]
    local = torch.stack([x, y, torch.ones_like(x)], -1)  # (B, V, P, 3)
    directions = local @ cameras.pose[..., :3]  # R^T d, written for row vectors
    return cameras.position[:, :, None].expand_as(directions), directions


def project(cameras: Cameras, points: Tensor) -> tuple[Tensor, Tensor]:
    """World points to pixels.

    Args:
        cameras: V cameras for B worlds.
        points: (B, P, 3) metres.

    Returns:
        (B, V, P, 2) pixels and (B, V, P) depth along the optical axis (behind the camera if not positive).
    """
    local = points[:, None] @ cameras.pose[..., :3].transpose(-1, -2) + cameras.pose[..., None, :, 3]
    depth = local[..., 2]
    k = cameras.intrinsics[:, :, None]
    focal, middle = torch.stack([k[..., 0, 0], k[..., 1, 1]], -1), k[..., :2, 2]
    return local[..., :2] / depth[..., None] * focal + middle, depth
