"""Chapter 12's demonstration: the strip shows the clip as it is treated, and the words below say what networks say."""

from __future__ import annotations

import numpy as np
import pytest

from .demonstrations import draw, live_controls, namespace, sources

NAME = "12_video_understanding"
WATCH = ("pin(0)", "def learn(", "makers = {", "def watch(")
CONTROLS = ("explore(watch",)


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, WATCH))


def frames(made):
    return np.stack([ax.images[0].get_array() for ax in made.axes[:6]])


def test_the_strip_is_the_clip_in_the_order_asked_for(space):
    plain, backwards, held = (frames(draw(space, "watch", "left", how)[0])
                              for how in ("as it is", "backwards", "first frame, held"))  # fmt: skip
    assert np.array_equal(backwards, plain[::-1])
    assert np.array_equal(held, np.repeat(plain[:1], 6, 0))
    assert not np.array_equal(plain[0], plain[1])


@pytest.mark.parametrize("way", ["right", "left", "down", "up"])
def test_networks_that_compare_frames_are_right_and_turn_with_the_clip(space, way):
    other = {"right": "left", "left": "right", "down": "up", "up": "down"}[way]
    for how, said in (("as it is", way), ("backwards", other)):
        _, caption = draw(space, "watch", way, how)
        assert f"early {said}" in caption
        assert f"slow {said}" in caption


def test_the_average_does_not_notice_that_a_clip_is_backwards(space):
    bars = [[bar.get_width() for bar in draw(space, "watch", "up", how)[0].axes[7].patches]
            for how in ("as it is", "backwards")]  # fmt: skip
    np.testing.assert_allclose(*bars, atol=1e-5)


def test_live_controls():
    assert live_controls(sources(NAME, WATCH), sources(NAME, CONTROLS)) == {"Dropdown": 2}
