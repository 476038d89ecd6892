"""The third dimension: solid objects on a ground plane, for depth, view synthesis and detection in space.

World frame: metres; x right, y forward, z up; the ground is the plane z = 0 and objects stand on it. An object is a
unit solid (sphere, box, or a mesh of triangles inside [-1, 1]^3), scaled by its half-size, turned about the vertical
by its yaw, and moved to its centre: x = R diag(h) q + c. Everything is batched over B worlds with N object slots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data.scenes.sample import check_generator
from course_lib.data.scenes.scene import COLOURS, PALETTE

SOLIDS = ("sphere", "box", "pyramid", "octahedron", "prism", "bracket")
_CUBE = [(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]
_L = [(-1, -1), (1, -1), (1, -0.2), (-0.2, -0.2), (-0.2, 1), (-1, 1)]  # profile of the bracket in (x, z)
MESHES = {  # vertices and triangles, seen from outside anticlockwise
    "pyramid": ([(-1, -1, -1), (1, -1, -1), (1, 1, -1), (-1, 1, -1), (0, 0, 1)],
                [(0, 2, 1), (0, 3, 2), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)]),
    "octahedron": ([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)],
                   [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)]),
    "prism": ([(-1, -1, -1), (1, -1, -1), (0, -1, 1), (-1, 1, -1), (1, 1, -1), (0, 1, 1)],
              [(0, 1, 2), (3, 5, 4), (0, 3, 4), (0, 4, 1), (1, 4, 5), (1, 5, 2), (2, 5, 3), (2, 3, 0)]),
    "bracket": ([(x, -1, z) for x, z in _L] + [(x, 1, z) for x, z in _L],
                [(0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 5), (6, 8, 7), (6, 9, 8), (6, 10, 9), (6, 11, 10)]
                + [t for i in range(6) for t in ((i, i + 6, (i + 1) % 6 + 6), (i, (i + 1) % 6 + 6, (i + 1) % 6))]),
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """A batch of B worlds with N object slots.

    Attributes:
        kind: (B, N) int64, index into SOLIDS; -1 marks an empty slot.
        centre: (B, N, 3) metres.
        half: (B, N, 3) half-sizes along the object's own axes, metres.
        yaw: (B, N) turn about the vertical, radians, anticlockwise from above.
        colour_id: (B, N) int64, index into COLOURS.
        colour: (B, N, 3) RGB in [0, 1] before light.
        ground: (B, 2, 3) the two colours of the ground's tiles.
        sun: (B, 3) unit vector towards the light.
    """

    kind: Tensor
    centre: Tensor
    half: Tensor
    yaw: Tensor
    colour_id: Tensor
    colour: Tensor
    ground: Tensor
    sun: Tensor

    @property
    def rotation(self) -> Tensor:
        """(B, N, 3, 3) from the object's axes to the world's."""
        cos, sin, zero = self.yaw.cos(), self.yaw.sin(), torch.zeros_like(self.yaw)
        return torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, zero + 1], -1).unflatten(-1, (3, 3))


def sample_worlds(count: int, objects: int | tuple[int, int] = (2, 5), *, generator: torch.Generator,
                  solids: tuple[str, ...] = SOLIDS, device: str | torch.device | None = None) -> World:  # fmt: skip
    """Draw random worlds: objects of 0.56 to 0.84 metres that stand apart within 1.9 metres of the origin.

    Args:
        count: How many, B.
        objects: Objects in each, a number or (fewest, most), up to 6.
        generator: Source of all randomness; the worlds live on its device.
        solids: Names from SOLIDS that may occur.
        device: Only checked: where the caller expects the worlds.

    Returns:
        A World with N = the most objects.

    Raises:
        ValueError: For counts below one, more than six objects, unknown solids, or a generator elsewhere.
    """
    check_generator(generator, device)
    fewest, most = (objects, objects) if isinstance(objects, int) else objects
    if count < 1 or not 1 <= fewest <= most <= 6:
        raise ValueError(f"at least one world with 1 to 6 objects is needed, not {count} with {fewest} to {most}")
    unknown = [name for name in solids if name not in SOLIDS]
    if unknown or not solids:
        raise ValueError(
            f"unknown solid {unknown[0]!r}; the solids are {', '.join(SOLIDS)}" if unknown else "no solid given"
        )
    where = generator.device

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(*shape, generator=generator, device=where) * (high - low) + low

    names = torch.tensor([SOLIDS.index(name) for name in solids], device=where)
    kind = names[torch.randint(len(names), (count, most), generator=generator, device=where)]
    number = torch.randint(fewest, most + 1, (count, 1), generator=generator, device=where)
    half = uniform(count, most, 3, low=0.28, high=0.42)
    half = torch.where((kind == 0)[..., None], half[..., :1], half)  # a sphere has one radius
    colour_id = torch.randint(len(COLOURS), (count, most), generator=generator, device=where)
    azimuth, height = uniform(count, high=2 * math.pi), uniform(count, low=0.6, high=0.85)
    flat = (1 - height**2).sqrt()
    tile = uniform(count, 1, 3, low=0.5, high=0.8)
    return World(
        kind=torch.where(torch.arange(most, device=where) < number, kind, -1),
        centre=torch.cat([_spread(count, most, generator), half[..., 2:]], -1),
        half=half,
        yaw=uniform(count, most, high=2 * math.pi),
        colour_id=colour_id,
        colour=(torch.tensor(PALETTE, device=where)[colour_id] + uniform(count, most, 3, low=-0.05, high=0.05)).clamp(
            0, 1
        ),
        ground=torch.cat([tile, tile * 0.7], 1),
        sun=torch.stack([azimuth.cos() * flat, azimuth.sin() * flat, height], -1),
    )


def _spread(count: int, most: int, generator: torch.Generator) -> Tensor:
    """(B, N, 2) places on the ground, each the one of many random places that is farthest from those before."""
    tries, where = 24, generator.device
    turn = torch.rand(count, most, tries, generator=generator, device=where) * 2 * math.pi
    reach = 1.9 * torch.rand(count, most, tries, generator=generator, device=where).sqrt()
    places = torch.stack([turn.cos() * reach, turn.sin() * reach], -1)
    chosen = places[:, :1, 0]
    for n in range(1, most):
        gap = torch.cdist(places[:, n], chosen).amin(2)  # (B, tries)
        best = gap.argmax(1)
        chosen = torch.cat([chosen, places[torch.arange(count, device=where), n, best][:, None]], 1)
    return chosen


def oriented_boxes(world: World) -> Tensor:
    """Boxes around the objects for 3-D detection.

    Returns:
        (B, N, 7) centre x, y, z, full sizes along the object's own axes, all in metres, and yaw in (-pi, pi]; zeros for
        empty slots.
    """
    yaw = math.pi - torch.remainder(math.pi - world.yaw, 2 * math.pi)
    boxes = torch.cat([world.centre, 2 * world.half, yaw[..., None]], -1)
    return torch.where((world.kind >= 0)[..., None], boxes, 0.0)


def box_corners(boxes: Tensor) -> Tensor:
    """Corners of oriented boxes: (..., 7) to (..., 8, 3) metres, x fastest, then y, then z."""
    local = torch.tensor(_CUBE, dtype=boxes.dtype, device=boxes.device) * boxes[..., None, 3:6] / 2
    cos, sin = boxes[..., 6:].cos(), boxes[..., 6:].sin()
    x, y, z = local.unbind(-1)
    return torch.stack([x * cos - y * sin, x * sin + y * cos, z], -1) + boxes[..., None, :3]
