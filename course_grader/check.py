"""A student's own check: the visible tests of a notebook, run as the grader runs them.

    python -m course_grader check a1_linear_fitting.ipynb

The cells are taken from the notebook itself. Hidden tests are not in it, so full points here are not yet full points
there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from course_grader.grade import Graded, grade
from course_grader.notebooks import read_notebook
from course_grader.rebuild import read_submission
from course_grader.sandbox import Limits, Sandbox, why_no_sandbox
from course_grader.template import Template, defined_names


def check(path: str | Path) -> Graded:
    """Run a notebook and its visible tests.

    Raises:
        ValueError: One line, if it is no notebook of an assignment, or if this is not Linux.
    """
    if sys.platform != "linux":
        raise ValueError("this check runs on Linux only; press Validate instead: it runs the same visible tests")
    path = Path(path)
    notebook = read_notebook(path)
    names: dict[str, dict[str, str]] = {}
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("solution"):
            try:
                names[settings["grade_id"]] = defined_names(cell.source) if cell.cell_type == "code" else {}
            except SyntaxError:
                names[settings["grade_id"]] = {}
    if not names:
        raise ValueError(f"{path} has no cells to be filled in; is it the notebook of an assignment?")
    others = [file for file in path.parent.iterdir() if file.is_file() and file.suffix not in (".ipynb", ".py")]
    files = {file.name: file.read_bytes() for file in others if file.stat().st_size < 50_000_000}
    isolate = not why_no_sandbox()  # a student may run own code on an own machine without one
    with Sandbox(["numpy"], isolate=isolate) as sandbox:
        return grade(Template(notebook, names), read_submission(path), sandbox, Limits(), files)


def report(graded: Graded) -> str:
    """The verdicts as a table, with what to look at next."""
    lines = []
    for verdict in graded.verdicts:
        name = verdict.test.removeprefix("test_").replace("_", " ")
        lines.append(f"{verdict.status:13s} {verdict.points:4g} / {verdict.max_points:<4g} {name}")
        if verdict.status != "passed":
            lines.append(f"{'':26s}{verdict.message[:300]}")
    points, most = graded.points, sum(verdict.max_points for verdict in graded.verdicts)
    lines.append(f"{points:g} of {most:g} points by the tests that you can see; hidden tests look at more cases")
    return "\n".join(lines)
