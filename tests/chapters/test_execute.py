"""Executing a chapter stores a normalised notebook, twice the same, and refuses errors and warnings."""

from __future__ import annotations

import json

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

    def run(*codes: str):
        (tmp_path / "text" / "99_small.md").write_text(HEAD + "".join(map(cell, codes)))
        execute.execute("99_small")
        return tmp_path / "99_small.ipynb"

    return run


FIGURE = "from course_lib.viz import figure, show\nfig, ax = figure()\nax.plot([1, 2])\n"
FIGURE += "show(fig, 'A line that goes up.', alt='A straight line that goes up.')"


def test_two_executions_give_the_same_bytes(small):
    codes = ["x = 1", "print(x)", "print(x)", FIGURE, "from course_lib.viz import table\ntable([[1, 2]], ['a', 'b'])"]
    first = small(*codes).read_bytes()
    assert small(*codes).read_bytes() == first
    stored = nbformat.reads(first.decode(), as_version=4)
    assert stored.cells[2].outputs[0].text == "1\n"
    assert len({c.id for c in stored.cells}) == len(stored.cells)
    assert "course_lib.viz.display" in stored.metadata["course"]["modules"]


def test_measured_figures_are_kept_until_they_move(small, tmp_path):
    small("print(1)")
    table = json.loads((tmp_path / "measured.json").read_text())
    assert 0 < table["99_small"]["seconds"] < 60
    assert 0.01 < table["99_small"]["peak_gib"] < 4
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
