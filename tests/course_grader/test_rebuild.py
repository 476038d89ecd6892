"""A submission can change the text of solution cells, and nothing else about what is graded."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_grader.rebuild import (
    LARGEST_SOURCE,
    MalformedSubmission,
    parse_submission,
    read_submission,
    rebuild,
    reduce,
)


def settings(grade_id: str, solution: bool, grade: bool = False, points: int | None = None) -> dict:
    values = {"grade_id": grade_id, "solution": solution, "grade": grade, "locked": not solution, "schema_version": 3}
    return {"nbgrader": values | ({"points": points} if points is not None else {})}


@pytest.fixture
def release() -> nbformat.NotebookNode:
    return new_notebook(
        cells=[
            new_markdown_cell("# Task"),
            new_code_cell("def f(x):\n    raise NotImplementedError", metadata=settings("f", True)),
            new_code_cell("assert f(1) == 2", metadata=settings("test_f", False, True, 3)),
            new_markdown_cell("Your answer", metadata=settings("answer", True, True, 5)),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def student(release: nbformat.NotebookNode) -> dict:
    """The release as a student hands it in: plain JSON, with both cells filled in."""
    notebook = json.loads(nbformat.writes(release))
    notebook["cells"][1]["source"] = ["def f(x):\n", "    return x + 1"]
    notebook["cells"][3]["source"] = "Because."
    return notebook


def wanted(release: nbformat.NotebookNode, f: str | None = None, answer: str | None = None) -> nbformat.NotebookNode:
    notebook = copy.deepcopy(release)
    for index, text in ((1, f), (3, answer)):
        if text is not None:
            notebook.cells[index].source = text
    return notebook


def test_sources_are_taken_and_the_release_stays(release):
    before = copy.deepcopy(release)
    rebuilt = rebuild(release, student(release))
    assert rebuilt.notebook == wanted(release, "def f(x):\n    return x + 1", "Because.")
    assert rebuilt.problems == {}
    assert release == before


def everything_else(notebook: dict) -> None:
    """What a student may try to change without any effect."""
    notebook["metadata"] = {"kernelspec": {"name": "evil", "argv": ["sh"]}, "widgets": "x" * 1000}
    notebook["cells"][2]["source"] = "pass"
    notebook["cells"][2]["metadata"]["nbgrader"]["points"] = 100
    notebook["cells"][2]["metadata"]["tags"] = ["skip-execution"]
    notebook["cells"][1]["metadata"]["nbgrader"] |= {"schema_version": 99, "locked": True, "task": True, "points": 9}
    notebook["cells"][1]["metadata"]["tags"] = ["raises-exception", "remove-cell"]
    output = {"output_type": "display_data", "data": {"text/html": "<script>"}, "metadata": {}}
    notebook["cells"][1]["outputs"] = [output]
    notebook["cells"].insert(0, {"cell_type": "markdown", "source": "my notes", "metadata": {}})
    notebook["cells"].insert(0, {"cell_type": "raw", "source": "import os; os._exit(0)", "metadata": {}})
    notebook["cells"].append(copy.deepcopy(notebook["cells"][4]))
    del notebook["cells"][4]  # the test is moved behind everything; a locked cell's copy and absence do not matter
    notebook["nbformat_minor"] = 99
    notebook["cells"] += [None, 7, [], {"metadata": None}, {"metadata": {"nbgrader": []}},
                          {"metadata": {"nbgrader": {"grade_id": ["f"]}}}]  # fmt: skip


def test_nothing_but_the_sources_has_an_effect(release):
    notebook = student(release)
    everything_else(notebook)
    assert rebuild(release, notebook) == rebuild(release, student(release))


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (lambda cells: cells.pop(1), "missing", "cell 'f' is not in the notebook"),
        (
            lambda cells: cells.append({**copy.deepcopy(cells[1]), "source": "f = 3"}),
            "malformed",
            "cell 'f' is there 2 times with different text (cells 2 and 5 of the notebook); delete all but",
        ),
        (lambda cells: cells[1].update(cell_type="markdown"), "malformed", "cell 'f' must be a code cell"),
        (lambda cells: cells[1].update(source=3), "malformed", "cell 'f' has no text as its source"),
        (lambda cells: cells[1].update(source=["a", 3]), "malformed", "cell 'f' has no text as its source"),
        (lambda cells: cells[1].pop("source"), "malformed", "cell 'f' has no text as its source"),
        (lambda cells: cells[1].update(source="#" * (LARGEST_SOURCE + 1)), "malformed", "cell 'f' has 200,001 char"),
        (lambda cells: cells[1].update(source="x = '\ud800'"), "malformed", "cell 'f' holds characters that"),
        (lambda cells: cells[1].update(source="x = 1\0"), "malformed", "cell 'f' holds characters that are no text"),
    ],
)
def test_a_bad_cell_keeps_the_releases_text_and_the_other_is_taken(release, change, status, reason):
    notebook = student(release)
    change(notebook["cells"])
    rebuilt = rebuild(release, notebook)
    assert rebuilt.notebook == wanted(release, answer="Because.")
    assert list(rebuilt.problems) == ["f"]
    assert rebuilt.problems["f"].status == status
    assert rebuilt.problems["f"].reason.startswith(reason)
    assert "\n" not in rebuilt.problems["f"].reason


def parts(notebook: dict, *sources: str) -> None:
    """Several cells with the id of "f", side by side."""
    cell = notebook["cells"].pop(1)
    notebook["cells"][1:1] = [{**copy.deepcopy(cell), "source": source} for source in sources]


@pytest.mark.parametrize(
    ("sources", "taken"),
    [
        (["def f(x):", "    return x"], "def f(x):\n\n    return x"),
        (["g = 1", "def f(x):\n    return g"], "g = 1\n\ndef f(x):\n    return g"),
        (["", "f = 1", "  \n"], "f = 1"),
        (["f = 1", "f = 1\n"], "f = 1"),
    ],
)
def test_parts_and_repetitions_of_a_cell_are_taken(release, sources, taken):
    notebook = student(release)
    parts(notebook, *sources)
    rebuilt = rebuild(release, reduce(notebook))
    assert rebuilt.problems == {}
    assert rebuilt.notebook == wanted(release, taken, "Because.")


def test_an_untouched_copy_far_away_does_not_count(release):
    notebook = student(release)
    notebook["cells"].append({**copy.deepcopy(notebook["cells"][1]), "source": release.cells[1].source})
    assert rebuild(release, notebook) == rebuild(release, student(release))


def test_added_cells_go_where_they_stood_and_open_ones_have_the_students_text(release):
    release.cells.insert(2, new_code_cell("f(1)", id="look"))
    notebook = student(release)
    added = {"cell_type": "code", "metadata": {}, "outputs": []}
    notebook["cells"][2]["source"] = "f(2)"
    notebook["cells"].insert(2, {**added, "source": "between = 1"})
    notebook["cells"].insert(1, {**added, "source": ["def helper():\n", "    return 1"]})
    notebook["cells"].append({**added, "source": "never()"})
    notebook["cells"].insert(0, {**added, "source": "x = '\ud800'"})
    for submission in (notebook, reduce(notebook)):
        sources = [cell.source for cell in rebuild(release, submission).notebook.cells]
        expected = [cell.source for cell in wanted(release, "def f(x):\n    return x + 1").cells]
        expected[1:3] = ["def helper():\n    return 1", expected[1], "between = 1", "f(2)"]
        assert sources[:5] == expected[:5]
        assert "never()" not in sources


def test_a_cell_that_lost_its_metadata_runs_as_an_added_one(release):
    notebook = student(release)
    notebook["cells"][1]["metadata"].clear()
    rebuilt = rebuild(release, notebook)
    assert rebuilt.problems["f"].status == "missing"
    assert [cell.source for cell in rebuilt.notebook.cells[1:3]] == [
        release.cells[1].source,
        "def f(x):\n    return x + 1",
    ]


def test_what_is_reduced_is_small_and_flat(release):
    notebook = student(release)
    deep: dict = {}
    for _ in range(700):
        deep = {"x": deep}
    notebook["metadata"] = deep
    notebook["cells"][1]["metadata"]["deep"] = deep
    reduced = reduce(notebook)
    assert len(json.dumps(reduced)) < 2000
    assert rebuild(release, reduced) == rebuild(release, student(release))


def test_a_release_with_two_solution_cells_of_one_id_is_refused(release):
    release.cells.append(copy.deepcopy(release.cells[1]))
    with pytest.raises(ValueError, match="the release has two solution cells named 'f'"):
        rebuild(release, student(release))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_what_editors_write_is_read(release, encoding):
    assert parse_submission(json.dumps(student(release)).encode(encoding)) == student(release)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "is not JSON"),
        (b"{}\n<<<<<<< HEAD\n", "holds the marks of a failed merge"),
        (b"[" * 100_000, "is nested too deeply"),
        ("ä".encode("latin-1"), "is not written in UTF-8"),
        (b"[]", "is not a notebook of format 4"),
        (b'{"cells": {}}', "is not a notebook of format 4"),
        (b'{"worksheets": [], "nbformat": 3}', "is not a notebook of format 4"),
        (b'{"cells": [], "nbformat": 99}', "has notebook format 99, not 4"),
        (b'{"cells": [], "nbformat": true}', "has notebook format True, not 4"),
        (b'{"cells": []}', "has notebook format None, not 4"),
    ],
)
def test_files_that_are_no_notebook(content: bytes, reason: str):
    with pytest.raises(MalformedSubmission, match=reason) as error:
        parse_submission(content, "a1.ipynb")
    assert str(error.value).startswith("a1.ipynb ")
    assert "\n" not in str(error.value)


def test_reading_follows_no_link_and_never_waits(tmp_path: Path, release):
    real = tmp_path / "real.ipynb"
    real.write_text(json.dumps(student(release)))
    assert read_submission(real) == student(release)
    (tmp_path / "link.ipynb").symlink_to(real)
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    with open(tmp_path / "huge.ipynb", "wb") as file:
        file.truncate(60_000_000)
    for name, reason in (
        ("link", "link.ipynb cannot be read: is a symbolic link"),
        ("pipe", "pipe.ipynb is no regular file"),
        ("folder", "folder.ipynb is no regular file"),
        ("huge", "huge.ipynb has 60,000,000 bytes; 16,000,000 are allowed: clear large outputs and save it again"),
        ("absent", "absent.ipynb cannot be read: No such file or directory"),
    ):
        with pytest.raises(MalformedSubmission) as error:
            read_submission(tmp_path / f"{name}.ipynb")
        assert str(error.value) == reason
