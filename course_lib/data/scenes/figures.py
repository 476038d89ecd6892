"""Articulated figures: a head, a trunk and four limbs with 13 key points, alone or in overlapping groups.

A figure is a small tree: the pelvis carries the trunk, the trunk the head and the arms, each limb two bones. Random
joint angles turn bone after bone (forward kinematics): x_child = x_parent + length * (sin, cos)(angle from straight
down). Each bone is drawn as a capsule from joint to joint, so the key points lie on the limbs by construction.
Figures face the viewer, so their left is on the right of the image; one side, left or right at random, is nearer than
the trunk.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.data.scenes.backgrounds import WALL_DEPTH, draw_surroundings
from course_lib.data.scenes.clips import nearest_slot
from course_lib.data.scenes.sample import check_generator, check_size
from course_lib.data.scenes.scene import KEYPOINTS, PALETTE, PERSON, Scene
from course_lib.data.scenes.shapes import CAPSULE, CLASSES
from course_lib.data.scenes.textures import TEXTURES

PARTS = ("far upper arm", "far forearm", "far thigh", "far shin", "trunk", "head", "near thigh", "near shin",
         "near upper arm", "near forearm")  # fmt: skip
BONES = ((0, 0), (1, 3), (3, 5), (2, 4), (4, 6), (7, 9), (9, 11), (8, 10), (10, 12), (1, 2), (7, 8), (1, 7), (2, 8))
SKIN = ((0.96, 0.80, 0.69), (0.87, 0.67, 0.52), (0.66, 0.46, 0.33), (0.45, 0.30, 0.21))
HEAD, TRUNK, SHOULDER, HIP, UPPER_ARM, FOREARM, THIGH, SHIN = 0.085, 0.29, 0.105, 0.055, 0.16, 0.15, 0.22, 0.21
WIDTH = {"upper arm": 0.036, "forearm": 0.03, "thigh": 0.047, "shin": 0.037}  # all in figure heights


def sample_figures(
    count: int,
    size: int | tuple[int, int] = 64,
    *,
    generator: torch.Generator,
    figures: int | tuple[int, int] = (1, 3),
    heights: tuple[float, float] = (0.55, 0.85),
    device: str | torch.device | None = None,
) -> Scene:
    """Draw scenes with articulated figures.

    Args:
        count: How many scenes, B.
        size: Image side in pixels, or (height, width).
        generator: Source of all randomness; the scenes live on its device.
        figures: Figures in each scene, a number or (fewest, most).
        heights: Range of the figures' standing height over the image's height, within (0, 1].
        device: Only checked: where the caller expects the scenes.

    Returns:
        A Scene with ten slots a figure (PARTS), M = the most figures, and `joints` (B, M, 13, 2).

    Raises:
        ValueError: For fewer than one scene or figure, figures taller than the image, or a generator elsewhere.
    """
    check_generator(generator, device)
    height, width = check_size(size)
    fewest, most = (figures, figures) if isinstance(figures, int) else figures
    if count < 1 or not 1 <= fewest <= most <= 4:
        raise ValueError(f"at least one scene with 1 to 4 figures is needed, not {count} with {fewest} to {most}")
    if not 0 < heights[0] <= heights[1] <= 1:
        raise ValueError(f"figure heights must satisfy 0 < low <= high <= 1 of the image height, not {heights}")
    where = generator.device

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(*shape, generator=generator, device=where) * (high - low) + low

    number = torch.randint(fewest, most + 1, (count, 1), generator=generator, device=where)
    there = torch.arange(most, device=where) < number  # (B, M)
    tall = uniform(count, most, low=heights[0], high=heights[1]) * height
    lane = (torch.arange(most, device=where) + uniform(count, most, low=0.25, high=0.75)) / number.clamp(min=1)
    lane = torch.where(there, lane, 0.5).gather(1, uniform(count, most).masked_fill(~there, 2.0).argsort(1))
    pelvis = torch.stack([(0.16 + 0.68 * lane) * width, 0.94 * height - (THIGH + SHIN) * tall], -1)
    left_near = uniform(count, most) < 0.5
    joints = _pose(pelvis, tall, uniform)

    a, b, bone_width, joint_slots = _bones(joints, tall, left_near)
    middle, along = (a + b) / 2, b - a
    half = along.norm(dim=-1) / 2
    radius = half + bone_width
    thickness = bone_width / radius
    angle = torch.atan2(along[..., 1], along[..., 0])
    shape_id = torch.full((count, most, len(PARTS)), CAPSULE, device=where)
    stretch = torch.ones(count, most, len(PARTS), 2, device=where)
    trunk, head = PARTS.index("trunk"), PARTS.index("head")
    shape_id[..., trunk], shape_id[..., head] = CLASSES.index("squircle"), CLASSES.index("disc")
    radius[..., trunk] = (TRUNK / 2 + 0.045) * tall / 0.73  # a squircle reaches 0.73 of its radius
    stretch[..., trunk, 1] = (SHOULDER + 0.02) / (TRUNK / 2 + 0.045)
    radius[..., head] = HEAD * tall / 0.86

    first = torch.arange(most, device=where)[:, None] * len(PARTS)
    slot = (first + torch.arange(len(PARTS), device=where)).expand(count, -1, -1)
    flat = lambda value: value.flatten(1, 2)  # noqa: E731  (B, M, parts, ...) to (B, N, ...)
    present = there[..., None].expand_as(slot)
    textures = torch.tensor([TEXTURES.index(name) for name in ("plain", "striped", "checked")], device=where)
    colour, clothes = _dress(count, most, uniform, generator)
    texture_id = textures[torch.randint(3, (count, most, 1), generator=generator, device=where)]
    return Scene(
        height=height,
        width=width,
        class_id=flat(torch.where(present, PERSON, -1)),
        shape_id=flat(shape_id),
        instance=flat(torch.arange(most, device=where)[:, None].expand(count, -1, len(PARTS))).contiguous(),
        colour_id=flat(clothes),
        texture_id=flat(torch.where(slot % len(PARTS) == trunk, texture_id, 0)),
        colour=flat(colour),
        texture_gain=torch.full((count, most * len(PARTS)), 0.25, device=where),
        texture_scale=flat(radius) / min(height, width) * 0.9,
        texture_origin=uniform(count, most * len(PARTS), 2),
        centre=flat(middle),
        radius=flat(torch.where(present, radius, 0.0)),
        angle=flat(angle),
        stretch=flat(stretch),
        wobble=torch.zeros(count, most * len(PARTS), 2, device=where),
        thickness=flat(thickness),
        depth=flat((WALL_DEPTH - 1 - 0.1 * (slot + 1)) * min(height, width)),
        bevel=flat(0.8 * thickness).clamp(0.1, 0.5),
        **draw_surroundings(count, height, width, uniform=uniform, generator=generator),
        joints=joints,
        joint_slots=joint_slots,
    )


def _pose(pelvis: Tensor, tall: Tensor, uniform) -> Tensor:
    """Joint positions (B, M, 13, 2) from random joint angles, measured from straight down towards +x."""
    batch, most = tall.shape

    def step(start: Tensor, turn: Tensor, length: float) -> Tensor:
        return start + (length * tall)[..., None] * torch.stack([turn.sin(), turn.cos()], -1)

    lean = uniform(batch, most, low=-0.2, high=0.2)
    neck = step(pelvis, lean + math.pi, TRUNK)
    head = step(neck, lean + math.pi + uniform(batch, most, low=-0.2, high=0.2), HEAD + 0.035)
    points = {"head": head}
    for name, side in (("left", 1.0), ("right", -1.0)):
        points[f"{name} shoulder"] = step(neck, lean + side * math.pi / 2, SHOULDER)
        points[f"{name} hip"] = step(pelvis, lean / 2 + side * math.pi / 2, HIP)
        arm = lean + side * uniform(batch, most, low=-0.1, high=2.6)
        points[f"{name} elbow"] = step(points[f"{name} shoulder"], arm, UPPER_ARM)
        fore = arm + side * uniform(batch, most, low=-0.4, high=1.8)
        points[f"{name} wrist"] = step(points[f"{name} elbow"], fore, FOREARM)
        leg = side * uniform(batch, most, low=-0.05, high=0.55)
        points[f"{name} knee"] = step(points[f"{name} hip"], leg, THIGH)
        points[f"{name} ankle"] = step(
            points[f"{name} knee"], leg - side * uniform(batch, most, low=0.0, high=0.7), SHIN
        )
    return torch.stack([points[name] for name in KEYPOINTS], 2)


def _bones(joints: Tensor, tall: Tensor, left_near: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Ends (B, M, 10, 2) twice, half-widths (B, M, 10) of PARTS, and each joint's nearest slot (B, M, 13)."""
    point = dict(zip(KEYPOINTS, joints.unbind(2), strict=True))
    ends = {
        "upper arm": ("shoulder", "elbow"),
        "forearm": ("elbow", "wrist"),
        "thigh": ("hip", "knee"),
        "shin": ("knee", "ankle"),
    }
    starts, stops, widths = [], [], []
    neck, pelvis = [(point[f"left {k}"] + point[f"right {k}"]) / 2 for k in ("shoulder", "hip")]
    owner = torch.zeros_like(joints[..., 0], dtype=torch.long)
    for number, part in enumerate(PARTS):
        if part in ("trunk", "head"):
            a, b = (neck, pelvis) if part == "trunk" else (point["head"], point["head"])
            mine = torch.zeros_like(owner, dtype=torch.bool)
            mine[
                ...,
                [
                    i
                    for i, k in enumerate(KEYPOINTS)
                    if k == "head" or (part == "trunk" and k.endswith(("shoulder", "hip")))
                ],
            ] = True
        else:
            nearness, bone = part.split(" ", 1)
            left = (left_near == (nearness == "near"))[..., None]
            a, b = (torch.where(left, point[f"left {end}"], point[f"right {end}"]) for end in ends[bone])
            mine = torch.stack([(left[..., 0] == k.startswith("left")) & k.endswith(ends[bone]) for k in KEYPOINTS], -1)
        owner = torch.where(mine, number, owner)
        starts.append(a)
        stops.append(b)
        widths.append(WIDTH.get(part.split(" ", 1)[-1], 0.1) * tall)
    first = torch.arange(joints.shape[1], device=joints.device)[:, None] * len(PARTS)
    return torch.stack(starts, 2), torch.stack(stops, 2), torch.stack(widths, 2), owner + first


