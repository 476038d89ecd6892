"""Reading notebooks and building submissions: only sources of solution cells change, and errors are one line."""

from __future__ import annotations

import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_grader.notebooks import build_submission, read_notebook, solution_sources, write_notebook

FILLED = """def f():
    ### BEGIN SOLUTION
    return 1
    ### END SOLUTION"""
WRONG_CELLS = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}


def release():
    def meta(name, solution):
        return {"nbgrader": {"grade_id": name, "solution": solution, "grade": not solution, "schema_version": 3}}

    return new_notebook(
        cells=[
            new_markdown_cell("text", id="text"),
            new_code_cell(FILLED, id="f", metadata=meta("f", True)),
            new_code_cell("assert f() == 1", id="test_f", metadata=meta("test_f", False)),
            new_code_cell("g = 0", id="g", metadata=meta("g", True)),
        ]
    )


def test_solution_sources_are_in_order_and_without_markers():
    assert solution_sources(release()) == {"f": "def f():\n    return 1\n", "g": "g = 0"}
    assert list(solution_sources(release())) == ["f", "g"]


def test_build_submission_changes_only_the_named_cells_of_a_copy():
    before = release()
    after = build_submission(before, {"g": "g = 7"})
    assert before == release()
    assert [cell.source for cell in after.cells] == [*(cell.source for cell in before.cells[:3]), "g = 7"]
    assert [cell.metadata for cell in after.cells] == [cell.metadata for cell in before.cells]


@pytest.mark.parametrize("name", ["test_f", "no_such_cell"])
def test_build_submission_refuses_what_is_no_solution_cell(name):
    with pytest.raises(ValueError, match=rf"no solution cell named {name}; there are f, g"):
        build_submission(release(), {name: "pass"})


def test_write_then_read(tmp_path):
    path = tmp_path / "new" / "folder" / "a.ipynb"
    write_notebook(release(), path)
    assert read_notebook(path) == release()


@pytest.mark.parametrize("content", ["", '{"cells": [', "[]", "{}", json.dumps(WRONG_CELLS), b"\xff\xfe\x00"])
def test_what_is_no_notebook_gives_one_line(tmp_path, content):
    path = tmp_path / "bad.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"bad\.ipynb is not a valid notebook: .+") as error:
        read_notebook(path)
    assert "\n" not in str(error.value)


def test_missing_file_and_old_format_give_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"^cannot read .*none\.ipynb: No such file or directory$"):
        read_notebook(tmp_path / "none.ipynb")
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "x"}, "worksheets": []}
    (tmp_path / "old.ipynb").write_text(json.dumps(old))
    with pytest.raises(ValueError, match="has notebook format 3, not 4"):
        read_notebook(tmp_path / "old.ipynb")
