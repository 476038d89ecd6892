"""What the tests of the chapters' demonstrations share: cells of a stored notebook, run here or in a live kernel.

A demonstration is a cell tagged `interactive` that calls `explore` on a drawing function. Its tests take the few cells
that it needs instead of the whole chapter: `sources` finds them by words that they hold, `namespace` executes them,
`draw` calls a drawing function and keeps its figure, `live_controls` runs the cells as a reader's kernel does.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable

import nbformat
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient
from nbclient.output_widget import OutputWidget

from course_book.paths import CHAPTERS, notebook_path

# What follows in a needed cell and is not needed.
REST = re.compile(r"^(examples = |every = |every_face = |choice = |states = |explore\().*", re.MULTILINE | re.DOTALL)


def code_cells(name: str) -> list[nbformat.NotebookNode]:
    """The code cells of a chapter's stored notebook, with their outputs."""
    return [cell for cell in nbformat.read(notebook_path(name), as_version=4).cells if cell.cell_type == "code"]


def sources(name: str, marks: Iterable[str]) -> list[str]:
    """The sources of the code cells that hold any of the marks, in the chapter's order; each mark must be found."""
    marks, cells = list(marks), code_cells(name)
    lost = [mark for mark in marks if not any(mark in cell.source for cell in cells)]
    assert not lost, f"no code cell of {name} holds {lost}"
    return [cell.source for cell in cells if any(mark in cell.source for mark in marks)]


def namespace(codes: Iterable[str]) -> dict:
    """All names that the cells define, executed in the folder of the chapters."""
    names: dict = {}
    with contextlib.chdir(CHAPTERS):
        for code in codes:
            exec(code, names)
    return names


def draw(space: dict, function: str, *settings: object) -> tuple[Figure, str]:
    """The figure and the caption that a drawing function shows for these settings: exactly one of each."""
    shown = []
    space["show"] = lambda made, caption, alt, name=None: shown.append((made, caption))
    with contextlib.chdir(CHAPTERS):
        space[function](*settings)
    assert len(shown) == 1, f"{function}{settings} shows {len(shown)} figures, not 1"
    return shown[0]


def without_rest(codes: Iterable[str]) -> list[str]:
    """Cells without what a demonstration does not need: tables, pictures, and the call that shows the controls."""
    return [REST.sub("", code) for code in codes]


def drawn(codes: Iterable[str], function: str, settings: Iterable[tuple]) -> tuple[dict, list[tuple[Figure, str]]]:
    """The names that cells define, and a drawing function's figure and caption for each of the settings."""
    names = namespace(codes)
    return names, [draw(names, function, *setting) for setting in settings]


def live_controls(needed: list[str], calls: list[str]) -> dict[str, int]:
    """Run cells in a live kernel, where every call of `explore` must show its controls and one picture.

    Args:
        needed: Sources that the demonstrations need.
        calls: Sources that call `explore`, once each.

    Returns:
        How many controls of each kind there are, such as {"Dropdown": 1, "FloatSlider": 2}.
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in [*needed, *calls]])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURSE_STATIC", raising=False)
        # nbclient sends each picture back to the kernel on the socket where it waits for the reply, and then sometimes
        # misses the reply until the timeout (a known fault). The kernel does not need the picture.
        patch.setattr(OutputWidget, "sync_state", lambda self: None)
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(CHAPTERS)}}).execute()
    for cell in notebook.cells[len(needed) :]:
        kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
        assert kinds.count("application/vnd.jupyter.widget-view+json") == 1, f"no controls below:\n{cell.source}"
    models = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    for model in models:
        if model["model_name"] == "OutputModel":
            shown = [kind for output in model["state"]["outputs"] for kind in output.get("data", {})]
            pictures = sum(kind.startswith("image/") for kind in shown)
            assert pictures == 1, f"a demonstration shows {pictures} pictures, not 1: {model['state']['outputs']}"
    kinds = Counter(model["model_name"].removesuffix("Model") for model in models)
    assert kinds["Output"] == len(calls), f"{kinds['Output']} places for pictures, {len(calls)} demonstrations"
    return {kind: count for kind, count in kinds.items() if kind.endswith(("Slider", "Dropdown", "Checkbox"))}
