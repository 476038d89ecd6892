"""Clips of actions: shapes that the networks read, flow that carries one frame to the next, errors of one line."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import ACTIONS
from course_lib.ops.warp import warp
from course_lib.video.clips import action_clips, action_flow, check_clips


def test_labels_are_those_asked_for_and_clips_follow_the_seed():
    wanted = torch.arange(len(ACTIONS))
    one, labels = action_clips(len(ACTIONS), 5, 32, generator=generator(3), action=wanted)
    two, _ = action_clips(len(ACTIONS), 5, 32, generator=generator(3), action=wanted)
    assert one.shape == (9, 5, 3, 32, 32)
    assert torch.equal(labels, wanted)
    assert torch.equal(one, two)


def test_flow_explains_the_next_frame():
    clips, moved, _ = action_flow(6, 5, 64, generator=generator(0), difficulty=0.2)
    here, there = clips[:, :-1].flatten(0, 1), clips[:, 1:].flatten(0, 1)
    explained = (warp(there, moved.flatten(0, 1)) - here).abs().mean()
    assert explained < 0.75 * (there - here).abs().mean()


@pytest.mark.parametrize(
    "clips",
    ["a film", torch.zeros(2, 3, 64, 64), torch.zeros(2, 8, 3, 64, 64, dtype=torch.uint8), torch.zeros(0, 8, 3, 64, 64),
     torch.zeros(2, 1, 3, 64, 64), torch.zeros(2, 8, 1, 64, 64), torch.zeros(2, 8, 3, 8, 64)],
)  # fmt: skip
def test_what_is_no_clip_is_named_in_one_line(clips):
    with pytest.raises(ValueError, match=r"^clips must be a floating-point tensor of shape \(B, T, 3, H, W\)") as found:
        check_clips(clips, frames=2)
    assert "\n" not in str(found.value)
