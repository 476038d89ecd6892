"""A student's own check says what the grader will ignore, and judges without it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from course_grader.check import check, find_release, report
from course_grader.ignored import ignored, released_name
from course_grader.notebooks import read_notebook
from course_grader.rebuild import read_submission

from .attacks.assignment import HONEST, NAME
from .attacks.submissions import cells
from .conftest import needs_sandbox

CODE = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}


def _import(notebook: dict) -> None:
    cells(notebook, "setup")[0]["source"] += "\nimport math"


def _easy_test(notebook: dict) -> None:
    cells(notebook, "add")[0]["source"] = "def add(a, b):\n    return 0"
    cells(notebook, "test_add_public")[0]["source"] = "assert True"


def _no_test(notebook: dict) -> None:
    cells(notebook, "add")[0]["source"] = "def add(a, b):\n    return 0"
    notebook["cells"].remove(cells(notebook, "test_add_public")[0])


def _helper(notebook: dict) -> None:
    notebook["cells"].insert(2, {**CODE, "id": "mine", "source": "def helper(a, b):\n    return a + b"})
    lines = "%matplotlib widget\nif True:\n    %pip install x\n"
    cells(notebook, "add")[0]["source"] = lines + "def add(a, b):\n    return helper(a, b)"


def _last(notebook: dict) -> None:
    notebook["cells"].append({**CODE, "id": "mine", "source": "notes = 1"})


def _nothing(notebook: dict) -> None:
    pass


CHANGED = "you have changed it, and the grader runs it as it was handed out, without your line"
PUT = "put your own code into a cell to be filled in"
RENAME = f"is not the name that was handed out: rename it to {NAME}.ipynb, or the grader has to guess"
CASES: list[tuple[Callable[[dict], None], str, str]] = [
    (_nothing, f"{NAME}.ipynb", ""),
    (_import, f"{NAME}.ipynb", f"cell setup: {CHANGED} 'import math'; {PUT}"),
    (_easy_test, f"{NAME}.ipynb", f"test test_add_public: {CHANGED} 'assert True'"),
    (
        _no_test,
        f"{NAME}.ipynb",
        "test test_add_public is not in your notebook: the grader runs it all the same, as it does here",
    ),
    (
        _helper,
        f"{NAME}.ipynb",
        "cell 3 is your own ('def helper(a, b):'): it runs with your code, but tests ignore the names that it "
        f"defines; {PUT}",
    ),
    (
        _last,
        f"{NAME}.ipynb",
        f"cell 15 is your own ('notes = 1'): the grader ignores it where it stands; {PUT}",
    ),
    (_nothing, f"{NAME} (1).ipynb", f"{NAME} (1).ipynb {RENAME}"),
    (_nothing, f"{NAME}-Copy1.ipynb", f"{NAME}-Copy1.ipynb {RENAME}"),
]


def write(folder: Path, root: Path, edit: Callable[[dict], None], name: str) -> Path:
    """A solved notebook with one habit."""
    notebook = json.loads((root / "release" / NAME / f"{NAME}.ipynb").read_text())
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = HONEST.get(grade_id, cell["source"])
    edit(notebook)
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(notebook))
    return folder / name


@pytest.mark.parametrize(("edit", "name", "line"), CASES)
def test_one_line_says_what_will_be_ignored(released, tmp_path, edit, name, line):
    path = write(tmp_path / "mine", released, edit, name)
    release = read_notebook(released / "release" / NAME / f"{NAME}.ipynb")
    assert ignored(release, read_submission(path), path, {}) == ([line] if line else [])


@needs_sandbox
def test_what_is_ignored_changes_no_points_and_is_reported(course):
    """An easy test, another that is gone, an import that the solution needs: judged as handed out."""

    def habits(notebook: dict) -> None:
        _import(notebook)
        _easy_test(notebook)
        _last(notebook)
        notebook["cells"].remove(cells(notebook, "test_center_public")[0])
        cells(notebook, "center")[0]["source"] = "def center(values):\n    return math.nan"
        cells(notebook, "label")[0]["source"] = "def label(n):\n    return f'item {math.floor(n)}'"

    checked = check(write(course / "mine", course, habits, f"{NAME}.ipynb"))
    statuses = {verdict.test: verdict.status for verdict in checked.verdicts}
    assert statuses["test_add_public"] == "failed"
    assert statuses["test_center_public"] == "error"
    assert len(checked.verdicts) == 6
    assert len(checked.remarks) == 4
    assert all(line in report(checked).splitlines() for line in checked.remarks)


@needs_sandbox
def test_a_cell_of_ones_own_runs_and_costs_nothing(course):
    checked = check(write(course / "mine", course, _helper, f"{NAME}.ipynb"))
    assert checked.points == 10


@needs_sandbox
def test_files_that_were_not_handed_out_are_not_there(course):
    def reads(notebook: dict) -> None:
        cells(notebook, "limit")[0]["source"] = "limit = float(open('mine.csv').read())"

    path = write(course / "mine", course, reads, f"{NAME}.ipynb")
    (path.parent / "mine.csv").write_text("0.5")
    (path.parent / "data.txt").write_text("18\n")
    checked = check(path)
    assert checked.remarks == [
        "data.txt: you have changed it, and the grader uses it as it was handed out",
        "not handed out with the assignment, so the grader does not have it: mine.csv",
    ]
    assert checked.points == 9


@needs_sandbox
def test_a_name_of_a_locked_cell_stays_the_released_one(course):
    """The grader's judge keeps its own check_equal, whatever a cell to be filled in defines."""

    def defines(notebook: dict) -> None:
        cells(notebook, "add")[0]["source"] = "def check_equal(*a):\n    pass\n\ndef add(a, b):\n    return 0"

    assert check(write(course / "mine", course, defines, f"{NAME}.ipynb")).points == 7 + 2  # hidden cases are not here


@needs_sandbox
def test_the_release_is_found_above_named_or_missed_in_one_line(course, tmp_path):
    path = write(tmp_path / "elsewhere", course, _easy_test, f"{NAME}.ipynb")
    assert find_release(path) is None
    assert find_release(course / "submitted" / "ann" / NAME / f"{NAME} (2).ipynb") == course / "release" / NAME / (
        f"{NAME}.ipynb"
    )
    named = check(path, course / "release" / NAME / f"{NAME}.ipynb")
    assert named.points == 9
    missed = check(path)
    assert missed.points == 10
    said = f"{NAME}.ipynb as it was handed out is not found, so only your own copy of the tests could be run"
    assert missed.remarks[0].startswith(said)
    assert "you have changed the cells test_add_public" in missed.remarks[2]
    assert report(missed).splitlines()[:3] == missed.remarks[:3]


@pytest.mark.parametrize("stem", ["a1", "a1 (1)", "a1-Copy1", "a1(2)", "a1-Copy1 (3)", "a1_copy"])
def test_names_of_copies(stem):
    assert released_name(stem) == "a1"
