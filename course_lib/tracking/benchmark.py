"""Clips with targets whose boxes are known in every frame (chapter 13, "tracking-metrics").

    clips = difficulty_clips("occlusion", 4, generator=generator(0))      drawn by the course's renderer
    clips = photograph_clips(4, generator=generator(0))                   a moving camera over a photograph
    clips = crowd_clips(4, generator=generator(0))                        many targets that cross each other

The target moves along a smooth path of two sines and turns a little, the camera along another, two objects behind the
target with the camera. One thing is added to make a clip difficult:

    plain          nothing               occlusion   a nearer object crosses in front of it and hides most of it
    scale          it grows or shrinks by a factor of 2.2        look-alikes   two copies of it pass behind it
    motion blur    it is twice as fast, and the shutter is open from one frame to the next

Boxes hold the whole target, also what is hidden; of a blurred frame, the target in the middle of the exposure. Pixels;
centres of pixels at halves. After the attributes of Wu, Lim, Yang, Online object tracking: a benchmark, CVPR 2013.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.data.photographs import photograph
from course_lib.data.scenes import mask_boxes, object_tracks, render, sample_scenes, visible_fraction
from course_lib.data.scenes.render import amodal_masks
from course_lib.data.scenes.scene import Scene
from course_lib.tracking.tracker import crop_window

DIFFICULTIES = ("plain", "occlusion", "scale", "look-alikes", "motion blur")
TARGET, NEARER, SHUTTER, GROWTH = 2, 3, 6, 2.2  # slots; pictures in an exposure; largest over smallest size
# Photograph, its height in pixels, and a box in it that was drawn by hand. No photograph is in two splits.
SUBJECTS = {
    "test": (
        ("astronaut", 300, (112.0, 40.0, 157.0, 98.0)),
        ("coffee", 220, (178.0, 136.0, 223.0, 181.0)),
        ("chelsea", 240, (111.0, 73.0, 153.0, 119.0)),
        ("rocket", 260, (186.0, 78.0, 210.0, 138.0)),
        ("china", 220, (78.0, 12.0, 134.0, 54.0)),
        ("flower", 200, (122.0, 78.0, 170.0, 126.0)),
    ),
    "val": (
        ("camera", 260, (81.0, 32.0, 137.0, 100.0)),
        ("coins", 220, (137.0, 123.0, 172.0, 158.0)),
        ("camera", 260, (130.0, 69.0, 167.0, 98.0)),
    ),
}


@dataclass(frozen=True)
class TargetClips:
    """B clips of T frames.

    Attributes:
        frames: (B, T, 3, H, W) in [0, 1].
        boxes: (B, T, 4) xyxy in pixels, around all of the target.
        visible: (B, T) share of the target that nothing hides.
    """

    frames: Tensor
    boxes: Tensor
    visible: Tensor


def smooth_path(count: int, frames: int, *, reach: float, turns: float, generator: torch.Generator,
                parts: int = 1) -> Tensor:  # fmt: skip
    """Paths (B, T * parts, 2) around 0, at most `reach` from it in x and y: a sine each, of about `turns` periods."""
    check_positive(count=count, frames=frames, parts=parts)
    time = (torch.arange(frames * parts) + 0.5) / (frames * parts)
    rates = turns * (0.7 + 0.6 * torch.rand(count, 1, 2, generator=generator))
    phases = 2 * math.pi * torch.rand(count, 1, 2, generator=generator)
    return reach * torch.sin(2 * math.pi * rates * time[:, None] + phases)


def difficulty_clips(difficulty: str, count: int, frames: int = 32, *, generator: torch.Generator, size: int = 128,
                     shutter: int = SHUTTER, split: str = "test") -> TargetClips:  # fmt: skip
    """Draw clips of one difficulty.

    Args:
        difficulty: One of DIFFICULTIES.
        count: How many, B.
        frames: In each, T.
        generator: Source of all randomness.
        size: Side of the square frames in pixels.
        shutter: Pictures that are averaged in a blurred frame; 1 is a fast motion without blur.
        split: As for `sample_scenes`.

    Raises:
        ValueError: For an unknown difficulty, fewer than two frames or a shutter below 1.
    """
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"difficulty must be one of {', '.join(DIFFICULTIES)}, not {difficulty!r}")
    if frames < 2 or shutter < 1:
        raise ValueError(f"at least 2 frames and a shutter of 1 are needed, not {frames} and {shutter}")
    parts = shutter if difficulty == "motion blur" else 1
    scene = _moving(difficulty, count, frames, parts, size, split, generator)
    found = [_drawn(_clip_of(scene, k, frames * parts), parts) for k in range(count)]
    return TargetClips(*(torch.stack(part) for part in zip(*found, strict=True)))


def _moving(difficulty: str, count: int, frames: int, parts: int, size: int, split: str,
            generator: torch.Generator) -> Scene:  # fmt: skip
    """The description of all clips, `parts` pictures a frame."""
    still = sample_scenes(count, size, generator=generator, objects=4, difficulty=0.3, split=split)
    scene = still.repeat(frames * parts)

    def lay(value: Tensor) -> Tensor:
        return value.expand(count, frames * parts, *value.shape[2:]).flatten(0, 1).clone()

    time = (torch.arange(frames * parts) + 0.5) / parts - 0.5  # in frames
    fast = 2.0 if difficulty == "motion blur" else 1.0
    target = size / 2 + smooth_path(count, frames, reach=0.24 * size, turns=0.7 * fast, generator=generator,
                                    parts=parts)  # fmt: skip
    pan = smooth_path(count, frames, reach=0.08 * size, turns=0.5, generator=generator, parts=parts)
    draws = torch.rand(count, 8, generator=generator)
    radius, class_id = still.radius.clone(), scene.class_id.clone()
    radius[:, TARGET] = size * (0.10 + 0.03 * draws[:, 0])
    growth = torch.ones(count, frames * parts)
    if difficulty == "scale":
        growth = GROWTH ** ((draws[:, 1:2] < 0.5).float() * 2 - 1).mul(time / (frames - 1) - 0.5)
    centre = still.centre[:, None] - pan[:, :, None]  # (B, T, N, 2): what stands still moves against the camera
    centre[:, :, TARGET] = target
    heading = 2 * math.pi * draws[:, 2:4]
    heading = torch.stack([heading.cos(), heading.sin()], -1)  # (B, 2, 2)
    across = torch.stack([-heading[..., 1], heading[..., 0]], -1)
    own = radius[:, TARGET, None, None]
    if difficulty == "occlusion":
        radius[:, NEARER] = radius[:, TARGET] * (1.05 + 0.2 * draws[:, 4])
        late = time[:, None] - frames * (0.4 + 0.2 * draws[:, 5, None, None])  # frames since it hides most
        pace = 0.2 + 0.15 * draws[:, 6, None, None]
        off = 0.5 * (draws[:, 7, None, None] - 0.5)
        centre[:, :, NEARER] = target + own * (late * pace * heading[:, :1] + off * across[:, :1])
    else:
        class_id.view(count, -1, 4)[:, :, NEARER] = -1
    looks = {}
    if difficulty == "look-alikes":
        radius[:, :TARGET] = radius[:, TARGET, None]
        for k in range(TARGET):
            late = time[:, None] - frames * (0.3 + 0.4 * k)
            side = 1.1 + 0.3 * draws[:, 4 + k, None, None]
            pace = 0.2 + 0.15 * draws[:, 6 + k, None, None]
            centre[:, :, k] = target + own * (late * pace * heading[:, k, None] + side * across[:, k, None])
        for name in ("class_id", "shape_id", "colour_id", "texture_id", "colour", "texture_gain", "texture_origin",
                     "bevel", "angle"):  # fmt: skip
            value = getattr(scene, name).clone()
            value[:, :TARGET] = value[:, TARGET, None]
            looks[name] = value
        looks["class_id"][:, NEARER] = -1
    swing = 0.25 * torch.sin(2 * math.pi * (0.8 * time[None] / frames + torch.rand(count, 1, generator=generator)))
    angle = looks.pop("angle", scene.angle).clone()
    angle.view(count, -1, 4)[:, :, TARGET] += swing
    radius = lay(radius[:, None])
    radius.view(count, -1, 4)[:, :, TARGET] *= growth
    scale = scene.texture_scale.clone()
    scale[:] = radius / size * 0.9  # the texture grows with the object
    return replace(scene, **({"class_id": class_id} | looks), centre=centre.flatten(0, 1), radius=radius, angle=angle,
                   texture_scale=lay(scale.view(count, -1, 4)[:, :1]), pan=pan.flatten(0, 1))  # fmt: skip


def _clip_of(scene: Scene, number: int, pictures: int) -> Scene:
    """One clip, as single images."""
    rows = slice(number * pictures, (number + 1) * pictures)
    return replace(scene, frames=1)[rows]


def _drawn(scene: Scene, parts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Frames (T, 3, H, W), boxes (T, 4) and visible shares (T,) of one clip."""
    drawn = render(scene)
    assert drawn.image is not None  # `render` draws colours unless it is told not to
    frames = drawn.image.unflatten(0, (-1, parts)).mean(1)
    boxes = mask_boxes(amodal_masks(scene)[:, TARGET : TARGET + 1])[:, 0].float()
    visible = visible_fraction(scene, drawn)[:, TARGET]
    middle = (parts - 1) // 2
    if parts % 2 == 0:  # the middle of the exposure lies between two pictures
        boxes = (boxes + boxes.roll(-1, 0)) / 2
    return frames, boxes[middle::parts], visible[middle::parts]


