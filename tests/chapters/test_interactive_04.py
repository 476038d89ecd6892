"""Chapter 4's four demonstrations draw every setting, show what they say, and appear as live controls."""

from __future__ import annotations

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from course_book.paths import CHAPTERS, notebook_path

NAME = "04_representing_visual_data"
IMPORTS = ("import zlib", "pin(0)")
NEEDED = {
    "draw_subsampled": ("plate = ",),
    "draw_window": ("pair = motorcycle(2)", "costs = {"),
    "focus_on": ("cameras = light_field.camera_grid(9)", "def focus_on("),
    "mesh_studio": ("ring = voxels.torus_field", "def portrait(", "def mesh_studio("),
}


def cells():
    return [cell for cell in nbformat.read(notebook_path(NAME), as_version=4).cells if cell.cell_type == "code"]


def sources(function):
    """The cells that a demonstration needs: imports, its data, its drawing function."""
    marks = (*IMPORTS, *NEEDED[function])
    kept = []
    for cell in cells():
        if any(mark in cell.source for mark in marks):
            kept.append(cell.source)
        elif "interactive" in cell.metadata.get("tags", []) and f"def {function}" in cell.source:
            kept.append(cell.source.split("\nchoice =")[0].split("\nexplore(")[0])
    return kept


@pytest.fixture
def drawn(monkeypatch):
    """Runs one demonstration with given settings and returns its figures and captions."""
    monkeypatch.chdir(CHAPTERS)

    def run(function, settings):
        names: dict = {"bike_mesh": torch.zeros(1, 3), "bike_faces": torch.zeros(1, 3, dtype=torch.int64)}
        shown: list = []
        for source in sources(function):
            if "ring = voxels.torus_field" in source:  # the mesh, without the table that follows
                source = source.split("examples = ")[0]
            elif "def portrait(" in source:
                source = source.split("every = ")[0]
            exec(source, names)
        names["show"] = lambda made, caption, alt, name=None: shown.append((made, caption))
        for setting in settings:
            names[function](*setting)
        return names, shown

    return run


def picture(made, axis=0):
    return torch.as_tensor(made.axes[axis].images[0].get_array())


def test_aliasing_every_setting(drawn):
    settings = [(p, f, b) for p in ("brick", "zone plate", "camera") for f in (1, 6, 12) for b in (False, True)]
    _, shown = drawn("draw_subsampled", settings)
    assert len(shown) == len(settings)
    for (name, factor, blur), (_, caption) in zip(settings, shown, strict=True):
        assert name in caption
        assert f"{factor}th" in caption
        assert ("without" in caption) != blur
    plain, soft = (picture(shown[settings.index(("zone plate", 6, b))][0]) for b in (False, True))
    assert plain.std() > 1.5 * soft.std(), "without blur the plate's fine rings come back as false ones"


def test_window_size_every_setting(drawn):
    names, shown = drawn("draw_window", [(size, cost) for cost in ("SAD", "census 5 x 5") for size in (1, 5, 31)])
    rates = [float(caption.split(": ")[1].split(" %")[0]) for _, caption in shown]
    assert rates[1] < rates[0]
    assert rates[4] < min(rates[3], rates[5]), "neither single pixels nor huge windows"
    assert list(names["costs"]) == ["SAD", "census 5 x 5"]


def test_focus_every_setting(drawn):
    settings = [(d, n) for n in (1, 3, 9) for d in (0.0, 1.1, 2.4)]
    names, shown = drawn("focus_on", settings)
    for (d, n), (_, caption) in zip(settings, shown, strict=True):
        assert f"disparity {d:.1f} with {n} x {n} cameras" in caption
    pinhole = [picture(made) for made, _ in shown[:3]]
    torch.testing.assert_close(pinhole[0], pinhole[2], msg="one camera has no focus")
    cup = names["inner"][1.1] if "inner" in names else (names["exact_d"] - 1.1).abs() < 0.1
    far, near = (
        (picture(shown[settings.index((d, 9))][0]) - pinhole[1]).abs()[cup].mean() for d in (0.0, 1.1)
    )
    assert near < 0.5 * far, "focused on the cup, the cup is sharp"


def test_mesh_studio_every_setting(drawn):
    settings = [(m, s, n) for m in ("Laplacian", "Taubin") for s in (0, 40, 200) for n in (0.0, 0.06)]
    _, shown = drawn("mesh_studio", settings)
    shares = [float(caption.split(": ")[1].split(" %")[0]) for _, caption in shown]
    left = dict(zip(settings, shares, strict=True))
    assert left["Laplacian", 0, 0.0] == left["Taubin", 0, 0.0] == 100
    assert left["Laplacian", 200, 0.0] < 60
    assert abs(left["Taubin", 40, 0.0] - 100) < 3


@pytest.mark.parametrize("function", NEEDED)
def test_live_controls(function, monkeypatch):
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    code = sources(function)
    code = [c.split("examples = ")[0] if "ring = voxels" in c else c for c in code]
    code = [c.split("every = ")[0] if "def portrait(" in c else c for c in code]
    call = next(c.source for c in cells() if f"explore({function}" in c.source)
    call = "choice =" + call.split("\nchoice =")[1] if "\nchoice =" in call else "explore(" + call.split("explore(")[1]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in [*code, call]])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(CHAPTERS)}}).execute()
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    controls = [s["model_name"] for s in states if "Slider" in s["model_name"] or "Dropdown" in s["model_name"]]
    assert len([c for c in controls if c.endswith(("SliderModel", "DropdownModel"))]) >= 2
    pictures = [o for s in states if s["model_name"] == "OutputModel" for o in s["state"]["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in pictures), "the controls show no picture"
