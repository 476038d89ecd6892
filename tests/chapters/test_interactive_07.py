"""Chapter 7's two demonstrations draw every setting rightly, and a live kernel shows their controls."""

from __future__ import annotations

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from course_book.paths import CHAPTERS, notebook_path
from course_lib.data.scenes import CLASSES

NAME = "07_understanding_cnns"
MARKS = ("import skimage.data", "pin(0)", 'net = load_checkpoint("scene_classifier"', "def in_colour(", "def evidence(",
         "def attack(",
         "right = net(drawn.image)")  # fmt: skip


def cells():
    return [cell for cell in nbformat.read(notebook_path(NAME), as_version=4).cells if cell.cell_type == "code"]


def needed():
    """The sources that the demonstrations need: imports, networks, scenes, helpers, the two drawing functions."""
    return [cell.source for cell in cells() if any(mark in cell.source for mark in MARKS)]


@pytest.fixture(scope="module")
def space():
    names: dict = {}
    for source in needed():
        exec(source, names)
    return names


@pytest.fixture
def drawn(space):
    shown = []
    space["show"] = lambda made, caption, alt, name=None: shown.append((made, caption))
    return shown


@pytest.mark.parametrize("name", CLASSES)
def test_the_votes_of_every_class_average_to_its_score(space, drawn, name):
    space["evidence"](name)
    ((made, caption),) = drawn
    assert f"vote for {name}" in caption
    votes = torch.as_tensor(made.axes[1].images[0].get_array())
    k = CLASSES.index(name)
    score = made.axes[2].patches[k].get_width()
    bias = float(space["net"].head.bias[k].detach())
    # Enlarging weighs the outermost places a little less, so the means agree only nearly.
    assert abs(float(votes.mean()) + bias - score) < 0.05 * float(votes.abs().max())
    assert f"score is {score:.1f}" in caption


def test_a_class_in_the_picture_has_its_strongest_vote_on_its_object(space, drawn):
    first = space["inhabitants"][0]
    assert len(space["inhabitants"]) == 3
    best = max(CLASSES, key=lambda n: float(space["net"](space["shown"])[0, CLASSES.index(n)]))
    assert best in space["inhabitants"], (best, first)


@pytest.mark.parametrize("eps", [0, 0.5, 4, 24])
def test_every_epsilon_changes_each_value_by_at_most_that(space, drawn, eps):
    space["attack"](eps)
    ((made, caption),) = drawn
    assert f"changed by {eps:g}/255" in caption
    original, attacked = (torch.as_tensor(made.axes[i].images[0].get_array()) for i in (0, 2))
    size = float((attacked - original).abs().max())
    assert size == pytest.approx(eps / 255, abs=1e-4)
    bars = [patch.get_width() for patch in made.axes[3].patches]
    assert sum(bars[:10]) == pytest.approx(1, abs=1e-4)
    assert sum(bars[10:]) == pytest.approx(1, abs=1e-4)
    if eps == 0:
        assert bars[:10] == bars[10:]
        assert f"says {CLASSES[int(space['y'][5])]} " in caption
    if eps == 4:
        assert bars[10 + int(space["y"][5])] < bars[int(space["y"][5])]


def test_live_controls(monkeypatch):
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    interactive = [cell.source for cell in cells() if "interactive" in cell.metadata.get("tags", [])]
    assert len(interactive) == 2
    sources = [*needed(), *interactive]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(CHAPTERS)}}).execute()
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    names = [state["model_name"] for state in states]
    assert names.count("DropdownModel") == 1
    assert names.count("FloatSliderModel") == 1
    pictures = [o for s in states if s["model_name"] == "OutputModel" for o in s["state"]["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in pictures) == 2
