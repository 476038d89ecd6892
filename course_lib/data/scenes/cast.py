"""Ray casting: the first surface that each ray meets.

A ray x = o + s d is taken into each object's own frame, where the object is a unit solid; the parameter s stays the
same. Sphere: the smaller root of |o + s d|^2 = 1. Box: the last of three slab entries, if before the first exit.
Mesh: Moeller and Trumbore's test (1997) against every triangle. Whoever has the smallest positive s wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from course_lib.data.scenes.world3d import MESHES, SOLIDS, World

SKY_HIT, GROUND_HIT = -2, -1  # in place of an object's slot
NEAR = 1e-4


@dataclass(frozen=True)
class Hits:
    """What R rays in each of B worlds meet.

    Attributes:
        distance: (B, R) ray parameter s; infinite for the sky.
        slot: (B, R) int64 object slot, GROUND_HIT or SKY_HIT.
        normal: (B, R, 3) unit vectors in the world, out of the surface; zero for the sky.
        local: (B, R, 3) the point in the object's own frame (in metres on the ground).
    """

    distance: Tensor
    slot: Tensor
    normal: Tensor
    local: Tensor


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1)


def hit_sphere(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """Entry into the unit sphere: s (...), infinite for a miss, and the normal there (..., 3)."""
    a, b, c = _dot(d, d), _dot(o, d), _dot(o, o) - 1
    root = b * b - a * c
    s = (-b - root.clamp(min=0).sqrt()) / a
    s = torch.where((root > 0) & (s > NEAR), s, torch.inf)
    return s, o + torch.where(s.isinf(), 0.0, s)[..., None] * d


def hit_box(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """Entry into the cube [-1, 1]^3: s (...), infinite for a miss, and the normal there (..., 3)."""
    safe = torch.where(d.abs() < 1e-9, torch.full_like(d, 1e-9), d)
    enter, leave = (-safe.sign() - o) / safe, (safe.sign() - o) / safe
    s, axis = enter.max(-1)
    s = torch.where((s < leave.amin(-1)) & (s > NEAR), s, torch.inf)
    return s, torch.nn.functional.one_hot(axis, 3) * -safe.sign()


@lru_cache(maxsize=16)
def _triangles(name: str, device: torch.device) -> Tensor:
    """(F, 3, 3) corners of a mesh's triangles."""
    vertices, faces = MESHES[name]
    return torch.tensor(vertices, dtype=torch.float32, device=device)[torch.tensor(faces, device=device)]


def hit_triangles(o: Tensor, d: Tensor, triangles: Tensor) -> tuple[Tensor, Tensor]:
    """All meetings of rays (..., 3) with F triangles: s (..., F), infinite for a miss, and unscaled normals (F, 3)."""
    corner, edge1, edge2 = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    o, d = o[..., None, :], d[..., None, :]
    cross = torch.linalg.cross(d, edge2.expand(*d.shape[:-2], -1, -1))
    volume = _dot(cross, edge1)
    inverse = 1 / torch.where(volume.abs() < 1e-9, torch.inf, volume)
    start = o - corner
    u = _dot(start, cross) * inverse
    turned = torch.linalg.cross(start, edge1.expand_as(start))
    v, s = _dot(d, turned) * inverse, _dot(edge2, turned) * inverse
    inside = (u >= 0) & (v >= 0) & (u + v <= 1) & (volume.abs() >= 1e-9)
    return torch.where(inside, s, torch.inf), torch.linalg.cross(edge1, edge2)


def hit_mesh(o: Tensor, d: Tensor, triangles: Tensor) -> tuple[Tensor, Tensor]:
    """First meeting with a mesh: s (...), infinite for a miss, and the normal there (..., 3)."""
    s, normals = hit_triangles(o, d, triangles)
    s, face = torch.where(s > NEAR, s, torch.inf).min(-1)
    return s, normals[face]


def into_frame(world: World, points: Tensor, slot: int, *, vector: bool = False) -> Tensor:
    """World points, or directions, (B, R, 3) in the frame of the objects in one slot."""
    shifted = points if vector else points - world.centre[:, slot, None]
    return (shifted @ world.rotation[:, slot]) / world.half[:, slot, None]


@torch.no_grad()
def cast(world: World, origins: Tensor, directions: Tensor) -> Hits:
    """Follow rays to the first surface.

    Args:
        world: B worlds.
        origins, directions: (B, R, 3) metres; directions of any length.

    Returns:
        What the rays meet.
    """
    level = directions[..., 2].abs() < 1e-9
    ground = -origins[..., 2] / torch.where(level, 1.0, directions[..., 2])
    hit = (ground > NEAR) & ~level
    best = torch.where(hit, ground, torch.inf)
    slots = torch.where(hit, GROUND_HIT, SKY_HIT)
    normals = hit[..., None] * torch.tensor([0.0, 0.0, 1.0], device=origins.device)
    local = torch.where(hit[..., None], origins + torch.where(hit, ground, 0.0)[..., None] * directions, 0.0)
    for slot in range(world.kind.shape[1]):
        o, d = into_frame(world, origins, slot), into_frame(world, directions, slot, vector=True)
        # Only rays that come within the ball around the unit solid are looked at closely.
        along = _dot(o, d)
        near = (_dot(o, o) - along * along / _dot(d, d) <= 3) & (world.kind[:, slot, None] >= 0)
        row, ray = near.nonzero().unbind(1)
        kinds = world.kind[row, slot]
        for kind, name in enumerate(SOLIDS):
            mine = (kinds == kind).nonzero().squeeze(1)
            if mine.numel() == 0:
                continue
            owner, line = row[mine], ray[mine]
            o_near, d_near = o[owner, line], d[owner, line]
            if name in MESHES:
                s, normal = hit_mesh(o_near, d_near, _triangles(name, origins.device))
            else:
                s, normal = (hit_sphere if name == "sphere" else hit_box)(o_near, d_near)
            first = s < best[owner, line]
            owner, line, s = owner[first], line[first], s[first]
            best[owner, line], slots[owner, line] = s, slot
            local[owner, line] = o_near[first] + s[:, None] * d_near[first]
            # A normal goes back by the inverse transpose: divide by the half-sizes, then turn.
            outwards = normal[first] / world.half[owner, slot]
            outwards = (world.rotation[owner, slot] @ outwards[..., None]).squeeze(-1)
            normals[owner, line] = torch.nn.functional.normalize(outwards, dim=-1)
    return Hits(best, slots, normals, local)


@torch.no_grad()
def occupancy(world: World, points: Tensor) -> Tensor:
    """Whether points lie inside an object: the ground truth of occupancy fields.

    Args:
        world: B worlds.
        points: (B, P, 3) metres.

    Returns:
        (B, P) bool.
    """
    inside = torch.zeros(points.shape[:2], dtype=torch.bool, device=points.device)
    ray = torch.tensor([0.267, 0.535, 0.802], device=points.device)  # an odd number of meetings: inside
    for slot in range(world.kind.shape[1]):
        q = into_frame(world, points, slot)
        for kind, name in enumerate(SOLIDS):
            rows = (world.kind[:, slot] == kind).nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            if name == "sphere":
                found = q[rows].square().sum(-1) < 1
            elif name == "box":
                found = q[rows].abs().amax(-1) < 1
            else:
                s, _ = hit_triangles(q[rows], ray.expand_as(q[rows]), _triangles(name, points.device))
                found = ((s > 0) & s.isfinite()).sum(-1) % 2 == 1
            inside[rows] |= found
    return inside
