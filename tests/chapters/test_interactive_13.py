"""Chapter 13's demonstration: the caption names the best box, and the frame is the one that was asked for."""

from __future__ import annotations

import pytest
import torch

from course_lib.metrics.success import paired_iou

from .demonstrations import draw, live_controls, namespace, sources

NAME = "13_tracking_and_flow"
NEEDED = ("pin(0)", "LIVE = {name: difficulty_clips", 'with open("cards/13_trackers.json")', "CLIP = 1",
          "PAINT = dict(", "MAKE = {", "def step_through(")  # fmt: skip
CONTROLS = ("SHOWN, MOMENTS = ",)


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, NEEDED))


@pytest.mark.parametrize(("difficulty", "frame"), [("plain", 1), ("occlusion", 20)])
def test_the_best_box_is_named(space, difficulty, frame):
    made, caption = draw(space, "step_through", difficulty, frame)
    truth = space["LIVE"][difficulty].boxes[space["CLIP"]]
    overlap = {name: float(paired_iou(boxes, truth)[frame])
               for name, boxes in space["tracks"][difficulty, space["CLIP"]].items()}  # fmt: skip
    best = max(overlap, key=overlap.get)
    assert f"the best box is that of {best}, with an overlap of {100 * overlap[best]:.0f} %" in caption
    shown = torch.from_numpy(made.axes[0].images[0].get_array().copy())
    wanted = space["LIVE"][difficulty].frames[space["CLIP"], frame].permute(1, 2, 0)
    torch.testing.assert_close(shown.float(), wanted, rtol=0, atol=0.01)


def test_live_sliders():
    assert live_controls(sources(NAME, NEEDED), sources(NAME, CONTROLS)) == {"SelectionSlider": 2}
