"""Chapter 3's stepper draws every step of every graph, and a live kernel shows its widgets."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

from course_book.paths import CHAPTERS, notebook_path

NAME = "03_neural_networks"
MARKS = ("pin(0, ", "def sum_times", "def step_through")
SIZES = {"a neuron with a sigmoid": 10, "(x + y) z": 5, "t² σ(t), t used twice": 4}


def cells():
    return [cell for cell in nbformat.read(notebook_path(NAME), as_version=4).cells if cell.cell_type == "code"]


def needed():
    return [cell.source for cell in cells() if any(mark in cell.source for mark in MARKS)]


@pytest.fixture(scope="module")
def stepper():
    space: dict = {}
    for source in needed():
        exec(source, space)
    return space


@pytest.mark.parametrize("expression", SIZES)
@pytest.mark.parametrize("step", range(11))
def test_each_step_shows_one_gradient_more_and_all_values(stepper, expression, step):
    shown = []
    stepper["show"] = lambda made, caption, alt, name=None: shown.append((made, caption))
    stepper["step_through"](expression, step)
    ((made, caption),) = shown
    nodes, done = SIZES[expression], min(step, SIZES[expression])
    assert f"{expression}: {done} of {nodes} backward steps" in caption
    texts = made.axes[0].texts
    assert sum(text.get_va() == "bottom" for text in texts) == nodes
    assert sum(text.get_va() == "top" for text in texts) == done


def test_the_last_step_shows_the_gradients_of_the_chapter(stepper):
    shown = []
    stepper["show"] = lambda made, caption, alt, name=None: shown.append(made)
    stepper["step_through"]("(x + y) z", 5)
    below = sorted(text.get_text() for text in shown[0].axes[0].texts if text.get_va() == "top")
    assert below == sorted(["1", "-4", "3", "-4", "-4"])


def test_shows_live_widgets(monkeypatch):
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    interactive = [cell.source for cell in cells() if "interactive" in cell.metadata.get("tags", [])]
    sources = [*needed(), *interactive]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(CHAPTERS)}}).execute()
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    names = [state["model_name"] for state in states]
    assert names.count("IntSliderModel") == names.count("DropdownModel") == 1
    pictures = [o for s in states if s["model_name"] == "OutputModel" for o in s["state"]["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in pictures), "the widgets show no picture"
