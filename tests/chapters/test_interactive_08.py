"""Chapter 8's two demonstrations draw every setting, and a live kernel shows their controls."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

from course_book.paths import CHAPTERS, notebook_path

NAME = "08_texture_and_style"
MARKS = ("pin(0)", "def crop(", "stored = {", "def copied(", "def grow(", "def repainted(", "def transfer(")


def cells():
    return [cell for cell in nbformat.read(notebook_path(NAME), as_version=4).cells if cell.cell_type == "code"]


def needed():
    """The sources that the demonstrations need: imports, the stored pictures, the drawing functions."""
    return [cell.source for cell in cells() if any(mark in cell.source for mark in MARKS)]


@pytest.fixture(scope="module")
def space():
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHAPTERS)
        for source in needed():
            exec(source, names)
    return names


def drawn(space, function, *settings):
    shown = []
    space["show"] = lambda made, caption, alt, name=None: shown.append((made, caption))
    space[function](*settings)
    ((made, caption),) = shown
    return made, caption


@pytest.mark.parametrize("name", ["gravel", "brick", "grass"])
@pytest.mark.parametrize("window", [5, 11, 23])
def test_every_window_is_drawn(space, name, window):
    made, caption = drawn(space, "grow", name, window)
    assert f"{name} grown with a window of {window} pixels" in caption
    sample, grown = (ax.images[0].get_array() for ax in made.axes)
    assert sample.shape == grown.shape == (64, 64)
    assert (sample[32 - window // 2, 32 - window // 2 : 32 + window // 2 + 1] == 1).all()  # the window is marked


@pytest.mark.parametrize("subject", ["astronaut", "chelsea"])
@pytest.mark.parametrize("style", ["brick", "gravel"])
@pytest.mark.parametrize("weight", [0.03, 0.2, 1.0, 5.0])
def test_every_weight_is_drawn_with_its_losses(space, subject, style, weight):
    made, caption = drawn(space, "transfer", subject, style, weight)
    numbers = space["card"]["pictures"][f"style_{subject}_{style}_{weight}"]
    assert f"weight {weight:g}: content loss {numbers['content']:.3f}, style loss {numbers['style']:.3f}" in caption
    content, painted, _ = (ax.images[0].get_array() for ax in made.axes)
    assert content.shape == painted.shape == (128, 128, 3)
    assert abs(content - painted).max() > 0.05


def test_the_stored_pictures_have_the_losses_of_the_card(space):
    texture, crop = space["texture"], space["crop"]
    features = texture.RandomFilters(channels=1)
    for name in ("gravel", "brick"):
        loss = texture.texture_loss(features, texture.gram_matrix, crop(name, 128))
        found, wanted = float(loss(space["stored"][f"gram_{name}"])), space["card"]["pictures"][f"gram_{name}"]["loss"]
        assert found == pytest.approx(wanted, rel=0.1)  # the pictures are rounded to bytes


def test_live_controls(monkeypatch):
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    interactive = [cell.source for cell in cells() if "interactive" in cell.metadata.get("tags", [])]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in [*needed(), *interactive]])
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(CHAPTERS)}}).execute()
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    names = [state["model_name"] for state in states]
    assert names.count("DropdownModel") == 3
    assert names.count("SelectionSliderModel") == 2
    pictures = [o for s in states if s["model_name"] == "OutputModel" for o in s["state"]["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in pictures) == 2
