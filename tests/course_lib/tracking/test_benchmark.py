"""Clips with one difficulty: boxes hold the target, the difficulty is there, the rest is the same."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.tracking.benchmark import (
    DIFFICULTIES,
    SUBJECTS,
    crowd_clips,
    difficulty_clips,
    photograph_clips,
    smooth_path,
)
from course_lib.tracking.tracker import crop_window


@pytest.fixture(scope="module")
def clips():
    return {name: difficulty_clips(name, 3, 16, generator=generator(3), size=64) for name in DIFFICULTIES}


def sides(boxes):
    return (boxes[..., 2:] - boxes[..., :2]).mean(-1)


def test_clips_of_one_seed_differ_in_the_difficulty_alone(clips):
    plain = clips["plain"]
    centres = {name: (clip.boxes[..., :2] + clip.boxes[..., 2:]) / 2 for name, clip in clips.items()}
    for name in ("occlusion", "look-alikes"):
        torch.testing.assert_close(clips[name].boxes, plain.boxes)
    assert (centres["scale"] - centres["plain"]).abs().max() < 2.5  # a growing shape is rounded to other pixels
    assert (clips["occlusion"].frames - plain.frames).abs().max() > 0.1
    assert torch.equal(clips["plain"].visible, torch.ones(3, 16))


def test_each_difficulty_is_there(clips):
    assert (clips["occlusion"].visible.amin(1) < 0.5).all()
    assert (clips["occlusion"].visible[:, 0] > 0.99).all()
    ratio = sides(clips["scale"].boxes)[:, -1] / sides(clips["scale"].boxes)[:, 0]
    assert ((ratio > 1.7) | (ratio < 1 / 1.7)).all()
    still = difficulty_clips("motion blur", 3, 16, generator=generator(3), size=64, shutter=1)
    roughness = [clip.frames.diff(dim=-1).abs().mean() for clip in (still, clips["motion blur"])]
    assert roughness[1] < 0.97 * roughness[0]
    step = [(c.boxes[:, 1:] - c.boxes[:, :-1]).norm(dim=-1).mean() for c in (clips["plain"], clips["motion blur"])]
    assert step[1] > 1.5 * step[0]


def test_the_box_of_a_blurred_frame_is_that_of_the_middle_of_the_exposure():
    """A shutter of one picture shows that very moment; masks are rounded to pixels, so the mean over frames decides."""
    sharp, blurred = (difficulty_clips("motion blur", 3, 32, generator=generator(3), size=96, shutter=shutter)
                      for shutter in (1, 6))  # fmt: skip
    centres = [(clip.boxes[..., :2] + clip.boxes[..., 2:]) / 2 for clip in (sharp, blurred)]
    ahead = (centres[1] - centres[0])[:, 1:-1]
    way = (centres[0][:, 2:] - centres[0][:, :-2]) / 2
    late = (ahead * way).sum() / way.square().sum()  # in frames
    assert abs(float(late)) < 0.03


def test_look_alikes_look_like_the_target():
    """At the target's place and at one copy's, the picture is nearly the same."""
    clip = difficulty_clips("look-alikes", 1, 32, generator=generator(3), size=96)
    other = difficulty_clips("plain", 1, 32, generator=generator(3), size=96)
    least = []
    for frame, plain, box in zip(clip.frames[0], other.frames[0], clip.boxes[0], strict=True):
        x0, y0, x1, y1 = box.int().tolist()
        own = frame[:, y0:y1, x0:x1]
        windows = frame.unfold(1, y1 - y0, 1).unfold(2, x1 - x0, 1)
        apart = (windows - own[:, None, None]).abs().mean((0, 3, 4))
        rows, columns = torch.meshgrid(*(torch.arange(n) for n in apart.shape), indexing="ij")
        far = torch.maximum((rows - y0).abs(), (columns - x0).abs()) > 0.6 * (y1 - y0)
        least.append(
            (
                float(apart[far].min()),
                float(
                    (plain.unfold(1, y1 - y0, 1).unfold(2, x1 - x0, 1) - own[:, None, None])
                    .abs()
                    .mean((0, 3, 4))[far]
                    .min()
                ),
            )
        )
    with_copies, without = (min(pair[k] for pair in least) for k in (0, 1))
    assert with_copies < 0.6 * without


def test_no_photograph_is_chosen_on_and_tested_on():
    names = {split: {name for name, *_ in subjects} for split, subjects in SUBJECTS.items()}
    assert names["val"]
    assert not names["val"] & names["test"]


@pytest.mark.parametrize("split", SUBJECTS)
def test_the_box_of_a_photograph_stays_on_the_same_part_of_the_world(split):
    clips = photograph_clips(len(SUBJECTS[split]), 8, generator=generator(0), split=split)
    for frames, boxes in zip(clips.frames, clips.boxes, strict=True):
        cut = [crop_window(frame, (box[:2] + box[2:]) / 2, (float(box[3] - box[1]), float(box[2] - box[0])),
                           out=(24, 24)) for frame, box in zip(frames, boxes, strict=True)]  # fmt: skip
        for later in cut[1:]:
            assert (later - cut[0]).abs().mean() < 0.03
    assert (clips.boxes[:, 0] - clips.boxes[:, -1]).abs().amax(1).min() > 4  # and the camera moved


def test_the_camera_keeps_the_target_within_reach_whatever_the_zoom():
    clips = photograph_clips(6, 32, generator=generator(0), zoom=2.0)
    centres = (clips.boxes[..., :2] + clips.boxes[..., 2:]) / 2
    assert (centres - 64).abs().max() <= 0.2 * 128 + 1e-3


def test_paths_are_smooth_and_stay_within_reach():
    path = smooth_path(5, 30, reach=10, turns=1, generator=generator(0))
    assert path.abs().max() <= 10
    assert path.diff(n=2, dim=1).abs().max() < 1.0
    fine = smooth_path(5, 30, reach=10, turns=1, generator=generator(0), parts=4)
    torch.testing.assert_close((fine[:, 1::4] + fine[:, 2::4]) / 2, path, rtol=0, atol=0.02)


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match="difficulty must be one of plain, occlusion"):
        difficulty_clips("fog", 1, generator=generator(0))
    with pytest.raises(ValueError, match="at least 2 frames and a shutter of 1"):
        difficulty_clips("plain", 1, 1, generator=generator(0))
    with pytest.raises(ValueError, match=r"a zoom of 1 are needed, not 8 and 0\.5"):
        photograph_clips(1, 8, generator=generator(0), zoom=0.5)
    with pytest.raises(ValueError, match="split must be one of test, val"):
        photograph_clips(1, 8, generator=generator(0), split="train")


def test_a_crowd_crosses_and_may_look_alike():
    crowd = crowd_clips(2, 16, generator=generator(1), objects=4, turns=1.2)
    assert crowd.boxes.shape == (2, 16, 4, 4)
    assert crowd.visible.amin() < 0.5  # somebody is hidden behind somebody else
    assert crowd.visible.amax((1, 2)).tolist() == [1, 1]
    hidden = crowd.visible == 0
    assert torch.equal(crowd.boxes[hidden], torch.zeros(int(hidden.sum()), 4))
    alike = crowd_clips(2, 16, generator=generator(1), objects=4, turns=1.2, alike=True)
    colours = [[alike.frames[b, 0][:, int(y0 + y1) // 2, int(x0 + x1) // 2] for x0, y0, x1, y1 in alike.boxes[b, 0]]
               for b in range(2)]  # fmt: skip
    other = [[crowd.frames[b, 0][:, int(y0 + y1) // 2, int(x0 + x1) // 2] for x0, y0, x1, y1 in crowd.boxes[b, 0]]
             for b in range(2)]  # fmt: skip
    spread = [sum(float(torch.stack(row).std(0).mean()) for row in rows) for rows in (colours, other)]
    assert spread[0] < spread[1]
