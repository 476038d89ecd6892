"""Posed views of the course's worlds, as rays and their colours (chapter 20, "nerf").

    orbit_rings       cameras on two circles around the origin, all of them above the ground and looking down
    posed_pixels      every pixel of every view: its ray inside the scene's box, and its colour
    turned_cameras    the same cameras, each believed to look a little elsewhere: what wrong poses do

With these cameras every ray meets the ground inside the box LOW to HIGH, so that nothing far away has to be kept.
Real photographs come without poses; structure from motion finds them (COLMAP, Schoenberger and Frahm 2016), and how
well decides how sharp a field can be.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.data.scenes.cameras import orbit_cameras
from course_lib.data.scenes.views import Views, render_views
from course_lib.data.scenes.world3d import World
from course_lib.fields.radiance import Rays, box_rays
from course_lib.ops.geometry.cameras import Cameras
from course_lib.ops.geometry.rotations import axis_angle_to_matrix

LOW, HIGH = (-4.6, -4.6, -0.1), (4.6, 4.6, 0.9)  # metres; objects are at most 0.84 high
FIELD = 40.0  # degrees


def orbit_rings(views: int, size: int = 48, *, elevations: tuple[float, ...] = (0.9, 1.15),
                start: float = 0.0) -> Cameras:  # fmt: skip
    """Cameras for one world, spread evenly over circles.

    Args:
        views: V, a multiple of the number of circles.
        size: Side of the pictures, pixels.
        elevations: Of the circles, radians above the ground.
        start: First azimuth, radians; each further circle is turned by half a gap.

    Returns:
        Cameras with pose (1, V, 3, 4).
    """
    check_positive(views=views)
    each, over = divmod(views, len(elevations))
    if over:
        raise ValueError(f"views must be a multiple of {len(elevations)} circles, not {views}")
    gap = 2 * torch.pi / each
    rings = [orbit_cameras(1, each, size, elevation=e, start=start + k * gap / 2, field=FIELD)
             for k, e in enumerate(elevations)]  # fmt: skip
    return Cameras(torch.cat([ring.pose for ring in rings], 1), torch.cat([ring.intrinsics for ring in rings], 1),
                   size, size)  # fmt: skip


def posed_pixels(world: World, cameras: Cameras, believed: Cameras | None = None) -> tuple[Rays, Tensor, Views]:
    """What a field is trained on.

    Args:
        world: One.
        cameras: That took the pictures, pose (1, V, 3, 4).
        believed: Cameras that the rays are made from; the true ones without it.

    Returns:
        V H W rays, their colours (V H W, 3), and the views.
    """
    views = render_views(world, cameras)
    rays = box_rays(cameras if believed is None else believed, torch.tensor(LOW), torch.tensor(HIGH))
    return rays, views.image.movedim(2, -1).reshape(-1, 3), views


def turned_cameras(cameras: Cameras, degrees: float, *, generator: torch.Generator) -> Cameras:
    """Cameras that look elsewhere by an angle of normal distribution about each of their axes.

    Args:
        cameras: pose (..., 3, 4).
        degrees: Standard deviation about each axis, at least 0.
        generator: Source of the angles.
    """
    if not degrees >= 0:
        raise ValueError(f"degrees must be at least 0, not {degrees}")
    angles = torch.randn(*cameras.pose.shape[:-2], 3, generator=generator) * torch.pi / 180 * degrees
    return Cameras(axis_angle_to_matrix(angles) @ cameras.pose, cameras.intrinsics, cameras.height, cameras.width)
