"""Chapter 5's filter playground draws every setting, and a live kernel shows its controls."""

from __future__ import annotations

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from scipy import ndimage

from course_book.paths import CHAPTERS, notebook_path
from course_lib.data import photograph

NAME = "05_filters_and_pyramids"
KERNELS = ["Gaussian", "box", "sharpen", "Sobel", "spot", "line 90"]


def cells():
    return [cell for cell in nbformat.read(notebook_path(NAME), as_version=4).cells if cell.cell_type == "code"]


def playground():
    """The sources that the playground needs: imports, its filters, its drawing function."""
    marks = ("pin(0)", "PLAY = {", "def play(")
    return [cell.source for cell in cells() if any(mark in cell.source for mark in marks)]


@pytest.fixture
def space(monkeypatch):
    monkeypatch.chdir(CHAPTERS)
    names: dict = {}
    for source in playground():
        exec(source, names)
    return names


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("sigma", "border"), [(0.4, "constant"), (1.0, "wrap"), (6.0, "mirror")])
def test_every_setting_is_drawn(space, kernel, sigma, border):
    shown = []
    space["show"] = lambda made, caption, alt, name=None: shown.append((made, caption))
    space["play"](kernel, sigma, border)
    ((made, caption),) = shown
    assert kernel in caption
    assert f"sigma {sigma:g}, border {border}" in caption
    photo, answer, filtered = (ax.images[0].get_array() for ax in made.axes)
    assert photo.shape == filtered.shape == (128, 128)
    assert answer.max() > answer.min()


def test_all_kernels_are_offered_and_the_gaussian_is_the_gaussian(space):
    assert list(space["PLAY"]) == KERNELS
    photo = photograph("camera", 128)[None]
    ours = space["PLAY"]["Gaussian"](photo, 2.0, "mirror")[0, 0]
    theirs = torch.from_numpy(ndimage.gaussian_filter(photo[0, 0].numpy(), 2.0, mode="mirror"))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_live_controls(monkeypatch):
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    interactive = [cell.source for cell in cells() if "interactive" in cell.metadata.get("tags", [])]
    sources = [*playground(), *interactive]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(CHAPTERS)}}).execute()
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    names = [state["model_name"] for state in states]
    assert names.count("DropdownModel") == 2
    assert names.count("FloatSliderModel") == 1
    pictures = [o for s in states if s["model_name"] == "OutputModel" for o in s["state"]["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in pictures), "the controls show no picture"
