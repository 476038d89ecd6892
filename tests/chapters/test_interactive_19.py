"""Chapter 19's demonstrations: neighbours by a method, and pictures with a share of their patches hidden."""

from __future__ import annotations

import numpy as np
import pytest

from .demonstrations import draw, live_controls, namespace, sources

NAME = "19_representation_learning"
NEEDED = ("pin(0)", "model_simclr = load", "SEEN = {", "QUERIES = []", "def masked(", "def neighbours(")
CONTROLS = ("explore(masked", "METHODS, NUMBERS")


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, NEEDED))


@pytest.mark.parametrize("share", [50, 75, 90])
def test_as_many_patches_are_grey_as_the_slider_says(space, share):
    made, caption = draw(space, "masked", share)
    assert f"{share} %" in caption
    given = np.asarray(made.axes[0].images[0].get_array()).reshape(8, 4, 8, 4, 3)
    grey = (given == 0.5).all((1, 3, 4)).sum()
    assert grey == 64 - int(64 * (1 - share / 100))
    truth = np.asarray(made.axes[6].images[0].get_array()).reshape(8, 4, 8, 4, 3)
    kept = ~(given == 0.5).all((1, 3, 4))
    assert np.array_equal(given.transpose(0, 2, 1, 3, 4)[kept], truth.transpose(0, 2, 1, 3, 4)[kept])


@pytest.mark.parametrize("method", ["pixels", "untrained network", "context encoder", "colourisation", "MAE", "SimCLR"])
def test_neighbours_are_the_nearest_of_all_others(space, method):
    made, caption = draw(space, "neighbours", method, 2)
    assert method in caption
    query = space["QUERIES"][1]
    shown = [np.asarray(ax.images[0].get_array()) for ax in made.axes]
    assert np.array_equal(shown[0], space["channels_last"](space["test"].images[query : query + 1])[0])
    cosine = space["space"][method] @ space["space"][method][query]
    cosine[query] = -2
    for picture, index in zip(shown[1:], cosine.argsort(descending=True)[:5], strict=True):
        assert np.array_equal(picture, space["channels_last"](space["test"].images[index : index + 1])[0])


def test_live_sliders():
    found = live_controls(sources(NAME, NEEDED), sources(NAME, CONTROLS))
    assert found == {"SelectionSlider": 3}
