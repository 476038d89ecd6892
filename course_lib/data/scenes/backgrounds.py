"""What stands behind the objects: a photograph, a textured wall, a gradient, or ground and sky.

Ground and sky are "stuff": regions with a class but without instances. The ground is a textured plane that shrinks
towards the horizon; its detail fades with distance, as haze does, so that it never flickers.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from course_lib.data.scenes.scene import GRADIENT, GROUND, LANDSCAPE, PHOTO, SKY, SURFACE, WALL, Scene
from course_lib.data.scenes.textures import PHOTOS, TEXTURES, page_size, photo_pages, read_pages, texture_pages

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
            out[i] = read_pages(photo_pages(side, scene.device), scene.page[i], page_points(i)).permute(0, 2, 3, 1)
        elif kind == SURFACE:
            grey = read_pages(texture_pages(side, scene.device), scene.page[i], page_points(i))[:, 0]
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
    grey = read_pages(texture_pages(side, scene.device), scene.page[i], (u.expand(-1, scene.height, -1), v))[:, 0]
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


def draw_surroundings(count: int, height: int, width: int, *, uniform, generator: torch.Generator) -> dict[str, Any]:
    """Light, shadow and background of `count` scenes: the fields of `Scene` that belong to the image as a whole."""
    where, longest = generator.device, max(height, width)
    azimuth, tip = uniform(count, low=-2.6, high=-0.5), uniform(count, low=0.45, high=0.75)
    light = torch.stack([azimuth.cos() * tip, azimuth.sin() * tip, -(1 - tip**2).sqrt()], 1)
    chances = torch.tensor([0.4, 0.2, 0.1, 0.3], device=where)
    background = torch.multinomial(chances, count, replacement=True, generator=generator)
    photo, surface, land = (background == kind for kind in (PHOTO, SURFACE, LANDSCAPE))
    pages = torch.randint(10**6, (count,), generator=generator, device=where)
    ground_page = torch.tensor([TEXTURES.index(name) for name in ("grass", "gravel", "grass", "brick")], device=where)
    page = torch.where(photo, pages % len(PHOTOS), 3 + pages % (len(TEXTURES) - 3))
    page = torch.where(land, ground_page[pages % 4], page)
    tones = 0.25 + 0.55 * uniform(count, 2, 3)
    sky = torch.tensor([0.45, 0.65, 0.9], device=where) + uniform(count, 3, low=-0.1, high=0.1)
    ground = torch.tensor([0.45, 0.42, 0.3], device=where) + uniform(count, 3, low=-0.12, high=0.12)
    tones = torch.where(land[:, None, None], torch.stack([sky, ground], 1), tones)
    cover = torch.where(photo, uniform(count, low=0.55, high=1.0), uniform(count, low=0.4, high=0.9))
    return {
        "light": light,
        "ambient": uniform(count, low=0.3, high=0.45),
        "shadow": uniform(count, low=0.25, high=0.5),
        "background": background,
        "page": torch.where(background == GRADIENT, 0, page),
        "origin": torch.where(photo | surface, 1 - cover, torch.ones_like(cover))[:, None] * uniform(count, 2),
        "step": cover / longest,
        "tones": tones.clamp(0, 1),
        "tilt": uniform(count, low=0.0, high=2 * math.pi),
        "horizon": uniform(count, low=0.3, high=0.6) * height,
        "pan": torch.zeros(count, 2, device=where),
    }
