"""Chapter 10's demonstrations: the point lies on the curve, green boxes are right, suppression keeps what nms keeps."""

from __future__ import annotations

import re

import pytest
import torch
from matplotlib.colors import to_rgb

from course_lib.ops.boxes import box_iou, nms
from course_lib.viz import GREEN, PINK

from .demonstrations import draw, live_controls, namespace, sources

NAME = "10_object_detection"
KNOB = ("pin(0)", "K, FIELDS = len(CLASSES)", "def judged(", "def knob(")
SUPPRESS = ("pin(0)", "astronaut = photograph", "both, twice = torch.cat", "FACE = torch.tensor", "FACELESS =",
            "def suppress(")  # fmt: skip


@pytest.fixture(scope="module")
def curve():
    return namespace(sources(NAME, KNOB))


@pytest.fixture(scope="module")
def windows():
    return namespace(sources(NAME, SUPPRESS))


@pytest.mark.parametrize("least", [0.1, 0.7])
@pytest.mark.parametrize("detector", ["Faster R-CNN", "DETR"])
def test_the_point_is_precision_and_recall_of_what_is_reported(curve, detector, least):
    made, caption = draw(curve, "knob", detector, least)
    right = total = objects = 0
    for said, true in zip(curve["answers"][detector], curve["truth"], strict=True):
        objects += len(true["labels"])
        taken = set()
        for box, score, label in zip(said["boxes"], said["scores"], said["labels"], strict=True):
            if score < least:
                continue
            total += 1
            overlap = box_iou(box[None], true["boxes"])[0]
            free = [g for g in range(len(overlap)) if g not in taken and true["labels"][g] == label
                    and overlap[g] >= 0.75]  # fmt: skip
            if free:
                taken.add(max(free, key=lambda g, overlap=overlap: float(overlap[g])))
                right += 1
    (x, y), *_ = made.axes[0].lines[1].get_xydata()
    assert (x, y) == pytest.approx((right / objects, right / total))
    assert f"{total} boxes in 64 scenes" in caption


def test_green_boxes_are_right_at_the_strict_threshold(curve):
    made, _ = draw(curve, "knob", "Faster R-CNN", 0.02)
    true = curve["truth"][curve["KNOB"]]
    for frame in made.axes[1].patches:
        x, y = frame.get_xy()
        box = torch.tensor([[x, y, x + frame.get_width(), y + frame.get_height()]]) + 0.5
        near = float(box_iou(box, true["boxes"]).max()) if len(true["boxes"]) else 0.0
        colour = frame.get_edgecolor()[:3]
        assert colour in (to_rgb(GREEN), to_rgb(PINK))
        assert near >= 0.75 or colour == to_rgb(PINK)


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.6])
def test_the_reported_boxes_are_the_first_that_nms_keeps(windows, threshold):
    for step in (0, 1, 3):
        made, caption = draw(windows, "suppress", step, threshold)
        kept = nms(windows["windows"], windows["marks"], threshold)[:step]
        frames = made.axes[1].patches
        assert len(frames) == len(kept)
        for frame, box in zip(frames, windows["windows"][kept], strict=True):
            assert frame.get_xy() == pytest.approx((float(box[0]) - 0.5, float(box[1]) - 0.5), abs=1e-4)
        left = len(made.axes[0].patches) - (2 * (step > 0) and 1 + _pink(made.axes[0]))
        assert int(re.search(r"(\d+) of 40 are left", caption)[1]) == left


def _pink(ax) -> int:
    return sum(patch.get_edgecolor()[:3] == to_rgb(PINK) for patch in ax.patches)


def test_live_controls():
    needed = sources(NAME, (*KNOB, *SUPPRESS[1:]))
    found = live_controls(needed, sources(NAME, ["explore("]))
    assert found == {"Dropdown": 1, "SelectionSlider": 2, "IntSlider": 1}
