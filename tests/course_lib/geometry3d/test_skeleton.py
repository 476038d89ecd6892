"""Skeletons: hand-made poses, a slow recursion, SciPy's rotations, and what blending matrices does to a twist."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from course_lib.core.seeding import generator
from course_lib.geometry3d.skeleton import (
    blend_skinning,
    distance_weights,
    forward_kinematics,
    segment_distances,
)
from course_lib.ops.geometry.rotations import axis_angle_to_matrix

from ..refusals import refused

ARM = [-1, 0, 1]  # shoulder, elbow, wrist along x
ARM_REST = torch.tensor([[0.0, 0, 0], [2, 0, 0], [3, 0, 0]], dtype=torch.float64)
TREE = [-1, 0, 1, 0, 3, 3]


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def test_axis_angle_equals_scipy(device, dtype, close):
    vectors = torch.cat([draw(20, 3), 1e-9 * draw(2, 3), torch.zeros(1, 3, dtype=torch.float64)])
    wanted = torch.tensor(Rotation.from_rotvec(vectors.numpy()).as_matrix())
    close(axis_angle_to_matrix(vectors.to(device, dtype)), wanted.to(device, dtype))


def test_the_rest_pose_is_the_rest_pose(device, dtype, close):
    rest = draw(6, 3).to(device, dtype)
    frames = forward_kinematics(TREE, rest, torch.eye(3, device=device, dtype=dtype).expand(2, 6, 3, 3))
    close(frames[..., :3, 3], rest.expand(2, 6, 3))
    weights = torch.rand(9, 6, generator=generator(1), dtype=torch.float64).to(device, dtype).softmax(1)
    skin = draw(9, 3, seed=2).to(device, dtype)
    close(blend_skinning(skin, weights, frames, rest=rest), skin.expand(2, 9, 3))


def test_an_arm_bent_by_hand(device, dtype, close):
    """Shoulder up by 90 degrees, elbow forward by 90: the wrist ends at (-1, 2, 0) if both turn about z."""
    rest, quarter = ARM_REST.to(device, dtype), torch.zeros(1, 3, 3, dtype=dtype, device=device)
    quarter[0, :2, 2] = math.pi / 2
    frames = forward_kinematics(ARM, rest, axis_angle_to_matrix(quarter))
    places = torch.tensor([[[0.0, 0, 0], [0, 2, 0], [-1, 2, 0]]], dtype=dtype, device=device)
    close(frames[..., :3, 3], places)
    moved = forward_kinematics(
        ARM, rest, axis_angle_to_matrix(quarter), shift=torch.tensor([[5.0, 6, 7]], dtype=dtype, device=device)
    )
    close(moved[..., :3, 3], places + torch.tensor([5.0, 6, 7], dtype=dtype, device=device))
    skin = torch.tensor([[1.0, 0, 0], [2.5, 0, 0.25]], dtype=dtype, device=device)  # upper arm, forearm
    listens = torch.tensor([[1.0, 0, 0], [0, 1, 0]], dtype=dtype, device=device)
    wanted = torch.tensor([[[0.0, 1, 0], [-0.5, 2, 0.25]]], dtype=dtype, device=device)
    close(blend_skinning(skin, listens, frames, rest=rest), wanted)


def test_equals_a_recursion_over_the_tree(device, dtype, close):
    rest, turns = draw(6, 3), axis_angle_to_matrix(draw(4, 6, 3, seed=3))
    frames = forward_kinematics(TREE, rest.to(device, dtype), turns.to(device, dtype))

    def place(b, joint, point):
        """A point given in the rest pose, carried by `joint` and then by all its ancestors."""
        while joint >= 0:
            point = turns[b, joint] @ (point - rest[joint]) + rest[joint]
            joint = TREE[joint]
        return point

    skin = draw(5, 3, seed=4)
    weights = draw(5, 6, seed=5).softmax(1)
    for b in range(4):
        joints = torch.stack([place(b, j, rest[j]) for j in range(6)])
        close(frames[b, :, :3, 3], joints.to(device, dtype))
    ours = blend_skinning(skin.to(device, dtype), weights.to(device, dtype), frames, rest=rest.to(device, dtype))
    wanted = torch.stack(
        [torch.stack([sum(weights[v, j] * place(b, j, skin[v]) for j in range(6)) for v in range(5)]) for b in range(4)]
    )
    close(ours, wanted.to(device, dtype))


def test_bones_keep_their_length_and_frames_stay_rotations(device, dtype, close):
    rest, turns = draw(6, 3).to(device, dtype), axis_angle_to_matrix(draw(8, 6, 3).to(device, dtype))
    frames = forward_kinematics(TREE, rest, turns)
    bones = frames[:, 1:, :3, 3] - frames[:, TREE[1:], :3, 3]
    close(bones.norm(dim=-1), (rest[1:] - rest[TREE[1:]]).norm(dim=-1).expand(8, 5))
    turn = frames[..., :3, :3]
    close(turn @ turn.mT, torch.eye(3, device=device, dtype=dtype).expand_as(turn))


def test_half_a_turn_collapses_a_blended_ring_to_a_point(device, dtype, close):
    around = torch.arange(8, dtype=dtype, device=device) * (math.pi / 4)
    ring = torch.stack([torch.full_like(around, 2.0), around.cos(), around.sin()], 1)  # at the elbow, radius 1
    half = torch.full((8, 2), 0.5, dtype=dtype, device=device)
    listens = torch.cat([half, torch.zeros_like(half[:, :1])], 1)
    for angle, radius in ((0.0, 1.0), (math.pi / 2, math.cos(math.pi / 4)), (math.pi, 0.0)):
        twist = torch.zeros(1, 3, 3, dtype=dtype, device=device)
        twist[0, 1, 0] = angle
        rest = ARM_REST.to(device, dtype)
        skin = blend_skinning(ring, listens, forward_kinematics(ARM, rest, axis_angle_to_matrix(twist)), rest=rest)
        close(skin[0, :, 1:].norm(dim=1), torch.full_like(around, radius))


def test_distances_from_bones_by_hand(device, dtype, close):
    points = torch.tensor([[0.5, 2, 0], [-3.0, 4, 0], [4, 0, 0]], dtype=dtype, device=device)
    starts = torch.tensor([[0.0, 0, 0], [1, 1, 0]], dtype=dtype, device=device)
    ends = torch.tensor([[1.0, 0, 0], [1, 1, 0]], dtype=dtype, device=device)  # the second is a single point
    wanted = torch.tensor([[2.0, 1.25**0.5], [5, 5], [3, 10**0.5]], dtype=dtype, device=device)
    close(segment_distances(points, starts, ends), wanted)


def test_weights_sum_to_one_and_prefer_the_nearest_bone(device, dtype, close):
    distances = draw(30, 4).abs().to(device, dtype)
    soft, hard = distance_weights(distances, 0.5), distance_weights(distances, 1e-4)
    close(soft.sum(1), torch.ones(30, dtype=dtype, device=device))
    assert torch.equal(soft.argmax(1), distances.argmin(1))
    assert hard.amax(1).min() > 0.9
    assert soft.amax(1).max() < 0.9


def test_gradients_flow():
    rest, skin = draw(3, 3), draw(4, 3, seed=1)
    weights = draw(4, 3, seed=2).softmax(1)

    def pose(vectors, shift):
        return blend_skinning(
            skin, weights, forward_kinematics(ARM, rest, axis_angle_to_matrix(vectors), shift=shift), rest=rest
        )

    arguments = draw(2, 3, 3, seed=3).requires_grad_(), draw(2, 3, seed=4).requires_grad_()
    assert torch.autograd.gradcheck(pose, arguments)


EYES = torch.eye(3, dtype=torch.float64).expand(1, 3, 3, 3)
FRAMES = forward_kinematics(ARM, ARM_REST, EYES)
CASES = {
    "child first": (lambda: forward_kinematics([-1, 2, 0], ARM_REST, EYES), r"joint 1 has parent 2: a parent"),
    "two roots": (lambda: forward_kinematics([-1, -1, 0], ARM_REST, EYES), r"joint 1 has parent -1"),
    "no root": (lambda: forward_kinematics([0, 0, 1], ARM_REST, EYES), r"the first -1, not \[0, 0, 1\]"),
    "too few": (lambda: forward_kinematics([-1, 0], ARM_REST, EYES), r"parents must hold 3 numbers"),
    "rotations": (lambda: forward_kinematics(ARM, ARM_REST, EYES[:, :2]), r"rotations has J = 2 but rest has J = 3"),
    "weights": (
        lambda: blend_skinning(ARM_REST, torch.eye(3).double() * 2, FRAMES, rest=ARM_REST),
        r"weights must not be",
    ),
    "negative": (
        lambda: blend_skinning(ARM_REST, torch.tensor([[2.0, -1, 0]] * 3).double(), FRAMES, rest=ARM_REST),
        r"weights must not be negative",
    ),
    "softness": (lambda: distance_weights(torch.ones(2, 2), 0.0), r"softness must be a finite number above 0"),
    "axis": (lambda: axis_angle_to_matrix(torch.ones(3, 2)), r"vector must be a floating-point tensor"),
}


@pytest.mark.parametrize("case", CASES)
def test_refusal(case):
    call, message = CASES[case]
    refused(call, message)
