"""Flow against formulas and against the pictures; occlusion and tracks against the pixels."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from course_lib.core.seeding import generator
from course_lib.data.scenes import (
    flow,
    nearest_slot,
    object_tracks,
    occlusion,
    point_tracks,
    render,
    sample_clips,
    sample_scenes,
    visible_masks,
)
from course_lib.data.scenes.sample import Difficulty


@pytest.fixture(scope="module")
def clip():
    scene = sample_clips(6, 5, 64, generator=generator(3))
    return scene, render(scene)


def centres(height, width):
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([x, y])


def one_disc(**moves):
    """Two frames of one large disc; `moves` are the changes of the second frame."""
    scene = sample_scenes(1, 64, generator=generator(0), objects=1, classes=("disc",)).repeat(2)
    first = {"centre": torch.tensor([30.0, 33.0]), "radius": torch.tensor(16.0), "angle": torch.tensor(0.2)}
    fields = {}
    for name, value in first.items():
        moved = value + moves.get(name, torch.zeros_like(value))
        fields[name] = torch.stack([value, moved])[:, None]
    return replace(scene, **fields)


def test_flow_of_a_rigid_motion_is_the_formula():
    turn, shift = 0.3, torch.tensor([2.5, -1.25])
    scene = one_disc(centre=shift, angle=torch.tensor(turn))
    drawn = render(scene)
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    p = centres(64, 64) - torch.tensor([30.0, 33.0])[:, None, None]
    wanted = torch.einsum("ij,jhw->ihw", rotation, p) - p + shift[:, None, None]
    inside = drawn.slots[0] == 0
    got = flow(scene, drawn)[0, 0]
    assert inside.sum() > 500
    assert (got - wanted)[:, inside].abs().max() < 1e-4
    assert got[:, ~inside].abs().max() == 0


def test_flow_of_growth_and_of_a_camera_pan():
    scene = one_disc(radius=torch.tensor(4.0))
    scene = replace(scene, pan=torch.tensor([[0.0, 0.0], [1.5, -0.5]]))
    drawn = render(scene)
    inside = drawn.slots[0] == 0
    p = centres(64, 64) - torch.tensor([30.0, 33.0])[:, None, None]
    got = flow(scene, drawn)[0, 0]
    assert (got - 0.25 * p)[:, inside].abs().max() < 1e-4
    assert torch.allclose(got[:, ~inside], torch.tensor([[-1.5], [0.5]]).expand(2, int((~inside).sum())), atol=1e-5)


def warp_error(scene, drawn):
    """Mean |frame t + 1 read at p + flow - frame t| where the point is seen in both, in steps of 1 / 255."""
    moved = flow(scene, drawn).flatten(0, 1) + centres(scene.height, scene.width)
    images = scene.clip(drawn.image)
    size = torch.tensor([scene.width, scene.height]).view(2, 1, 1)
    where = (2 * moved / size - 1).permute(0, 2, 3, 1)
    warped = F.grid_sample(images[:, 1:].flatten(0, 1), where, align_corners=False, padding_mode="border")
    error = (warped - images[:, :-1].flatten(0, 1)).abs().mean(1)
    return error[~occlusion(scene, drawn).flatten(0, 1)].mean().item() * 255


def test_warping_the_next_frame_gives_this_frame():
    scene = sample_clips(24, 8, 64, generator=generator(5))
    smooth = replace(scene, texture_gain=0 * scene.texture_gain, background=torch.full_like(scene.background, 2))
    assert warp_error(smooth, render(smooth)) < 2
    # The test can fail: without the flow, or with its sign wrong, the error is far larger.
    still = replace(
        smooth, **{k: getattr(smooth, k)[::8].repeat_interleave(8, 0) for k in ("centre", "angle", "radius", "pan")}
    )
    assert warp_error(still, render(smooth)) > 3
    assert warp_error(scene, render(scene)) < 6  # sharp photographs and textures, bilinear reading


def test_flow_at_any_point_matches_the_tracks(clip):
    scene, drawn = clip
    rows, columns = torch.arange(4, 64, 9), torch.arange(3, 64, 8)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    points = torch.stack([x, y], -1).flatten(0, 1) + 0.5
    tracks, seen = point_tracks(scene, drawn, points.expand(6, -1, -1))
    field = flow(scene, drawn)[:, 0][:, :, y.flatten(), x.flatten()].permute(0, 2, 1)
    assert torch.allclose(tracks[:, 1], points + field, atol=1e-4)
    assert torch.equal(tracks[:, 0], points.expand(6, -1, -1)) or (tracks[:, 0] - points).abs().max() < 1e-4
    assert seen[:, 0].all()
    hidden = occlusion(scene, drawn)[:, 0][:, y.flatten(), x.flatten()]
    assert torch.equal(seen[:, 1], ~hidden)


def test_tracks_stay_on_their_object(clip):
    """A followed point shows, wherever it is seen, the object on which it began."""
    scene, drawn = clip
    slots = scene.clip(drawn.slots)
    points = torch.rand(6, 200, 2, generator=generator(0)) * 63.9
    tracks, seen = point_tracks(scene, drawn, points)
    first = nearest_slot(scene, points.repeat_interleave(5, 0)).view(6, 5, -1)[:, 0]
    began = slots[:, 0].flatten(1).gather(1, points[..., 1].long() * 64 + points[..., 0].long())
    steady = first == began  # not between a pixel's centre and its edge
    for t in range(5):
        pixel = tracks[:, t].clamp(0, 63).long()
        now = slots[:, t].flatten(1).gather(1, pixel[..., 1] * 64 + pixel[..., 0])
        check = seen[:, t] & steady
        assert (now == began)[check].float().mean() > 0.96  # the rest are edge pixels
    assert 0.5 < seen[:, -1].float().mean() < 1


def test_occlusion_against_the_pixels(clip):
    """Away from edges, a hidden point's landing pixel shows something nearer, a seen point's shows the same object."""
    scene, drawn = clip
    hidden, moved = occlusion(scene, drawn), flow(scene, drawn) + centres(64, 64)
    slots = scene.clip(drawn.slots)
    assert 0.005 < hidden.float().mean() < 0.2
    x, y = moved[:, :, 0], moved[:, :, 1]
    outside = (x < 0) | (x >= 64) | (y < 0) | (y >= 64)
    assert hidden[outside].all()
    after, before = slots[:, 1:], slots[:, :-1]
    padded = F.pad(after.float(), (1, 1, 1, 1), mode="replicate")
    low, high = -F.max_pool2d(-padded, 3, 1), F.max_pool2d(padded, 3, 1)
    even = (low == high).flatten(2)
    pixel = (y.clamp(0, 63.99).long() * 64 + x.clamp(0, 63.99).long()).flatten(2)
    inner = even.gather(2, pixel) & ~outside.flatten(2)
    landed, own, gone = after.flatten(2).gather(2, pixel)[inner], before.flatten(2)[inner], hidden.flatten(2)[inner]
    assert (landed[gone] > own[gone]).all()
    assert gone.sum() > 20
    assert torch.equal(landed[~gone], own[~gone])


def test_object_tracks_are_the_labels_of_each_frame(clip):
    scene, drawn = clip
    boxes, share = object_tracks(scene, drawn)
    slots = scene.clip(drawn.slots)
    for b, t, m in scene.clip(scene.present).nonzero().tolist():
        rows, columns = (slots[b, t] == m).nonzero().unbind(1)
        assert (share[b, t, m] > 0) == (len(rows) > 0)
        wanted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else [0] * 4
        assert boxes[b, t, m].tolist() == wanted
    with pytest.raises(ValueError, match="needs a clip"):
        object_tracks(sample_scenes(1, generator=generator()), drawn)


def test_deformation_moves_and_order_stays(clip):
    scene, drawn = clip
    assert scene.stretch.min() < 0.95
    assert scene.wobble[..., 0].max() > 0.08
    depth = scene.clip(scene.depth)
    assert torch.equal(depth, depth[:, :1].expand_as(depth))
    area = scene.clip(visible_masks(scene, drawn).sum((-2, -1)).float())
    assert (area.std(1) > 0)[area[:, 0] > 50].all()  # everything moves or changes


def test_bad_clips():
    with pytest.raises(ValueError, match="at least 2 frames"):
        sample_clips(2, 1, generator=generator())
    with pytest.raises(ValueError, match="speed"):
        sample_clips(2, 4, generator=generator(), speed=-1)
    still = sample_scenes(2, generator=generator())
    with pytest.raises(ValueError, match="needs a clip"):
        flow(still, render(still))
    clip = sample_clips(2, 3, generator=generator(), difficulty=Difficulty(clutter=1))
    with pytest.raises(ValueError, match="inside the 64 x 64"):
        point_tracks(clip, render(clip), torch.full((2, 1, 2), 64.0))
    with pytest.raises(ValueError, match="single images"):
        clip[0:1]
