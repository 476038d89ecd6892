"""The sliders: their drawing functions work for any setting, and a live kernel shows the widgets."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

from course_book.paths import CHAPTERS, all_chapters, notebook_path


def cells_of(name):
    return [cell for cell in nbformat.read(notebook_path(name), as_version=4).cells if cell.cell_type == "code"]


def is_interactive(cell):
    return "interactive" in cell.metadata.get("tags", [])


NUMBERED = [name for name in all_chapters() if name[:2].isdigit()]


@pytest.mark.parametrize("name", NUMBERED)
def test_every_chapter_has_a_demonstration_with_a_static_picture(name):
    interactive = [cell for cell in cells_of(name) if is_interactive(cell)]
    assert interactive
    for cell in interactive:
        assert "explore(" in cell.source
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), "no picture for the page"
        assert not any("widget" in kind for output in cell.outputs for kind in output.get("data", {}))


def needed(name, *marks):
    """The sources of the cells that hold the given words, in order."""
    return [cell.source for cell in cells_of(name) if any(mark in cell.source for mark in marks)]


MARKS = ("pin(0)", "point = lambda", "def descend")


@pytest.mark.parametrize("landscape", ["long valley", "banana", "saddle"])
@pytest.mark.parametrize(("rate", "momentum"), [(0.001, 0.0), (0.03, 0.8), (0.1, 0.98)])
def test_chapter_2_draws_every_setting(monkeypatch, landscape, rate, momentum):
    """Also the settings at which the walk flies apart."""
    monkeypatch.chdir(CHAPTERS)
    space: dict = {}
    for source in needed("02_optimization", *MARKS):
        exec(source, space)
    shown = []
    space["show"] = lambda made, caption, alt, name=None: shown.append((made, caption))
    space["descend"](landscape, rate, momentum)
    ((made, caption),) = shown
    assert landscape in caption
    assert f"momentum {momentum:g}" in caption
    path = made.axes[0].lines[0].get_xydata()
    assert path.shape == (61, 2)


def test_chapter_2_shows_live_sliders(monkeypatch):
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    sources = needed("02_optimization", *MARKS)
    sources += [cell.source for cell in cells_of("02_optimization") if is_interactive(cell)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(CHAPTERS)}}).execute()
    kinds = {kind for output in notebook.cells[-1].outputs for kind in output.get("data", {})}
    assert "application/vnd.jupyter.widget-view+json" in kinds
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    names = [state["model_name"] for state in states]
    assert names.count("FloatSliderModel") == 2
    pictures = [o for s in states if s["model_name"] == "OutputModel" for o in s["state"]["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in pictures), "the sliders show no picture"
