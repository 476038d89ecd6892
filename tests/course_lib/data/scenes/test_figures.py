"""Figures: key points lie on the limbs, sides are the figure's own, visibility agrees with the pixels."""

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import (
    KEYPOINTS,
    amodal_masks,
    instance_map,
    keypoints,
    nearest_slot,
    render,
    sample_figures,
)
from course_lib.data.scenes.figures import PARTS


@pytest.fixture(scope="module")
def people():
    scene = sample_figures(160, 96, generator=generator(2))
    return scene, render(scene), keypoints(scene)


def test_key_points_lie_on_the_figure_and_at_the_ends_of_its_bones(people):
    scene, _, points = people
    whole = amodal_masks(scene)
    for b, m, k in (points[..., 2] > 0).nonzero().tolist():
        x, y = points[b, m, k, :2].long().tolist()
        assert whole[b, m, y, x], KEYPOINTS[k]
    # A capsule's axis runs from joint to joint.
    for side in ("left", "right"):
        for start, end, bones in (
            ("elbow", "wrist", ("far forearm", "near forearm")),
            ("hip", "knee", ("far thigh", "near thigh")),
        ):
            a, b = (points[..., KEYPOINTS.index(f"{side} {joint}"), :] for joint in (start, end))
            there = (a[..., 2] > 0) & (b[..., 2] > 0)
            middle = ((a + b) / 2)[..., :2]
            centre = scene.centre.unflatten(1, (-1, len(PARTS)))
            gap = torch.stack([(centre[:, :, PARTS.index(name)] - middle).norm(dim=-1) for name in bones], -1).amin(-1)
            assert there.sum() > 30
            assert gap[there].max() < 1e-3


def test_left_is_the_figures_own_left(people):
    points = people[2]
    left, right = (points[..., KEYPOINTS.index(f"{side} shoulder"), :] for side in ("left", "right"))
    there = (left[..., 2] > 0) & (right[..., 2] > 0)
    assert (left[..., 0] > right[..., 0])[there].all()


def test_bones_of_both_sides_are_equally_long(people):
    scene = people[0]
    joint = {name: scene.joints[:, :, k] for k, name in enumerate(KEYPOINTS)}
    for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
        left, right = ((joint[f"{s} {start}"] - joint[f"{s} {end}"]).norm(dim=-1) for s in ("left", "right"))
        assert torch.allclose(left, right, atol=1e-3)


def test_visibility_agrees_with_the_pixels(people):
    """A visible key point's pixel shows its figure; a key point hidden by another figure has that figure's pixel."""
    scene, drawn, points = people
    owner = instance_map(scene, drawn)
    good = total = hidden_by_others = 0
    for b, m, k in (points[..., 2] > 0).nonzero().tolist():
        x, y = points[b, m, k, :2].long().tolist()
        shown = owner[b, y, x].item()
        if points[b, m, k, 2] == 2:
            good, total = good + (shown == m), total + 1
        else:
            assert shown >= m  # a nearer figure, or a nearer limb of its own
            hidden_by_others += shown != m
    assert good / total > 0.99
    assert hidden_by_others > 20
    flags = points[..., 2].unique().tolist()
    assert flags == [0, 1, 2]


ENDS = {"head": ("head",), "trunk": ("shoulder", "hip"), "upper arm": ("shoulder", "elbow"),
        "forearm": ("elbow", "wrist"), "thigh": ("hip", "knee"), "shin": ("knee", "ankle")}  # fmt: skip


def test_a_key_point_is_visible_where_a_part_that_ends_in_it_is_seen(people):
    """Also a nearer limb of the same figure hides a joint."""
    scene, _, points = people
    seen = nearest_slot(scene, points[..., :2].flatten(1, 2)).view(points.shape[:3])
    by_itself = 0
    for b, m, k in (points[..., 2] > 0).nonzero().tolist():
        slot = seen[b, m, k].item()
        part = PARTS[slot % len(PARTS)].removeprefix("far ").removeprefix("near ")
        own = slot // len(PARTS) == m
        ends_here = own and any(KEYPOINTS[k].endswith(joint) for joint in ENDS[part])
        if points[b, m, k, 2] == 2:
            assert ends_here, (KEYPOINTS[k], part)
        elif own:
            by_itself += 1
            side = {"far": 0, "near": 1}.get(PARTS[slot % len(PARTS)].split()[0])
            assert not ends_here or side is not None  # the same joint of the other side's limb may hide it
    assert by_itself > 40


def test_absent_figures_have_no_key_points(people):
    scene, _, points = people
    absent = scene.class_id.unflatten(1, (-1, len(PARTS)))[..., 0] < 0
    assert absent.any()
    assert (points[absent] == 0).all()


def test_bad_requests():
    for bad, words in (
        ({"figures": 0}, "1 to 4 figures"),
        ({"heights": (0.5, 1.2)}, "heights must"),
        ({"size": 4}, "16 pixels"),
    ):
        with pytest.raises(ValueError, match=words):
            sample_figures(2, generator=generator(), **bad)
    from course_lib.data.scenes import sample_scenes

    with pytest.raises(ValueError, match="no figures"):
        keypoints(sample_scenes(1, generator=generator()))