def photograph_clips(count: int, frames: int = 32, *, generator: torch.Generator, size: int = 128,
                     zoom: float = 1.4, split: str = "test") -> TargetClips:  # fmt: skip
    """A camera wanders over photographs: the world stands still, so the box of the first frame gives all others.

    Args:
        count: How many, B; the split's photographs in the order of SUBJECTS, again and again; grey ones become RGB.
        frames: In each, T.
        generator: Of the camera's path.
        size: Side of the square frames in pixels.
        zoom: Largest over smallest magnification in a clip, at least 1.
        split: "test" or "val".

    Raises:
        ValueError: For fewer than two frames, a zoom below 1 or an unknown split.
    """
    if frames < 2 or zoom < 1:
        raise ValueError(f"at least 2 frames and a zoom of 1 are needed, not {frames} and {zoom}")
    if split not in SUBJECTS:
        raise ValueError(f"split must be one of {', '.join(SUBJECTS)}, not {split!r}")
    clips, boxes = [], []
    path = smooth_path(count, frames, reach=0.2 * size, turns=0.8, generator=generator)
    swing = smooth_path(count, frames, reach=0.5, turns=0.6, generator=generator)[..., 0]  # (B, T)
    for k in range(count):
        name, height, around = SUBJECTS[split][k % len(SUBJECTS[split])]
        picture, box = photograph(name, height).expand(3, -1, -1), torch.tensor(around)
        middle = (box[:2] + box[2:]) / 2
        views = size * zoom ** swing[k]  # pixels of the photograph that a frame is wide
        centres = middle + path[k] * (views / size)[:, None]
        clips.append(torch.stack([crop_window(picture, centre, (float(view), float(view)), out=(size, size))
                                  for centre, view in zip(centres, views, strict=True)]))  # fmt: skip
        corner = centres - views[:, None] / 2
        boxes.append((box - corner.repeat(1, 2)) * (size / views)[:, None])
    return TargetClips(torch.stack(clips), torch.stack(boxes), torch.ones(count, frames))


