"""What stands behind the objects: a photograph, a textured wall, a gradient, or ground and sky.

Ground and sky are "stuff": regions with a class but without instances. The ground is a textured plane that shrinks
towards the horizon; its detail fades with distance, as haze does, so that it never flickers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .scene import GRADIENT, GROUND, LANDSCAPE, PHOTO, SKY, SURFACE, WALL, Scene
from .textures import page_size, photo_pages, read_pages, texture_pages

WALL_DEPTH, SKY_DEPTH, GROUND_NEAR = 6.0, 8.0, 5.2  # image sides


def pixel_centres(scene: Scene) -> tuple[Tensor, Tensor]:
    """x of the columns (W,) and y of the rows (H,), pixels."""
    columns = torch.arange(scene.width, device=scene.device) + 0.5
    return columns, torch.arange(scene.height, device=scene.device) + 0.5


def side_of(scene: Scene) -> int:
    """The shorter image side, the unit in which depths are laid out."""
    return min(scene.height, scene.width)


def draw_background(scene: Scene) -> Tensor:
    """RGB of the backgrounds.

    Returns:
        (B, H, W, 3) in [0, 1].
    """
    columns, rows = pixel_centres(scene)
    x = (columns + scene.pan[:, :1])[:, None, :]  # (B, 1, W)
    y = (rows + scene.pan[:, 1:])[:, :, None]  # (B, H, 1)
    side = page_size(scene.height, scene.width)
    out = torch.empty(len(scene), scene.height, scene.width, 3, device=scene.device)

    def page_points(i: Tensor) -> tuple[Tensor, Tensor]:
        u = scene.origin[i, 0, None, None] + x[i] * scene.step[i, None, None]
        v = scene.origin[i, 1, None, None] + y[i] * scene.step[i, None, None]
        return u.expand(-1, *out.shape[1:3]), v.expand(-1, *out.shape[1:3])

    def blend(i: Tensor, share: Tensor) -> Tensor:
        first, second = scene.tones[i, 0, None, None], scene.tones[i, 1, None, None]
        return first + (second - first) * share[..., None]

    for kind in (PHOTO, SURFACE, GRADIENT, LANDSCAPE):
        i = (scene.background == kind).nonzero().squeeze(1)
        if i.numel() == 0:
            continue
        if kind == PHOTO:
            out[i] = read_pages(photo_pages(side, scene.device), scene.page[i], *page_points(i)).permute(0, 2, 3, 1)
        elif kind == SURFACE:
            grey = read_pages(texture_pages(side, scene.device), scene.page[i], *page_points(i))[:, 0]
            out[i] = blend(i, (0.5 + 0.22 * grey).clamp(0, 1))
        elif kind == GRADIENT:
            along = x[i] * scene.tilt[i].cos()[:, None, None] + y[i] * scene.tilt[i].sin()[:, None, None]
            out[i] = blend(i, 0.5 - 0.5 * (along * (torch.pi / (2 * max(scene.height, scene.width)))).cos())
        else:
            out[i] = _landscape(scene, i, x[i], y[i], side)
    return out


def _landscape(scene: Scene, i: Tensor, x: Tensor, y: Tensor, side: int) -> Tensor:
    horizon = scene.horizon[i, None, None]
    below = y - horizon  # (b, H, 1)
    height = float(scene.height)
    distance = 0.35 * height / below.clamp(min=0.5)
    u = scene.origin[i, 0, None, None] + (x - 0.5 * scene.width) / height * distance
    v = (scene.origin[i, 1, None, None] + distance).expand(-1, -1, scene.width)
    grey = read_pages(texture_pages(side, scene.device), scene.page[i], u.expand(-1, scene.height, -1), v)[:, 0]
    haze = (below / (0.5 * height)).clamp(0, 1)
    ground = scene.tones[i, 1, None, None] * (1 + 0.3 * haze * grey)[..., None] * (0.75 + 0.25 * haze)[..., None]
    up = (-below / (0.8 * height)).clamp(0, 1)[..., None]
    sky = 0.93 + (scene.tones[i, 0, None, None] - 0.93) * (0.15 + 0.85 * up)
    edge = (below + 0.5).clamp(0, 1)[..., None]  # an anti-aliased horizon
    return (sky + (ground - sky) * edge).clamp(0, 1)


def stuff_map(scene: Scene) -> Tensor:
    """Category of the background in each pixel, as if no object were there.

    Returns:
        (B, H, W) int64: SKY, GROUND or WALL.
    """
    rows = pixel_centres(scene)[1] + scene.pan[:, 1:]
    ground = rows >= scene.horizon[:, None]
    land = torch.where(ground, GROUND, SKY)
    outdoors = (scene.background == LANDSCAPE)[:, None]
    return torch.where(outdoors, land, WALL)[:, :, None].expand(-1, -1, scene.width)


def stuff_geometry(scene: Scene) -> tuple[Tensor, Tensor]:
    """Depth and normals of the background.

    Returns:
        Depth (B, H, W) in pixels, and the rate at which it changes with y, (B, H, W); with x it does not change.
    """
    side = side_of(scene)
    stuff = stuff_map(scene)
    rows = (pixel_centres(scene)[1] + scene.pan[:, 1:])[:, :, None]
    slope = -(WALL_DEPTH - GROUND_NEAR) * side / (scene.height - scene.horizon).clamp(min=1)[:, None, None]
    ground = WALL_DEPTH * side + slope * (rows - scene.horizon[:, None, None])
    depth = torch.where(stuff == GROUND, ground, torch.where(stuff == SKY, SKY_DEPTH, WALL_DEPTH) * side)
    return depth, torch.where(stuff == GROUND, slope, 0.0).expand_as(depth)
