"""Executing a chapter stores a normalised notebook, twice the same, and refuses errors and warnings."""

from __future__ import annotations

import json
import os

import nbformat
import pytest

from course_book import execute, paths

HEAD = "---\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n\n# Title\n\n"


def cell(code: str) -> str:
    return f"```{{code-cell}} ipython3\n{code}\n```\n\n"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A function that writes and executes a chapter of a few cells."""
    (tmp_path / "text").mkdir()
    monkeypatch.setattr(paths, "CHAPTERS", tmp_path)
    monkeypatch.setattr(paths, "TEXTS", tmp_path / "text")
    monkeypatch.setattr(execute, "MEASURED", tmp_path / "measured.json")

    def run(*codes: str, prose: str = "", again: bool = False):
        (tmp_path / "text" / "99_small.md").write_text(HEAD + prose + "".join(map(cell, codes)))
        run.measured = execute.store("99_small", again)
        return tmp_path / "99_small.ipynb"

    return run


FIGURE = "from course_lib.viz import figure, show\nfig, ax = figure()\nax.plot([1, 2])\n"
FIGURE += "show(fig, 'A line that goes up.', alt='A straight line that goes up.')"


def test_two_executions_give_the_same_bytes(small):
    codes = ["x = 1", "print(x)", "print(x)", FIGURE, "from course_lib.viz import table\ntable([[1, 2]], ['a', 'b'])"]
    first = small(*codes).read_bytes()
    assert small(*codes, again=True).read_bytes() == first
    stored = nbformat.reads(first.decode(), as_version=4)
    assert stored.cells[2].outputs[0].text == "1\n"
    assert len({c.id for c in stored.cells}) == len(stored.cells)
    assert stored.metadata["course"] == {"digest": execute.digest(codes)}


def test_measured_figures_are_kept_until_they_move(small, tmp_path):
    ballast = b"x" * 2**30  # what the program that runs a notebook holds is not the notebook's
    small("print(1)")
    del ballast
    table = json.loads((tmp_path / "measured.json").read_text())
    assert 0 < table["99_small"]["seconds"] < 60
    assert 0.01 < table["99_small"]["peak_gib"] < 1
    before = (tmp_path / "measured.json").read_bytes()
    execute._record("99_small", {key: 1.1 * value for key, value in table["99_small"].items()})
    assert (tmp_path / "measured.json").read_bytes() == before
    execute._record("99_small", {key: 1.5 * value for key, value in table["99_small"].items()})
    assert (tmp_path / "measured.json").read_bytes() != before


def test_a_raising_cell_stores_nothing(small, tmp_path):
    with pytest.raises(RuntimeError, match=r"cell 1 of 99_small raised(.|\n)*ZeroDivisionError"):
        small("1 / 0")
    assert not (tmp_path / "99_small.ipynb").exists()


def test_a_warning_stores_nothing(small, tmp_path):
    with pytest.raises(ValueError, match=r"wrote to stderr, so nothing was stored: .*careful"):
        small("import warnings; warnings.warn('careful')")
    assert not (tmp_path / "99_small.ipynb").exists()


DRAW = "import random; print(random.random())"


def test_prose_alone_executes_nothing(small, monkeypatch):
    """A random number shows whether a cell ran."""
    first = nbformat.read(small("x = 1", DRAW), as_version=4)
    assert small.measured["seconds"] > 0
    second = nbformat.read(small("x = 1", DRAW, prose="More words.\n\n"), as_version=4)
    assert small.measured == {}
    assert "More words." in second.cells[0].source + second.cells[1].source
    assert second.cells[-1].outputs == first.cells[-1].outputs
    assert second.cells[-1].execution_count == first.cells[-1].execution_count


CHANGES = {
    "code": lambda run, patch: run("x = 2", DRAW),
    "the order of the cells": lambda run, patch: run(DRAW, "x = 1"),
    "a further cell": lambda run, patch: run("x = 1", DRAW, "y = 1"),
    "force": lambda run, patch: run("x = 1", DRAW, again=True),
    "the library": lambda run, patch: (patch.setattr(execute, "digest", lambda sources: "new"), run("x = 1", DRAW)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_everything_else_executes(small, what, monkeypatch):
    before = nbformat.read(small("x = 1", DRAW), as_version=4).cells[-1].outputs[0].text
    CHANGES[what](small, monkeypatch)
    assert small.measured["seconds"] > 0
    stored = nbformat.read(execute.notebook_path("99_small"), as_version=4)
    assert all(before != output.text for cell in stored.cells for output in cell.get("outputs", []))


def test_a_cell_that_was_not_executed_is_executed(small):
    path = small("x = 1", DRAW)
    stored = nbformat.read(path, as_version=4)
    stored.cells[-1].execution_count = None
    nbformat.write(stored, path)
    small("x = 1", DRAW)
    assert small.measured["seconds"] > 0


@pytest.mark.parametrize("home", ["/proc/nothing", "personal"])
def test_no_home_folder_reaches_a_chapter(small, tmp_path, monkeypatch, home):
    """Neither one that nobody may write nor one whose start-up files change what is printed."""
    folder = tmp_path / "personal" / ".ipython" / "profile_default" / "startup"
    folder.mkdir(parents=True)
    (folder / "00.py").write_text("import builtins; builtins.print = lambda *words: None; word = 'theirs'")
    monkeypatch.setenv("HOME", home if home.startswith("/") else str(tmp_path / home))
    for name in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, "/proc/nothing")
    stored = nbformat.read(small(FIGURE, "print('word' in dir())"), as_version=4)
    assert stored.cells[-1].outputs[0].text == "False\n"
    assert os.environ["MPLCONFIGDIR"] == "/proc/nothing", "the variables are not put back"