def crowd_clips(count: int, frames: int = 32, *, generator: torch.Generator, objects: int = 5, size: int = 64,
                turns: float = 0.8, alike: bool = False, split: str = "test") -> TargetClips:  # fmt: skip
    """Objects that wander about, each along a path of its own, and cross in front of each other.

    Args:
        count: How many, B.
        frames: In each, T.
        generator: Source of all randomness.
        objects: M.
        size: Side of the square frames in pixels.
        turns: Periods of a path in a clip: how fast they are, and how often they turn back.
        alike: Whether all of a clip have the class, colour and texture of its first.
        split: As for `sample_scenes`.

    Returns:
        Boxes (B, T, M, 4) around what is visible, zeros where nothing is, and visible shares (B, T, M).

    Raises:
        ValueError: For fewer than two frames.
    """
    if frames < 2:
        raise ValueError(f"at least 2 frames are needed, not {frames}")
    scene = sample_scenes(count, size, generator=generator, objects=objects, difficulty=0.3, split=split).repeat(frames)
    paths = [smooth_path(count, frames, reach=0.36 * size, turns=turns, generator=generator) for _ in range(objects)]
    looks = {}
    if alike:
        for name in ("class_id", "shape_id", "colour_id", "texture_id", "colour"):
            value = getattr(scene, name)
            looks[name] = value[:, :1].expand_as(value).clone()
    scene = replace(scene, centre=size / 2 + torch.stack(paths, 2).flatten(0, 1), **looks)
    drawn = render(scene)
    assert drawn.image is not None  # `render` draws colours unless it is told not to
    boxes, visible = object_tracks(scene, drawn)
    return TargetClips(scene.clip(drawn.image), boxes.float(), visible)