def _dress(count: int, most: int, uniform, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Colours of the parts (B, M, 10, 3): shirt, trousers and skin; and the palette numbers of the clothes."""
    where = generator.device
    palette, skins = torch.tensor(PALETTE, device=where), torch.tensor(SKIN, device=where)
    shirt, trousers = (torch.randint(len(palette), (count, most), generator=generator, device=where) for _ in range(2))
    skin = skins[torch.randint(len(skins), (count, most), generator=generator, device=where)]
    parts = {"trunk": 0, "upper arm": 0, "thigh": 1, "shin": 1, "head": 2, "forearm": 2}
    kind = [parts[part.removeprefix("far ").removeprefix("near ")] for part in PARTS]
    wardrobe = torch.stack([palette[shirt], palette[trousers] * 0.75, skin], 2)  # (B, M, 3, 3)
    return wardrobe[:, :, kind], torch.stack([shirt, trousers, shirt], 2)[:, :, kind]


def keypoints(scene: Scene) -> Tensor:
    """Key points of figures with visibility, as COCO has them.

    Returns:
        (B, M, 13, 3): x, y in pixels and 2 = visible, 1 = inside the image but hidden, 0 = outside or no figure (then
        x = y = 0).

    Raises:
        ValueError: If the scene has no figures.
    """
    if scene.joints is None or scene.joint_slots is None:
        raise ValueError("these scenes have no figures; draw them with sample_figures(...)")
    points = scene.joints.flatten(1, 2)
    limits = torch.tensor([scene.width, scene.height], device=points.device)
    inside = ((points >= 0) & (points < limits)).all(-1)
    inside &= scene.class_id.gather(1, scene.joint_slots.flatten(1)) >= 0
    seen = nearest_slot(scene, points) <= scene.joint_slots.flatten(1)
    flag = inside.long() + (inside & seen)
    return torch.cat([points * inside[..., None], flag[..., None]], -1).view(*scene.joints.shape[:3], 3)
