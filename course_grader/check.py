"""A student's own check: the visible tests of a notebook, run as the grader runs them.

    python -m course_grader check a1_linear_fitting.ipynb

The cells are taken from the notebook itself. Hidden tests are not in it, so full points here are not yet full points
there.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.utils import compute_checksum

from course_grader.grade import Graded, Verdict, grade, settings
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
    cells = []
    for cell in notebook.cells:
        meta = settings(cell)
        if meta.get("solution"):
            known = meta["grade_id"] in names
            with contextlib.suppress(SyntaxError):
                found = defined_names(cell.source) if cell.cell_type == "code" else {}
                names[meta["grade_id"]] = names.get(meta["grade_id"], {}) | found
            names.setdefault(meta["grade_id"], {})
            if known:  # a part of a cell that was split, or a copy
                continue
            cell = NotebookNode(cell | {"source": ""})
        cells.append(cell)
    notebook = NotebookNode(notebook | {"cells": cells})
    if not names:
        raise ValueError(f"{path} has no cells to be filled in; is it the notebook of an assignment?")
    others = [file for file in path.parent.iterdir() if file.is_file() and file.suffix not in (".ipynb", ".py")]
    files = {file.name: file.read_bytes() for file in others if file.stat().st_size < 50_000_000}
    isolate = not why_no_sandbox()  # a student may run own code on an own machine without one
    with Sandbox(["numpy"], isolate=isolate) as sandbox:
        return grade(Template(notebook, names), read_submission(path), sandbox, Limits(), files)


def report(graded: Graded) -> str:
    """The verdicts as a table, with what to look at next."""
    cells = {settings(cell).get("grade_id"): cell for cell in graded.notebook.cells if cell.cell_type == "code"}
    lines = []
    for grade_id, cell in cells.items():
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if settings(cell).get("solution") and errors and errors[0].ename != "NotImplementedError":
            lines.append(f"the cell {grade_id} itself fails: {errors[0].ename}: {errors[0].evalue[:200]}")
    changed = [settings(cell)["grade_id"] for cell in graded.notebook.cells if _is_changed(cell)]
    if changed:
        lines.append(
            f"you have changed the cells {', '.join(changed)}: the grader ignores that and runs them as they were"
        )
        lines.append(
            "released, so your points can be fewer. Put your own code into a cell to be filled in, or a new one."
        )
    for verdict in graded.verdicts:
        name = verdict.test.removeprefix("test_").replace("_", " ")
        partly = verdict.status == "passed" and "# Hidden tests:" in cells[verdict.test].source
        status = "passed so far" if partly else verdict.status
        lines.append(f"{status:13s} {verdict.points:4g} / {verdict.max_points:<4g} {name}")
        if verdict.status != "passed":
            lines.append(f"{'':26s}{_reason(verdict)}")
    points, most = graded.points, sum(verdict.max_points for verdict in graded.verdicts)
    lines.append(f"{points:g} of {most:g} points by what you can see. Where it says 'so far', the grader looks at more")
    lines.append("cases, which are hidden here: your points can be fewer.")
    return "\n".join(lines)


def _is_changed(cell: NotebookNode) -> bool:
    """Whether a cell that the release locks was edited; the grader has the text of the release."""
    meta = settings(cell)
    return bool(meta.get("locked")) and "checksum" in meta and meta["checksum"] != compute_checksum(cell)


def _reason(verdict: Verdict) -> str:
    """Why a test was not passed, in a student's words where the exception alone would say little."""
    if verdict.message.startswith("NotImplementedError"):
        return "not solved yet (NotImplementedError)"
    if verdict.status == "timeout":
        return "it took too long and was stopped: a loop without end, or far more work than the text asks for?"
    return verdict.message[:300]
