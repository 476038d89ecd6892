"""Chapter 11b's demonstration: what is seen from each side, and a caption that says what the pictures show."""

from __future__ import annotations

import re

import numpy as np
import pytest

from .demonstrations import draw, live_controls, namespace, sources

NAME = "11b_pose_and_shape"
WALK = (
    "pin(0)",
    "shaper = solid.OccupancyNet",
    "def turned(",
    "def true_depth(",
    "FRONTS = ",
    "ROUND = ",
    "def walking(",
)
CONTROLS = ("SCENE = ",)


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, WALK))


@pytest.mark.parametrize(("scene", "degrees"), [("first", 0), ("second", 180)])
def test_the_caption_has_the_overlap_of_the_silhouettes_that_are_drawn(space, scene, degrees):
    figure, caption = draw(space, "walking", scene, degrees)
    truth, answer = (np.asarray(ax.images[0].get_array()) < 1 for ax in figure.axes[1:3])
    share = 100 * (truth & answer).sum() / (truth | answer).sum()
    said = float(re.search(r"overlap by (\d+) %", caption).group(1))
    assert abs(share - said) < 12  # pixels at an edge have no neighbour to take a slope from
    assert 20 < said < 100


def test_both_worlds_and_all_sides_differ(space):
    seen = [np.asarray(draw(space, "walking", scene, degrees)[0].axes[1].images[0].get_array())
            for scene in ("first", "second") for degrees in (0, 90)]  # fmt: skip
    assert len({picture.tobytes() for picture in seen}) == 4


def test_live_controls():
    assert live_controls(sources(NAME, WALK), sources(NAME, CONTROLS)) == {"Dropdown": 1, "SelectionSlider": 1}
