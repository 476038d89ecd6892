"""Chapter 3's stepper draws every step of every graph, and a live kernel shows its widgets."""

from __future__ import annotations

import pytest

from .demonstrations import draw, live_controls, namespace, sources

NAME = "03_neural_networks"
MARKS = ("pin(0", "def sum_times", "def step_through")
SIZES = {"a neuron with a sigmoid": 10, "(x + y) z": 5, "t² σ(t), t used twice": 4}


@pytest.fixture(scope="module")
def stepper():
    return namespace(sources(NAME, MARKS))


@pytest.mark.parametrize("expression", SIZES)
@pytest.mark.parametrize("step", range(11))
def test_each_step_shows_one_gradient_more_and_all_values(stepper, expression, step):
    made, caption = draw(stepper, "step_through", expression, step)
    nodes, done = SIZES[expression], min(step, SIZES[expression])
    assert f"{expression}: {done} of {nodes} backward steps" in caption
    texts = made.axes[0].texts
    assert sum(text.get_va() == "bottom" for text in texts) == nodes
    assert sum(text.get_va() == "top" for text in texts) == done


def test_the_last_step_shows_the_gradients_of_the_chapter(stepper):
    made, _ = draw(stepper, "step_through", "(x + y) z", 5)
    below = sorted(text.get_text() for text in made.axes[0].texts if text.get_va() == "top")
    assert below == sorted(["1", "-4", "3", "-4", "-4"])


def test_shows_live_widgets():
    controls = live_controls(sources(NAME, MARKS), sources(NAME, ["explore("]))
    assert controls == {"Dropdown": 1, "IntSlider": 1}
