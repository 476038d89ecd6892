"""Controls are live with a kernel; on a printed page every offered combination is a picture that was really drawn."""

from __future__ import annotations

import base64
import sys

import pytest
from ipywidgets import Checkbox, Dropdown, FloatSlider, HBox, IntSlider, Output, VBox

from course_lib.viz import BLUE, explore, figure, show


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What would be displayed: (positional arguments, keyword arguments) of each call."""
    calls: list[tuple] = []
    record = lambda *args, **kwargs: calls.append((args, kwargs))  # noqa: E731
    for name in ("display", "explore"):  # the module, which the package hides behind the function
        monkeypatch.setattr(sys.modules[f"course_lib.viz.{name}"], "display", record)
    return calls


def draw(rate: float, kind: str = "a") -> None:
    fig, ax = figure(width=2, height=1)
    ax.plot([0, rate], [0, ord(kind)], color=BLUE)
    show(fig, f"The rate is {rate:g} and the kind {kind}.", f"A line for rate {rate:g} and kind {kind}.")


def controls() -> dict:
    return {"rate": FloatSlider(0.3, min=0, max=1), "kind": Dropdown(options=["a", "b"], value="b")}


def test_without_states_the_page_shows_the_first_values_alone(shown, monkeypatch):
    monkeypatch.setenv("COURSE_STATIC", "1")
    explore(draw, **controls())
    (args, kwargs), _ = shown
    assert args[0]["text/plain"] == "[figure] A line for rate 0.3 and kind b."
    assert kwargs["metadata"]["course"]["states"] == []


def test_every_combination_is_drawn_and_the_first_values_come_first(shown, monkeypatch):
    monkeypatch.setenv("COURSE_STATIC", "1")
    explore(draw, states={"rate": [0.1, 0.9], "kind": ["a", "b"]}, **controls())
    course = shown[0][1]["metadata"]["course"]
    assert course["controls"] == [
        {"name": "rate", "values": ["0.1", "0.3", "0.9"]},
        {"name": "kind", "values": ["a", "b"]},
    ]
    assert course["begin"] == [1, 1]
    assert course["caption"] == "The rate is 0.3 and the kind b."
    assert [state["at"] for state in course["states"]] == [[r, k] for r in range(3) for k in range(2)]
    by_place = {tuple(state["at"]): state for state in course["states"]}
    assert by_place[2, 0]["caption"] == "The rate is 0.9 and the kind a."
    assert by_place[2, 0]["alt"] == "A line for rate 0.9 and kind a."
    data = {state["data"] for state in course["states"]}
    assert len(data) == 6
    assert base64.b64decode(by_place[1, 1]["data"]) == shown[0][0][0]["image/png"]


def test_a_checkbox_is_yes_or_no_on_the_page(shown, monkeypatch):
    monkeypatch.setenv("COURSE_STATIC", "1")
    explore(lambda blur: draw(float(blur)), states={"blur": [False, True]}, blur=Checkbox(True))
    course = shown[0][1]["metadata"]["course"]
    assert course["controls"] == [{"name": "blur", "values": ["no", "yes"]}]
    assert course["begin"] == [1]
    assert len(shown) == 2  # one picture and its caption for notebooks


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ({"speed": [1]}, "states has 'speed', but the controls are rate, kind"),
        ({"rate": [n / 25 for n in range(25)], "kind": ["a", "b"]}, "combinations, the page offers at most 24"),
    ],
)
def test_states_that_cannot_be_offered_are_refused(shown, monkeypatch, states, message):
    monkeypatch.setenv("COURSE_STATIC", "1")
    with pytest.raises(ValueError, match=message):
        explore(draw, states=states, **controls())
    assert shown == []


def test_a_drawing_function_that_shows_nothing_is_refused(shown, monkeypatch):
    monkeypatch.setenv("COURSE_STATIC", "1")
    with pytest.raises(ValueError, match=r"must show one figure, not 0, for \{'n': 3\}"):
        explore(lambda n: None, n=IntSlider(3))


def test_explore_live_redraws_when_a_control_changes(shown, monkeypatch):
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    drawn = []
    rate, momentum = FloatSlider(0.3, min=0, max=1), FloatSlider(0.9, min=0, max=1, description="memory")

    def draw(learning_rate: float, momentum: float) -> None:
        drawn.append((learning_rate, momentum))

    explore(draw, learning_rate=rate, momentum=momentum)
    assert drawn == [(0.3, 0.9)]
    rate.value = 0.5
    momentum.value = 0.1
    assert drawn == [(0.3, 0.9), (0.5, 0.9), (0.5, 0.1)]
    assert (rate.description, momentum.description) == ("learning rate", "memory")
    assert rate.continuous_update is False
    box = shown[0][0][0]
    assert isinstance(box, VBox)
    controls, output = box.children
    assert isinstance(controls, HBox)
    assert controls.children == (rate, momentum)
    assert isinstance(output, Output)
