"""Chapter 20's demonstration: each step of the tour shows the field from its own place."""

from __future__ import annotations

import numpy as np
import pytest

from .demonstrations import draw, live_controls, namespace, sources

NAME = "20_neural_fields"
TOUR = ("pin(0)", "SIZE, PASSES = ", "def walking(")
CONTROLS = ("TURNS = ",)


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, TOUR))


@pytest.mark.parametrize("degrees", [0, 90, 330])
def test_each_place_shows_its_own_picture_and_depth(space, degrees):
    made, caption = draw(space, "walking", degrees)
    assert f"{degrees}°" in caption
    k = degrees // 30
    assert np.allclose(made.axes[0].images[0].get_array(), space["tour_pictures"][k])
    assert np.allclose(made.axes[1].images[0].get_array(), space["tour_depths"][k])


def test_the_tour_resembles_the_world_from_the_same_places(space):
    truth = space["posed_pixels"](space["world"], space["tour"])[1].view_as(space["tour_pictures"])
    error = (space["tour_pictures"] - truth).square().mean((1, 2, 3))
    assert float((-10 * error.log10()).min()) > 23
    turned = (space["tour_pictures"] - truth.roll(1, 0)).square().mean((1, 2, 3))
    assert (turned > 3 * error).all()  # a place's neighbour is another picture


def test_live_sliders():
    assert live_controls(sources(NAME, TOUR), sources(NAME, CONTROLS)) == {"SelectionSlider": 1}
