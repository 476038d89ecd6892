"""One description of a batch of scenes, from which the picture and every label follow.

A scene is a stack of flat objects in front of a background, seen by a camera without perspective. The description
holds numbers only: what each object is, where it is, how it is lit. `render` draws it and `labels` measures it, so the
two cannot disagree. A clip is the same description with one entry a frame: the batch is then B * T, clip after clip.

Frame of reference: pixels; x right, y down, z away from the viewer; (0, 0) is the top left corner of the image and
pixel (row i, column j) has its centre at (j + 0.5, i + 0.5). Angles are radians, positive = clockwise on the screen.
Objects are ordered from far to near: a later slot covers an earlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from course_lib.data.scenes.shapes import CLASSES

COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "grey")
PALETTE = ((0.84, 0.15, 0.16), (0.97, 0.52, 0.08), (0.95, 0.85, 0.20), (0.18, 0.62, 0.22), (0.25, 0.80, 0.85),
           (0.13, 0.33, 0.85), (0.56, 0.22, 0.66), (0.62, 0.62, 0.62))  # fmt: skip
PERSON = len(CLASSES)  # class of articulated figures
STUFF = ("sky", "ground", "wall")
CATEGORIES = (*CLASSES, "person", *STUFF)
SKY, GROUND, WALL = range(PERSON + 1, PERSON + 4)
PHOTO, SURFACE, GRADIENT, LANDSCAPE = range(4)  # kinds of background; the first three are one wall
BEND = 2.5  # radians of the wobble's sine per object radius
KEYPOINTS = ("head", "left shoulder", "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist",
             "left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle")  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """A batch of B scenes with N object slots each (for clips, B counts frames: clips times T).

    Attributes:
        height, width: Image size, pixels.
        frames: Frames in a clip, T; 1 for single images.
        class_id: (B, N) int64, index into CATEGORIES; -1 marks an empty slot.
        shape_id: (B, N) int64, index into `shapes.FUNCTIONS`, or CAPSULE for a limb.
        instance: (B, N) int64 in 0 ... M - 1, the object a slot belongs to: itself, except for limbs of one figure.
        colour_id, texture_id: (B, N) int64, index into COLOURS and TEXTURES.
        colour: (B, N, 3) RGB in [0, 1] before light.
        texture_gain: (B, N) how strongly the texture changes the brightness, in [0, 1].
        texture_scale: (B, N) texture pages per object radius.
        texture_origin: (B, N, 2) where on the page the object's centre lies, pages.
        centre: (B, N, 2) pixels (x, y).
        radius: (B, N) pixels, of the circle around the shape before stretching.
        angle: (B, N) radians, clockwise.
        stretch: (B, N, 2) factors along the object's own axes, in (0, 1].
        wobble: (B, N, 2) sideways bend: amplitude in radii and phase in radians.
        thickness: (B, N) half-width of a capsule over its radius.
        depth: (B, N) distance of the object's rim from the camera plane, pixels; falls with the slot number.
        bevel: (B, N) width of the rounded rim over the radius.
        light: (B, 3) unit vector towards the light (z < 0: from the viewer's side).
        ambient: (B,) share of light that comes from everywhere, in [0, 1]; 1 switches shading off.
        shadow: (B,) darkness of cast shadows, in [0, 1).
        background: (B,) int64, PHOTO, SURFACE, GRADIENT or LANDSCAPE.
        page: (B,) int64, which photograph or texture the background uses.
        origin: (B, 2) where on the page the image's top left corner lies, pages.
        step: (B,) pages per pixel.
        tones: (B, 2, 3) the two RGB colours of textured, gradient and landscape backgrounds.
        tilt: (B,) direction of a gradient, radians.
        horizon: (B,) row where ground meets sky, pixels (landscapes).
        pan: (B, 2) camera position, pixels: what has moved out at the left and at the top.
        subject: (B,) int64 slot that the image is "of", or None.
        action: (B / T,) int64 class of a clip's motion, or None.
        joints: (B, M, 13, 2) key points of figures, pixels, in the order of KEYPOINTS, or None.
        joint_slots: (B, M, 13) int64, the nearest slot that each key point belongs to, or None.
    """

    height: int
    width: int
    class_id: Tensor
    shape_id: Tensor
    instance: Tensor
    colour_id: Tensor
    texture_id: Tensor
    colour: Tensor
    texture_gain: Tensor
    texture_scale: Tensor
    texture_origin: Tensor
    centre: Tensor
    radius: Tensor
    angle: Tensor
    stretch: Tensor
    wobble: Tensor
    thickness: Tensor
    depth: Tensor
    bevel: Tensor
    light: Tensor
    ambient: Tensor
    shadow: Tensor
    background: Tensor
    page: Tensor
    origin: Tensor
    step: Tensor
    tones: Tensor
    tilt: Tensor
    horizon: Tensor
    pan: Tensor
    frames: int = 1
    subject: Tensor | None = None
    action: Tensor | None = None
    joints: Tensor | None = None
    joint_slots: Tensor | None = None

    @property
    def present(self) -> Tensor:
        """(B, N) bool: slots that hold an object."""
        return self.class_id >= 0

    @property
    def instances(self) -> int:
        """M, the most objects in a scene, where all limbs of a figure are one object."""
        return int(self.instance.max()) + 1

    @property
    def device(self) -> torch.device:
        """Where the description's tensors are."""
        return self.centre.device

    def __len__(self) -> int:
        return len(self.centre)

    def map(self, change) -> Scene:
        """A copy with every tensor passed through `change`."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: change(v) for k, v in values.items() if isinstance(v, Tensor)})

    def to(self, device: str | torch.device) -> Scene:
        """The same description on another device."""
        return self.map(lambda value: value.to(device))

    def __getitem__(self, rows: slice | Tensor | list[int]) -> Scene:
        """Some scenes of the batch: a slice, indices or a mask (of single images, not of clips)."""
        if isinstance(rows, int):
            raise ValueError(f"a Scene is always a batch; write scene[{rows} : {rows + 1}] for one image")
        if self.frames != 1:
            raise ValueError(
                f"indexing picks single images, but this is a batch of clips with {self.frames} frames each"
            )
        return self.map(lambda value: value[rows])

    def repeat(self, frames: int) -> Scene:
        """A clip of `frames` equal frames from each single image; `dataclasses.replace` then lets things move.

        Raises:
            ValueError: If there are fewer than two frames, or this already is a clip.
        """
        if frames < 2 or self.frames != 1:
            raise ValueError(f"a clip is made of single images and needs at least 2 frames, not {frames}")
        return replace(self.map(lambda value: value.repeat_interleave(frames, 0)), frames=frames)

    def clip(self, value: Tensor) -> Tensor:
        """Split a per-frame label (B * T, ...) into clips (B, T, ...)."""
        return value.unflatten(0, (-1, self.frames))


def to_local(x: Tensor, y: Tensor, pose: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Pixels to object coordinates: q = bend^-1( S^-1 R^-1 (p - c) / r ).

    Args:
        x, y: (..., points) pixels, as many trailing dimensions as the points need.
        pose: centre (..., 2), angle (...), radius (...), stretch (..., 2), wobble (..., 2), as in `Scene`.

    Returns:
        u, v: local coordinates, in the shape that x and y broadcast to.
    """
    centre, angle, radius, stretch, wobble = pose
    angle, radius = _like(angle, x), _like(radius, x).clamp(min=1e-6)
    x, y = x - _like(centre[..., 0], x), y - _like(centre[..., 1], x)
    cos, sin = angle.cos() / radius, angle.sin() / radius
    along_x, along_y = _like(stretch[..., 0], x), _like(stretch[..., 1], x)
    u, v = x * (cos / along_x) + y * (sin / along_x), y * (cos / along_y) - x * (sin / along_y)
    if wobble.any():
        u = u - _like(wobble[..., 0], u) * (BEND * v + _like(wobble[..., 1], u)).sin()
    return u, v


def to_image(u: Tensor, v: Tensor, pose: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Object coordinates to pixels: p = c + r R S bend(q). Arguments as in `to_local`, which it undoes."""
    centre, angle, radius, stretch, wobble = pose
    angle, radius = _like(angle, u), _like(radius, u)
    u = u + _like(wobble[..., 0], u) * (BEND * v + _like(wobble[..., 1], u)).sin()
    u, v = u * _like(stretch[..., 0], u), v * _like(stretch[..., 1], u)
    cos, sin = angle.cos() * radius, angle.sin() * radius
    return u * cos - v * sin + _like(centre[..., 0], u), u * sin + v * cos + _like(centre[..., 1], u)


def _like(value: Tensor, points: Tensor) -> Tensor:
    """Give a per-object value the trailing dimensions of the points."""
    return value.reshape(*value.shape, *[1] * (points.ndim - value.ndim))
