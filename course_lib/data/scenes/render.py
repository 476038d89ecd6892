"""The renderer: from a `Scene` to pixels, slot numbers, depth and normals, all in one pass.

Objects are painted from far to near (painter's algorithm). Each is evaluated only in a square window around it; windows
are computed for all objects of the batch at once, in a few sizes, and only the painting itself goes slot by slot:

    canvas <- canvas * (1 - shadow) * (1 - alpha) + alpha * light * albedo,     alpha = clamp(1/2 - d, 0, 1)

with d the signed distance to the object's edge in pixels. A pixel belongs to the object if d < 0 at its centre.
The surface has a rounded rim: height h(d) = slope * w * (1 - t^2) / 2 with t = clamp(1 + d / w, 0) and rim width w, so
depth = depth of the rim - h, and the normal is n = (z_x, z_y, -1) / |.| with central differences of z (Lambert
shading: brightness = ambient + (1 - ambient) * n.l / l_z).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data.scenes.backgrounds import draw_background, side_of, stuff_geometry
from course_lib.data.scenes.scene import Scene, to_local
from course_lib.data.scenes.shapes import signed_distance
from course_lib.data.scenes.textures import page_size, read_pages, texture_pages

RIM_SLOPE = 1.1
SHADOW_SOFTNESS = 0.05  # of the image side


@dataclass(frozen=True)
class Rendered:
    """What one pass over the scene gives.

    Attributes:
        image: (B, 3, H, W) float32 RGB in [0, 1], or None.
        slots: (B, H, W) int64, slot number of the nearest object in each pixel, -1 for background.
        depth: (B, H, W) pixels from the camera plane, or None.
        normals: (B, 3, H, W) unit vectors (x right, y down, z away), facing the viewer (z < 0), or None.
    """

    image: Tensor | None
    slots: Tensor
    depth: Tensor | None = None
    normals: Tensor | None = None


@torch.no_grad()
def render(scene: Scene, image: bool = True, geometry: bool = False) -> Rendered:
    """Draw a batch of scenes.

    Args:
        scene: The description.
        image: Whether colours are wanted.
        geometry: Whether depth and normals are wanted.

    Returns:
        Image, slot map, depth and normals on the scene's device.
    """
    pixels = scene.height * scene.width
    colours = draw_background(scene).view(-1, 3) if image else None
    slots = torch.full((len(scene) * pixels,), -1, dtype=torch.int32, device=scene.device)
    relief = None
    if geometry:
        depth, slope = stuff_geometry(scene)
        relief = torch.stack([depth, torch.zeros_like(depth), slope], -1).view(-1, 3)  # z, z_x, z_y
    layers = [_appearance(scene, side, rows, image, geometry) for side, rows in _by_window(scene)]
    for slot in range(scene.class_id.shape[1]):
        for windows in layers:
            _paint(windows, slot, colours, slots, relief)
    shape = (len(scene), scene.height, scene.width)
    normals = _unit_normals(relief).view(*shape, 3).permute(0, 3, 1, 2) if relief is not None else None
    return Rendered(
        image=colours.clamp_(0, 1).view(*shape, 3).permute(0, 3, 1, 2).contiguous() if colours is not None else None,
        slots=slots.view(shape).long(),
        depth=relief[:, 0].reshape(shape) if relief is not None else None,
        normals=normals,
    )


def _unit_normals(relief: Tensor) -> Tensor:
    """(z_x, z_y, -1) of unit length, from (..., 3) depth and its two derivatives."""
    normals = torch.cat([relief[..., 1:], -torch.ones_like(relief[..., :1])], -1)
    return normals / normals.norm(dim=-1, keepdim=True)


def shadow_offset(scene: Scene) -> Tensor:
    """How far shadows fall from their object, (B, 2) pixels."""
    return -scene.light[:, :2] * (0.09 * side_of(scene))


def _by_window(scene: Scene) -> list[tuple[int, Tensor]]:
    """Objects sorted by the window they need: [(side, flat indices of the objects b * N + n)], sides in pixels."""
    reach = (scene.radius * (1 + scene.wobble[..., 0].abs())).ceil()
    shadowed = (scene.shadow > 0)[:, None]
    margin = shadow_offset(scene).abs().amax(1, keepdim=True) / 2 + SHADOW_SOFTNESS * side_of(scene)
    need = (2 * (reach + torch.where(shadowed, margin, 0.0).ceil()) + 3).flatten()
    present = (scene.present & (scene.radius > 0)).flatten()
    longest = max(scene.height, scene.width)
    sides, low = [], 0.0
    side = 16
    while low < longest:
        side = min(side, longest)
        inside = present & (need > low) & ((need <= side) | (side == longest))
        rows = inside.nonzero().squeeze(1)
        if rows.numel():
            sides.append((side, rows))
        low, side = side, side + max(8, side // 4)
    return sides


@torch.no_grad()
def amodal_masks(scene: Scene) -> Tensor:
    """The whole of every object inside the image, also where something hides it.

    Returns:
        (B, M, H, W) bool, M = `scene.instances`; the limbs of one figure are joined.
    """
    pixels = scene.height * scene.width
    masks = torch.zeros(len(scene) * scene.instances * pixels, dtype=torch.bool, device=scene.device)
    scenes = torch.arange(len(scene), device=scene.device)[:, None]
    place = ((scenes * (scene.instances - 1) + scene.instance) * pixels).flatten()
    for side, rows in _by_window(scene):
        windows = _appearance(scene, side, rows, image=False, geometry=False)
        # `index` counts b * pixels; the mask of instance m starts at (b * M + m) * pixels.
        masks[(windows.index + place[windows.rows, None])[windows.inside]] = True
    return masks.view(len(scene), scene.instances, scene.height, scene.width)


@dataclass
class _Windows:
    """The appearance of M objects on windows of one size, P pixels each, in slot order."""

    rows: Tensor  # (M,) which objects, b * N + n
    slot: Tensor  # (M,) slot numbers, ascending
    index: Tensor  # (M, P) pixel numbers in the flat batch of images
    inside: Tensor  # (M, P) the object covers the pixel's centre
    paint: Tensor | None = None  # (M, P, 3) colour times coverage
    keep: Tensor | None = None  # (M, P) what remains of the light from behind
    relief: Tensor | None = None  # (M, P, 3) depth and its two derivatives


def _appearance(scene: Scene, side: int, rows: Tensor, image: bool, geometry: bool) -> _Windows:
    """Evaluate the objects b * N + n in `rows` on windows of `side` pixels."""
    count = scene.class_id.shape[1]
    rows = rows[(rows % count).argsort(stable=True)]
    batch, one = rows // count, scene_slots(scene, rows)
    high, wide = min(side, scene.height), min(side, scene.width)
    shift = torch.where(scene.shadow[:, None] > 0, shadow_offset(scene), 0.0)[batch]
    extent = torch.tensor([wide, high], device=rows.device)
    limit = torch.tensor([scene.width - wide, scene.height - high], device=rows.device)
    corner = (one["centre"] + shift / 2 - extent / 2).round().long()
    corner = torch.minimum(corner.clamp(min=0), limit)  # (M, 2)
    columns, lines = torch.arange(wide, device=rows.device), torch.arange(high, device=rows.device)
    line = batch[:, None] * scene.height + corner[:, 1:] + lines
    index = (line[:, :, None] * scene.width + (corner[:, :1] + columns)[:, None, :]).flatten(1)

    # Signed distance on the window with one more pixel on each side, for central differences.
    x = (corner[:, :1] + torch.arange(-1, wide + 1, device=rows.device) + 0.5)[:, None, :]
    y = (corner[:, 1:] + torch.arange(-1, high + 1, device=rows.device) + 0.5)[:, :, None]
    pose = [one[name] for name in ("centre", "angle", "radius", "stretch", "wobble")]
    unit = (one["radius"] * one["stretch"].amin(1))[:, None, None]
    u, v = to_local(x, y, pose)
    distance = signed_distance(one["shape_id"], u, v, thickness=one["thickness"]).mul_(unit)
    rim = (one["bevel"] * one["radius"])[:, None, None]
    rise = (1 + distance / rim).clamp_(min=0)
    surface = (rise * rise).sub_(1).mul_(RIM_SLOPE / 2 * rim)  # z from the depth of the rim
    along_x = (surface[:, 1:-1, 2:] - surface[:, 1:-1, :-2]).mul_(0.5)
    along_y = (surface[:, 2:, 1:-1] - surface[:, :-2, 1:-1]).mul_(0.5)
    distance = distance[:, 1:-1, 1:-1]
    done = _Windows(rows, rows % count, index, (distance < 0).flatten(1))
    if geometry:
        z = surface[:, 1:-1, 1:-1] + one["depth"][:, None, None]
        done.relief = torch.stack([z, along_x, along_y], -1).flatten(1, 2)
    if image:
        alpha = (0.5 - distance).clamp_(0, 1)
        light = _lambert(scene.light[batch], scene.ambient[batch], along_x, along_y)
        brightness = light * _texture(scene, one, u[:, 1:-1, 1:-1], v[:, 1:-1, 1:-1])
        colour = brightness[..., None] * one["colour"][:, None, None, :]
        done.paint = colour.clamp_(0, 1).mul_(alpha[..., None]).flatten(1, 2)
        keep = 1 - alpha
        if shift.any():
            u, v = to_local(x[..., 1:-1] - shift[:, :1, None], y[:, 1:-1] - shift[:, 1:, None], pose)
            distance = signed_distance(one["shape_id"], u, v, thickness=one["thickness"]).mul_(unit)
            dark = (0.5 - distance / (SHADOW_SOFTNESS * side_of(scene))).clamp_(0, 1)
            keep.mul_(1 - scene.shadow[batch][:, None, None] * dark * dark * (3 - 2 * dark))
        done.keep = keep.flatten(1)
    return done


def scene_slots(scene: Scene, rows: Tensor) -> dict[str, Tensor]:
    """The per-object fields of the objects b * N + n in `rows`, each (M, ...)."""
    names = ("centre", "angle", "radius", "stretch", "wobble", "thickness", "shape_id", "bevel", "depth", "colour",
             "texture_id", "texture_gain", "texture_scale", "texture_origin")  # fmt: skip
    return {name: getattr(scene, name).flatten(0, 1)[rows] for name in names}


def _lambert(light: Tensor, ambient: Tensor, along_x: Tensor, along_y: Tensor) -> Tensor:
    """Brightness of a matte surface z(x, y), (M, h, w); 1 where it faces the viewer."""
    lx, ly, lz = (light / light[:, 2:])[:, :, None, None].unbind(1)
    facing = (lz - lx * along_x - ly * along_y) / (1 + along_x * along_x + along_y * along_y).sqrt_()
    share = ambient[:, None, None]
    return facing.clamp_(min=0) * (1 - share) + share


def _texture(scene: Scene, one: dict[str, Tensor], u: Tensor, v: Tensor) -> Tensor:
    """Factor by which the texture changes the brightness, (M, h, w)."""
    if not one["texture_gain"].any():
        return torch.ones_like(u)
    pages = texture_pages(page_size(scene.height, scene.width), scene.device)
    scale, start = one["texture_scale"][:, None, None], one["texture_origin"][:, :, None, None]
    grey = read_pages(pages, one["texture_id"], (u * scale + start[:, 0], v * scale + start[:, 1]))[:, 0]
    return 1 + one["texture_gain"][:, None, None] * grey


def _paint(windows: _Windows, slot: int, colours: Tensor | None, slots: Tensor, relief: Tensor | None) -> None:
    """Put one slot's objects, at most one per image, on the canvases."""
    first, last = torch.searchsorted(windows.slot, torch.tensor([slot, slot + 1], device=slots.device)).tolist()
    if first == last:
        return
    index, inside = windows.index[first:last].flatten(), windows.inside[first:last].flatten()
    if colours is not None and windows.keep is not None and windows.paint is not None:
        behind = colours[index].mul_(windows.keep[first:last].reshape(-1, 1))
        colours[index] = behind.add_(windows.paint[first:last].flatten(0, 1))
    covered = index[inside]
    slots[covered] = slot
    if relief is not None and windows.relief is not None:
        relief[covered] = windows.relief[first:last].flatten(0, 1)[inside]
