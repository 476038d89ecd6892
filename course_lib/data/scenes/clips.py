"""Clips: the same scenes in motion, with exact dense flow, occlusion and tracks.

Every object carries its pose in every frame, so the motion of each surface point is known in closed form: take the
pixel p of frame t into the object's own frame with the pose at t, and out again with the pose at t + 1,

    flow(p) = pose_{t+1}( pose_t^{-1}(p) ) - p.

The background moves against the camera. Objects shift, turn, grow, squash and bend; the order of depth stays.
Frames are counted from 0; B counts clips and T frames; a `Scene` of clips holds B * T entries.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from course_lib.data.scenes.backgrounds import pixel_centres, side_of
from course_lib.data.scenes.labels import mask_boxes, visible_fraction, visible_masks
from course_lib.data.scenes.render import Rendered
from course_lib.data.scenes.sample import sample_scenes
from course_lib.data.scenes.scene import Scene, to_image, to_local
from course_lib.data.scenes.shapes import signed_distance

POSE = ("centre", "angle", "radius", "stretch", "wobble")


def sample_clips(count: int, frames: int = 8, size: int | tuple[int, int] = 64, *, generator: torch.Generator,
                 speed: float = 1.0, deform: bool = True, **request) -> Scene:  # fmt: skip
    """Draw random clips in which everything moves in its own way.

    Args:
        count: How many clips, B.
        frames: Frames in each, T, at least 2.
        size: Image side in pixels, or (height, width).
        generator: Source of all randomness; the clips live on its device.
        speed: 1 moves objects by up to 4 % of the image side a frame; 0 stands still.
        deform: Whether objects may squash and bend.
        **request: Further arguments of `sample_scenes` (objects, difficulty, split, classes ...).

    Returns:
        A Scene of B * T entries with `frames` = T.

    Raises:
        ValueError: For a negative speed, fewer than two frames, or what `sample_scenes` refuses.
    """
    if speed < 0:
        raise ValueError(f"speed must be 0 or more, not {speed}")
    still = sample_scenes(count, size, generator=generator, **request)
    scene, side = still.repeat(frames), side_of(still)
    n = still.class_id.shape[1]

    def draw(*shape: int, reach: float = 1.0) -> Tensor:
        """Uniform in [-reach, reach], constant over each clip."""
        values = (torch.rand(count, *shape, generator=generator, device=generator.device) * 2 - 1) * reach
        return values.repeat_interleave(frames, 0)

    time = (torch.arange(frames, device=generator.device) - (frames - 1) / 2).repeat(count)[:, None] * speed  # (B T, 1)
    pan = draw(2, reach=0.02 * side) * time
    drift = draw(n, 2, reach=0.04 * side / 2**0.5) * time[..., None]
    phase = draw(n, reach=torch.pi)
    bends, squashes = draw(n) > 0.4, draw(n) > 0.0
    squash = torch.where(squashes & deform, 0.12 + 0.1 * draw(n).abs(), 0.0)
    turn = phase + 0.5 * time
    stretch = torch.stack([1 - squash * (0.5 + 0.5 * turn.sin()), 1 - squash * (0.5 - 0.5 * turn.sin())], -1)
    bend = torch.where(bends & deform, 0.08 + 0.07 * draw(n).abs(), 0.0)
    return replace(
        scene,
        centre=scene.centre + drift - pan[:, None],
        angle=scene.angle + draw(n, reach=0.12) * time,
        radius=scene.radius * (draw(n, reach=0.035) * time).exp(),
        stretch=stretch,
        wobble=torch.stack([bend, turn], -1),
        pan=pan,
    )


def _need_frames(scene: Scene) -> None:
    if scene.frames < 2:
        raise ValueError("motion needs a clip: these are single images; draw them with sample_clips(...)")


def _steps(scene: Scene, value: Tensor) -> tuple[Tensor, Tensor]:
    """A per-frame field at frames 0 ... T - 2 and at frames 1 ... T - 1, each flattened to (B * (T - 1), ...)."""
    clips = scene.clip(value)
    return clips[:, :-1].flatten(0, 1), clips[:, 1:].flatten(0, 1)


@torch.no_grad()
def flow(scene: Scene, rendered: Rendered) -> Tensor:
    """Exact optical flow: where the surface seen in a pixel of frame t is in frame t + 1.

    Args:
        scene: Clips.
        rendered: What `render(scene)` gave.

    Returns:
        (B, T - 1, 2, H, W) float32, (dx, dy) in pixels per frame.

    Raises:
        ValueError: If the scene is no clip.
    """
    return _landing(scene, rendered)[2].permute(0, 2, 1).unflatten(0, (-1, scene.frames - 1)).unflatten(
        -1, (scene.height, scene.width))  # fmt: skip


def _landing(scene: Scene, rendered: Rendered) -> tuple[Tensor, Tensor, Tensor]:
    """For each pixel of frames 0 ... T - 2: its slot (F, P), where it lands (F, P, 2) and the difference (F, P, 2)."""
    _need_frames(scene)
    slots = _steps(scene, rendered.slots)[0].flatten(1)  # (F, P)
    columns, rows = pixel_centres(scene)
    start = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).flatten(0, 1)  # (P, 2)
    before, after = _steps(scene, scene.pan)
    motion = (before - after)[:, None].expand(-1, slots.shape[1], -1).clone()
    things = (slots >= 0).flatten().nonzero().squeeze(1)
    frame, pixel = things // slots.shape[1], things % slots.shape[1]
    own = frame * scene.class_id.shape[1] + slots.flatten()[things]
    poses = [[part.flatten(0, 1)[own] for part in _steps(scene, getattr(scene, name))] for name in POSE]
    x, y = start[pixel].unbind(-1)
    u, v = to_local(x, y, [pose[0] for pose in poses])
    x_next, y_next = to_image(u, v, [pose[1] for pose in poses])
    motion.view(-1, 2)[things] = torch.stack([x_next - x, y_next - y], -1)
    return slots, start + motion, motion


@torch.no_grad()
def nearest_slot(scene: Scene, points: Tensor) -> Tensor:
    """Which slot is seen at any points, not only at pixel centres.

    Args:
        scene: Single images or clips.
        points: (B, P, 2) pixels (for clips B * T in place of B).

    Returns:
        (B, P) int64 slot number, -1 for background.
    """
    found = torch.full(points.shape[:2], -1, device=points.device)
    for slot in range(scene.class_id.shape[1]):
        reach = scene.radius[:, slot, None] * (1 + scene.wobble[:, slot, :1].abs())
        close = (points - scene.centre[:, slot, None]).square().sum(-1) <= reach.square()
        frame, point = (close & scene.present[:, slot, None]).nonzero().unbind(1)
        x, y = points[frame, point].unbind(-1)
        u, v = to_local(x, y, [getattr(scene, name)[frame, slot] for name in POSE])
        inside = signed_distance(scene.shape_id[frame, slot], u, v, thickness=scene.thickness[frame, slot]) < 0
        found[frame[inside], point[inside]] = slot
    return found


def _in_image(scene: Scene, points: Tensor) -> Tensor:
    limits = torch.tensor([scene.width, scene.height], device=points.device)
    return ((points >= 0) & (points < limits)).all(-1)


def _next_frames(scene: Scene) -> Scene:
    """Frames 1 ... T - 1 of each clip, as single images."""
    return replace(scene, frames=1, action=None).map(
        lambda value: _steps(scene, value)[1] if len(value) == len(scene) else value)  # fmt: skip


@torch.no_grad()
def occlusion(scene: Scene, rendered: Rendered) -> Tensor:
    """Pixels of frame t whose surface point is hidden in frame t + 1 or has left the image.

    Returns:
        (B, T - 1, H, W) bool.

    Raises:
        ValueError: If the scene is no clip.
    """
    slots, landing, _ = _landing(scene, rendered)
    hidden = (nearest_slot(_next_frames(scene), landing) > slots) | ~_in_image(scene, landing)
    return hidden.unflatten(0, (-1, scene.frames - 1)).unflatten(-1, (scene.height, scene.width))


def object_tracks(scene: Scene, rendered: Rendered) -> tuple[Tensor, Tensor]:
    """Follow objects: an object keeps its number m through the clip.

    Args:
        scene: Clips.
        rendered: What `render(scene)` gave.

    Returns:
        Boxes around the visible pixels (B, T, M, 4), xyxy in pixels, zeros where nothing is visible; and the visible
        fraction (B, T, M) in [0, 1].

    Raises:
        ValueError: If the scene is no clip.
    """
    _need_frames(scene)
    boxes = mask_boxes(visible_masks(scene, rendered))
    return scene.clip(boxes), scene.clip(visible_fraction(scene, rendered))


@torch.no_grad()
def point_tracks(scene: Scene, rendered: Rendered, points: Tensor) -> tuple[Tensor, Tensor]:
    """Follow surface points from frame 0 through each clip.

    Args:
        scene: Clips.
        rendered: What `render(scene)` gave.
        points: (B, Q, 2) pixels in frame 0, inside the image.

    Returns:
        Positions (B, T, Q, 2) in pixels, and whether the point is seen there (B, T, Q) bool.

    Raises:
        ValueError: If the scene is no clip, or a point lies outside the image.
    """
    _need_frames(scene)
    if not _in_image(scene, points).all():
        raise ValueError(f"points must lie inside the {scene.width} x {scene.height} image, x first")
    first = rendered.slots.view(-1, scene.frames, scene.height, scene.width)[:, 0]
    pixel = points.long()
    slots = first[torch.arange(len(first), device=first.device)[:, None], pixel[..., 1], pixel[..., 0]]  # (B, Q)
    own = slots.clamp(min=0)
    chosen = []
    for name in POSE:
        pose = scene.clip(getattr(scene, name))  # (B, T, N, ...)
        pick = own[:, None].expand(-1, scene.frames, -1)
        if pose.ndim == 4:
            pick = pick[..., None].expand(-1, -1, -1, 2)
        chosen.append(pose.gather(2, pick))  # (B, T, Q, ...)
    x, y = points[:, None].unbind(-1)
    u, v = to_local(x, y, [pose[:, :1] for pose in chosen])
    moved = torch.stack(to_image(u, v, chosen), -1)
    pan = scene.clip(scene.pan)
    drifted = points[:, None] + (pan[:, :1] - pan)[:, :, None]
    moved = torch.where((slots >= 0)[:, None, :, None], moved, drifted)
    nearest = nearest_slot(scene, moved.flatten(0, 1)).view(moved.shape[:3])
    return moved, (nearest <= slots[:, None]) & _in_image(scene, moved)
