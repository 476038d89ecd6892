"""The course's one camera: a pinhole with pose, rays and projection (chapter 4, and every chapter that looks at space).

    into the camera   x_cam = R x_world + t,     pose [R | t] (3, 4),  centre -R^T t
    into the picture  u = f x / z + cx,  v = f y / z + cy,     K = [[f, 0, cx], [0, f, cy], [0, 0, 1]] in pixels
    back              x_world = centre + depth R^T K^-1 (u, v, 1)

Camera frame as in OpenCV: x right, y down, z forward. The picture's top left corner is (0, 0), so pixel (row i, column
j) has its centre at (u, v) = (j + 0.5, i + 0.5). Cameras come alone or many at once: leading dimensions are free.
Hartley and Zisserman, Multiple View Geometry, 2004, chapter 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


@dataclass(frozen=True)
class Cameras:
    """One camera, or many that take pictures of one size.

    Attributes:
        pose: (..., 3, 4) [R | t] from world to camera.
        intrinsics: (..., 3, 3) pixels.
        height, width: Size of the picture, pixels.
    """

    pose: Tensor
    intrinsics: Tensor
    height: int
    width: int

    @property
    def rotation(self) -> Tensor:
        """(..., 3, 3) from world to camera."""
        return self.pose[..., :3]

    @property
    def position(self) -> Tensor:
        """(..., 3) centres in the world, -R^T t."""
        return -(self.rotation.transpose(-1, -2) @ self.pose[..., 3:]).squeeze(-1)

    def to(self, like: Tensor) -> Cameras:
        """The same cameras with the kind and on the device of a tensor."""
        return Cameras(self.pose.to(like), self.intrinsics.to(like), self.height, self.width)


def look_at_pose(eye: Tensor, target: Tensor, up: Tensor | None = None) -> Tensor:
    """Poses of cameras at `eye` that look at `target`.

    Args:
        eye, target: (..., 3) places in the world.
        up: (3,) direction that shall be up in the picture; the z axis without it.

    Returns:
        (..., 3, 4) [R | t] from world to camera.

    Raises:
        ValueError: For bad shapes or values, or if eye and target coincide or lie on one line with `up`.
    """
    check_tensors(eye=(eye, "... 3"), target=(target, "... 3"))
    forward = torch.nn.functional.normalize(target - eye, dim=-1)
    upwards = (eye.new_tensor([0.0, 0.0, 1.0]) if up is None else up.to(eye)).expand_as(forward)
    across = torch.linalg.cross(forward, upwards)
    if (across.norm(dim=-1) < 1e-4 * upwards.norm(dim=-1)).any():
        raise ValueError(
            "look_at needs eye and target that differ and do not lie along up; move eye or give another up"
        )
    right = torch.nn.functional.normalize(across, dim=-1)
    rotation = torch.stack([right, torch.linalg.cross(forward, right), forward], -2)  # (..., 3, 3)
    return torch.cat([rotation, -rotation @ eye[..., None]], -1)


def pinhole(pose: Tensor, focal: float, height: int, *, width: int) -> Cameras:
    """Cameras with square pixels that look through the middle of their picture.

    Args:
        pose: (..., 3, 4) from world to camera.
        focal: Focal length in pixels, above 0.
        height, width: Size of the picture in pixels, at least 1.
    """
    check_positive(focal=focal, height=height, width=width)
    matrix = pose.new_tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    return Cameras(pose, matrix.expand(*pose.shape[:-2], 3, 3), height, width)


def look_at(eye: Tensor, target: Tensor, focal: float, *, height: int, width: int, up: Tensor | None = None) -> Cameras:
    """Cameras at `eye` that look at `target`: `look_at_pose` and `pinhole` in one."""
    return pinhole(look_at_pose(eye, target, up), focal, height, width=width)


def project_points(cameras: Cameras, points: Tensor) -> tuple[Tensor, Tensor]:
    """World points to pixels.

    Args:
        cameras: Of leading dimensions (...).
        points: (..., P, 3); for V cameras in each of B worlds: (B, 1, P, 3).

    Returns:
        (..., P, 2) pixels (u, v) and (..., P) depth along the optical axis; where the depth is not above 0 the point
        lies behind the camera and its pixel means nothing.
    """
    local = points @ cameras.rotation.transpose(-1, -2) + cameras.pose[..., None, :, 3]  # (..., P, 3)
    depth = local[..., 2]
    k = cameras.intrinsics[..., None, :, :]
    focal, middle = torch.stack([k[..., 0, 0], k[..., 1, 1]], -1), k[..., :2, 2]  # (..., 1, 2)
    return local[..., :2] / depth[..., None] * focal + middle, depth


def camera_rays(cameras: Cameras, pixels: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Rays through pixels, scaled so that their parameter is the depth: x_world = origin + depth * direction.

    Args:
        cameras: Of leading dimensions (...).
        pixels: (P, 2) places (u, v) in the picture; by default all pixel centres, row after row.

    Returns:
        Origins and directions, (..., P, 3) each. Directions are not unit vectors: their z in the camera is 1.
    """
    if pixels is None:
        columns = torch.arange(cameras.width, device=cameras.pose.device) + 0.5
        lines = torch.arange(cameras.height, device=cameras.pose.device) + 0.5
        pixels = torch.stack(torch.meshgrid(columns, lines, indexing="xy"), -1).flatten(0, 1)
    k = cameras.intrinsics[..., None, :, :]
    x = (pixels[:, 0] - k[..., 0, 2]) / k[..., 0, 0]  # (..., P)
    y = (pixels[:, 1] - k[..., 1, 2]) / k[..., 1, 1]
    directions = torch.stack([x, y, torch.ones_like(x)], -1) @ cameras.rotation  # R^T d, written for row vectors
    return cameras.position[..., None, :].expand_as(directions), directions
