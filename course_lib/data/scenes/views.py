"""Pictures and labels of the three-dimensional worlds: colour, depth, normals, slots, point clouds.

Light: a sun with soft shadows (a few rays towards points of its disc), light from the sky, and a small highlight that
moves with the viewer, so that colour depends on the direction of sight as in a real photograph:

    colour = albedo * (sky + (1 - sky) * visible * max(n.l, 0)) + gloss * visible * max(n.h, 0)^30
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data.scenes.cast import GROUND_HIT, SKY_HIT, Hits, cast
from course_lib.data.scenes.world3d import World
from course_lib.ops.geometry.cameras import Cameras, camera_rays

SKY_LIGHT, GLOSS, SUN_RADIUS, SUN_RAYS = 0.38, 0.25, 0.06, 4


@dataclass(frozen=True)
class Views:
    """V views of each of B worlds.

    Attributes:
        image: (B, V, 3, H, W) float32 RGB in [0, 1].
        depth: (B, V, H, W) metres along the optical axis; infinite for the sky.
        normals: (B, V, 3, H, W) unit vectors in the camera's frame (x right, y down, z forward); zero for the sky.
        slots: (B, V, H, W) int64 object slot, -1 ground, -2 sky.
    """

    image: Tensor
    depth: Tensor
    normals: Tensor
    slots: Tensor


@torch.no_grad()
def render_views(world: World, cameras: Cameras, supersample: int = 2) -> Views:
    """Draw worlds from given cameras.

    Args:
        world: B worlds.
        cameras: V cameras for each.
        supersample: Rays along each pixel side for colour; depth, normals and slots belong to the pixel's centre.

    Returns:
        Images and labels.

    Raises:
        ValueError: If there are not as many worlds as sets of cameras, or supersample is below 1.
    """
    b, v = cameras.pose.shape[:2]
    if b != len(world.kind) or supersample < 1:
        raise ValueError(
            f"{len(world.kind)} worlds need as many sets of cameras, not {b}, and supersample >= 1, not {supersample}"
        )
    h, w = cameras.height, cameras.width
    origins, directions = camera_rays(cameras)
    hits = cast(world, origins.flatten(1, 2), directions.flatten(1, 2))
    turned = hits.normal.view(b, v, h * w, 3) @ cameras.pose[..., :3].transpose(-1, -2)
    total = torch.zeros(b, v * h * w, 3, device=origins.device)
    columns, lines = torch.arange(w, device=origins.device), torch.arange(h, device=origins.device)
    grid = torch.stack(torch.meshgrid(columns, lines, indexing="xy"), -1).flatten(0, 1)
    for k in range(supersample**2):
        part = torch.tensor([k % supersample + 0.5, k // supersample + 0.5], device=origins.device) / supersample
        o, d = (rays.flatten(1, 2) for rays in camera_rays(cameras, grid + part))
        total += shade(world, o, d, hits=hits if supersample == 1 else cast(world, o, d))
    return Views(
        image=(total / supersample**2).view(b, v, h, w, 3).permute(0, 1, 4, 2, 3).contiguous(),
        depth=hits.distance.view(b, v, h, w),
        normals=turned.view(b, v, h, w, 3).permute(0, 1, 4, 2, 3),
        slots=hits.slot.view(b, v, h, w),
    )


def shade(world: World, origins: Tensor, directions: Tensor, *, hits: Hits) -> Tensor:
    """Colour that comes back along rays.

    Args:
        world: B worlds.
        origins, directions: (B, R, 3).
        hits: What `cast` found for them.

    Returns:
        (B, R, 3) RGB in [0, 1].
    """
    sky = hits.slot == SKY_HIT
    point = origins + torch.where(sky, 0.0, hits.distance)[..., None] * directions
    sun = world.sun[:, None]
    lit = torch.zeros_like(hits.distance)
    for k in range(SUN_RAYS):
        aim = torch.nn.functional.normalize(sun + SUN_RADIUS * _sun_point(world.sun, k)[:, None], dim=-1)
        above = point + 1e-3 * hits.normal
        lit += (cast(world, above, aim.expand_as(above)).slot == SKY_HIT) / SUN_RAYS
    sight = torch.nn.functional.normalize(directions, dim=-1)
    halfway = torch.nn.functional.normalize(sun - sight, dim=-1)
    facing = (hits.normal * sun).sum(-1).clamp(min=0)
    light = SKY_LIGHT + (1 - SKY_LIGHT) * lit * facing
    gloss = GLOSS * lit * (hits.normal * halfway).sum(-1).clamp(min=0) ** 30 * (hits.slot >= 0)
    colour = _albedo(world, hits) * light[..., None] + gloss[..., None]
    up = sight[..., 2:].clamp(0, 1)
    heaven = (
        torch.tensor([0.93, 0.95, 0.97], device=point.device) * (1 - up)
        + torch.tensor([0.45, 0.65, 0.92], device=point.device) * up
    )
    haze = torch.where(sky, 1.0, 1 - (-(hits.distance / 40).square()).exp())[..., None]  # far ground melts into the sky
    return (colour * (1 - haze) + heaven * haze).clamp(0, 1)


def _sun_point(sun: Tensor, k: int) -> Tensor:
    """(B, 3) one of SUN_RAYS points on the sun's disc, relative to its centre, in radii."""
    side = torch.nn.functional.normalize(
        torch.linalg.cross(sun, torch.tensor([[0.0, 1.0, 0.3]], device=sun.device)), dim=-1
    )
    turn = torch.tensor(2 * torch.pi * k / SUN_RAYS)
    return side * turn.cos() + torch.linalg.cross(sun, side) * turn.sin()


def _albedo(world: World, hits: Hits) -> Tensor:
    """(B, R, 3) colour before light: objects with a soft wave pattern, the ground in square tiles."""
    tiles = (hits.local[..., :2].floor().sum(-1) % 2).long()
    ground = world.ground.gather(1, tiles[..., None].expand(-1, -1, 3))
    wave = (hits.local * 7).sin().prod(-1)
    slot = hits.slot.clamp(min=0)[..., None].expand(-1, -1, 3)
    thing = world.colour.gather(1, slot) * (1 + 0.25 * wave)[..., None]
    return torch.where((hits.slot == GROUND_HIT)[..., None], ground, thing)


def point_cloud(cameras: Cameras, depth: Tensor) -> Tensor:
    """Depth maps to points in the world.

    Args:
        cameras: V cameras for B worlds.
        depth: (B, V, H, W) metres along the optical axis.

    Returns:
        (B, V, H, W, 3) metres; not finite where the depth is not.
    """
    origins, directions = camera_rays(cameras)
    return (origins + depth.flatten(2)[..., None] * directions).unflatten(2, depth.shape[2:])
