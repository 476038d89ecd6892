"""Skeletal animation (chapter 1, "data-forms"): a tree of joints moves, and a skin of points follows.

    forward kinematics       G_root = T(root) R_root,    G_j = G_parent(j) T(x_j - x_parent(j)) R_j
    linear blend skinning    v' = sum_j w_vj  G_j T(-x_j) v

x_j is where joint j lies in the rest pose, R_j how it is turned against its parent, T(t) a shift by t, and w_vj how
much vertex v listens to joint j, with sum_j w_vj = 1. Averaging matrices is not averaging rotations: a joint turned by
half a circle about its bone makes the skin between collapse to a point (the candy-wrapper effect).

Magnenat-Thalmann et al. (1988) let skin follow joints; Lewis, Cordner and Fong (SIGGRAPH 2000) name the weaknesses.
Conventions: J joints, V vertices, three dimensions, column vectors; parents come before their children, joint 0 is the
root.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def forward_kinematics(
    parents: Sequence[int], rest: Tensor, rotations: Tensor, *, shift: Tensor | None = None
) -> Tensor:
    """Where each joint's frame is, given how each joint is turned against its parent.

    Args:
        parents: J numbers: the parent of each joint, smaller than its own number; -1 for joint 0.
        rest: (J, 3) joints in the rest pose.
        rotations: (B, J, 3, 3) local rotations; identities give the rest pose.
        shift: (B, 3) how far the root moves, or None.

    Returns:
        (B, J, 4, 4) frames: the last column holds the joint's place.

    Raises:
        ValueError: For bad shapes or values, or a parent that does not come before its child.
    """
    moves = {} if shift is None else {"shift": (shift, "B 3")}
    check_tensors(rest=(rest, "J 3"), rotations=(rotations, "B J 3 3"), **moves)
    if len(parents) != len(rest) or parents[0] != -1:
        raise ValueError(f"parents must hold {len(rest)} numbers, one a joint, the first -1, not {list(parents)}")
    wrong = [j for j in range(1, len(rest)) if not 0 <= parents[j] < j]
    if wrong:
        raise ValueError(f"joint {wrong[0]} has parent {parents[wrong[0]]}: a parent must come before its child")
    frames: list[Tensor] = []
    for joint, parent in enumerate(parents):
        offset = rest[joint] - rest[parent] if joint else rest[0]
        place = offset.expand(len(rotations), 3) + (shift if shift is not None and joint == 0 else 0)
        local = _rigid(rotations[:, joint], place)
        frames.append(frames[parent] @ local if joint else local)
    return torch.stack(frames, 1)


def _rigid(rotation: Tensor, place: Tensor) -> Tensor:
    """(B, 3, 3) and (B, 3) to (B, 4, 4) matrices that turn, then shift."""
    top = torch.cat([rotation, place[..., None]], -1)  # (B, 3, 4)
    bottom = torch.zeros_like(top[:, :1])
    bottom[..., 3] = 1
    return torch.cat([top, bottom], 1)


def blend_skinning(vertices: Tensor, weights: Tensor, frames: Tensor, *, rest: Tensor) -> Tensor:
    """Move a skin with its skeleton.

    Args:
        vertices: (V, 3) the skin in the rest pose.
        weights: (V, J) how much each vertex listens to each joint: not negative, rows sum to 1.
        frames: (B, J, 4, 4) from `forward_kinematics`.
        rest: (J, 3) joints in the rest pose.

    Returns:
        (B, V, 3).

    Raises:
        ValueError: For bad shapes or values, or weights that are negative or do not sum to 1.
    """
    check_tensors(vertices=(vertices, "V 3"), weights=(weights, "V J"), frames=(frames, "B J 4 4"), rest=(rest, "J 3"))
    if weights.min() < 0 or (weights.sum(1) - 1).abs().max() > 1e-4:
        raise ValueError("weights must not be negative and must sum to 1 for each vertex; divide rows by their sum")
    turn = frames[..., :3, :3]
    move = frames[..., :3, 3] - (turn @ rest[..., None])[..., 0]  # G_j T(-x_j), the joint's way from rest
    blended = torch.einsum("vj,bjmn->bvmn", weights, turn)  # (B, V, 3, 3)
    return torch.einsum("bvmn,vn->bvm", blended, vertices) + weights @ move  # (B, V, 3)


def segment_distances(points: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """Distance of each point from each bone, a straight piece between two joints.

    Args:
        points: (V, 3).
        starts, ends: (N, 3) both ends of each bone; they may coincide.

    Returns:
        (V, N).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(points=(points, "V 3"), starts=(starts, "N 3"), ends=(ends, "N 3"))
    along = ends - starts
    from_start = points[:, None] - starts  # (V, N, 3)
    share = (from_start * along).sum(-1) / along.square().sum(-1).clamp(min=1e-12)
    return (from_start - share.clamp(0, 1)[..., None] * along).norm(dim=-1)


def distance_weights(distances: Tensor, softness: float) -> Tensor:
    """Skinning weights that fall with the distance from a bone: softmax(-distance / softness).

    Args:
        distances: (V, N), not negative.
        softness: In the units of the distances: small gives rigid parts, large gives rubber.

    Returns:
        (V, N) weights, rows sum to 1.

    Raises:
        ValueError: For bad shapes or values, or a softness that is not above 0.
    """
    check_tensors(distances=(distances, "V N"))
    check_positive(softness=softness)
    return torch.softmax(-distances / softness, dim=1)
