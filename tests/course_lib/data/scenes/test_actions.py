"""Actions: each moves as its name says, reversed clips are the partner, and one frame says nothing."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from sklearn.ensemble import ExtraTreesClassifier

from course_lib.core.seeding import generator
from course_lib.data.scenes import ACTIONS, REVERSED, render, sample_actions


def poses(scene):
    """Per clip and frame: positions, sizes and angles of both objects."""
    centre, radius, angle = (scene.clip(v) for v in (scene.centre, scene.radius, scene.angle))
    vector = centre[:, :, 1] - centre[:, :, 0]
    return centre, radius, angle, vector


def test_every_action_moves_as_its_name_says():
    count = 40
    for number, name in enumerate(ACTIONS):
        scene = sample_actions(count, 8, generator=generator(number), action=torch.full((count,), number))
        centre, radius, angle, vector = poses(scene)
        turn, growth = angle[:, :, 1].diff(dim=1), radius[:, :, 1].diff(dim=1)
        heading, length = torch.atan2(vector[..., 1], vector[..., 0]), vector.norm(dim=-1)
        swing = torch.remainder(heading.diff(dim=1) + math.pi, 2 * math.pi) - math.pi
        assert (turn > 0.1).all() == (name == "clockwise")
        assert (turn < -0.1).all() == (name == "anticlockwise")
        faster = turn.abs().diff(dim=1)
        assert bool((faster > 1e-3).all()) == (name == "speed up")
        assert bool((faster < -1e-3).all()) == (name == "slow down")
        assert bool((growth > 0).all()) == (name == "approach")
        assert bool((growth < 0).all()) == (name == "recede")
        assert bool((swing.abs() > 0.1).all()) == (name == "orbit")
        assert bool((length.diff(dim=1).abs() > 0.05).any(1).all()) == (name == "bounce")
        travel = centre[:, -1, 0] - centre[:, 0, 0]
        along = (travel * vector[:, 0]).sum(1) / length[:, 0]
        assert bool((along > 5).all()) == (name == "follow")
        if name == "follow":
            assert torch.allclose(travel.norm(dim=1), along, atol=1e-3)


def test_played_backwards_a_clip_is_its_partner():
    for number, partner in enumerate(REVERSED[:6]):
        assert REVERSED[partner] == number
        mine, other = (
            poses(sample_actions(30, 8, generator=generator(1), action=torch.full((30,), k))) for k in (number, partner)
        )
        for back, forth in zip((pose.flip(1).diff(dim=1) for pose in mine[:3]), other[:3], strict=True):
            assert torch.allclose(back, forth.diff(dim=1), atol=1e-4)


def frame_features(scene):
    centre, radius, angle, vector = poses(scene)
    length, heading = vector.norm(dim=-1), torch.atan2(vector[..., 1], vector[..., 0])
    return torch.stack([
        *centre.flatten(2).unbind(-1), *radius.unbind(-1), angle[:, :, 1].sin(), angle[:, :, 1].cos(), length,
        heading.sin(), heading.cos(),
    ], -1)  # fmt: skip


def test_one_frame_is_at_chance_and_the_clip_is_not():
    """Even from the exact poses of a random frame nothing beats guessing; their changes give the class away."""
    train, test = (sample_actions(n, 8, generator=generator(s)) for n, s in ((6000, 1), (3000, 2)))
    pick = np.random.default_rng(0)
    model = ExtraTreesClassifier(60, min_samples_leaf=4, random_state=0)
    frames = [frame_features(scene).numpy() for scene in (train, test)]
    single = [f[np.arange(len(f)), pick.integers(0, 8, len(f))] for f in frames]
    chance, error = 1 / len(ACTIONS), math.sqrt(8) / 9 / math.sqrt(3000)
    found = model.fit(single[0], train.action).score(single[1], test.action)
    assert abs(found - chance) < 4 * error
    whole = [np.concatenate([np.diff(f, axis=1)[:, 0], np.diff(f, axis=1)[:, -1]], 1) for f in frames]
    assert model.fit(whole[0], train.action).score(whole[1], test.action) > 0.9


def test_every_quantity_of_a_random_frame_has_one_law_in_all_classes():
    count = 1500
    pick = torch.randint(8, (count,), generator=generator(3))
    seen = []
    for number in range(len(ACTIONS)):
        scene = sample_actions(count, 8, 16, generator=generator(number), action=torch.full((count,), number))
        centre, radius, angle, vector = poses(scene)
        heading = torch.atan2(vector[..., 1], vector[..., 0])
        turn = torch.remainder(angle, 2 * math.pi)
        every = [*centre.flatten(2).unbind(2), *radius.unbind(2), *turn.unbind(2), heading, vector.norm(dim=2)]
        seen.append(torch.stack(every, 2)[torch.arange(count), pick].numpy())
    for number, mine in enumerate(seen):
        others = np.concatenate(seen[:number] + seen[number + 1 :])
        for k in range(mine.shape[1]):
            assert ks_2samp(mine[:, k], others[:, k]).pvalue > 1e-4, (ACTIONS[number], k)


def test_clips_render_and_bad_requests():
    scene = sample_actions(3, 6, 48, generator=generator(0))
    assert render(scene).image.shape == (18, 3, 48, 48)
    assert scene.action.shape == (3,)
    with pytest.raises(ValueError, match="at least 4 frames"):
        sample_actions(3, 3, generator=generator())
    with pytest.raises(ValueError, match="numbers from 0 to 8"):
        sample_actions(2, 8, generator=generator(), action=torch.tensor([0, 9]))
