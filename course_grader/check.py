"""A student's own check: the visible tests of a notebook, run as the grader runs them.

    python -m course_grader check a1_linear_fitting.ipynb

As in grading, the notebook is rebuilt from the one that was handed out, so that what the grader ignores is ignored
here, and said. That one is looked for in a folder `release` above the notebook, in nbgrader's exchange, and in the
project of this package; where it is not found, locked cells and tests are run as they stand. Hidden tests are in
neither, so full points here are not yet full points there.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbgrader.utils import compute_checksum

from course_grader.details import UNSOLVED
from course_grader.grade import Graded, Verdict, grade, is_shared, settings
from course_grader.ignored import ignored, released_name
from course_grader.notebooks import read_notebook
from course_grader.rebuild import read_submission, rebuild
from course_grader.sandbox import Limits, Sandbox, why_no_sandbox
from course_grader.template import Template, defined_names

EXCHANGE = Path("/usr/local/share/nbgrader/exchange")  # nbgrader's own setting
PROJECT = Path(__file__).resolve().parents[1] / "assignments"
LARGEST_FILE = 50_000_000  # bytes of a file beside the notebook


@dataclass(frozen=True)
class Checked(Graded):
    """What a check found.

    Attributes:
        remarks: What of the notebook will be ignored, or cannot be compared, a line for each thing.
    """

    remarks: list[str] = field(default_factory=list)


def check(path: str | Path, release: str | Path | None = None) -> Checked:
    """Run a notebook and its visible tests.

    Args:
        path: The student's notebook.
        release: The notebook as it was handed out; looked for if None.

    Raises:
        ValueError: One line, if one of them is no notebook of an assignment, or if this is not Linux.
    """
    if sys.platform != "linux":
        raise ValueError("this check runs on Linux only; press Validate instead: it runs the same visible tests")
    path = Path(path)
    origin = find_release(path) if release is None else Path(release)
    handed_out = read_notebook(path if origin is None else origin)
    submission = read_submission(path)
    if not any(settings(cell).get("solution") for cell in handed_out.cells):
        raise ValueError(f"{origin or path} has no cells to be filled in; is it the notebook of an assignment?")
    if origin is None:
        handed_out = _emptied(handed_out)
        files, remarks = _files(path.parent), _remarks_without_release(path, read_notebook(path))
    else:
        files = _files(origin.parent)
        remarks = ignored(handed_out, submission, path, files)
    names = _names(rebuild(handed_out, submission).notebook)
    isolate = not why_no_sandbox()  # a student may run own code on an own machine without one
    with Sandbox(["numpy"], isolate=isolate) as sandbox:
        done = grade(Template(handed_out, names), submission, sandbox, Limits(), files)
    return Checked(done.notebook, done.verdicts, done.seconds, remarks)


def find_release(path: Path) -> Path | None:
    """The notebook as it was handed out, of a student's copy; None if it is nowhere."""
    name = f"{released_name(path.stem)}.ipynb"
    places = [(folder / "release", f"*/{name}") for folder in path.resolve().parents]
    places += [(EXCHANGE, f"*/outbound/*/{name}"), (PROJECT / "release", f"*/{name}")]
    for folder, pattern in places:
        with contextlib.suppress(OSError):
            if found := sorted(folder.glob(pattern)):
                return found[0]
    return None


def _emptied(notebook: NotebookNode) -> NotebookNode:
    """A student's notebook in the place of the release: each cell to be filled in once, and empty."""
    cells, seen = [], set()
    for cell in notebook.cells:
        if settings(cell).get("solution"):
            if settings(cell)["grade_id"] in seen:  # a part of a cell that was split, or a copy
                continue
            seen.add(settings(cell)["grade_id"])
            cell = NotebookNode(cell | {"source": ""})
        cells.append(cell)
    return NotebookNode(notebook | {"cells": cells})


def _names(notebook: NotebookNode) -> dict[str, dict[str, str]]:
    """What the cells to be filled in define; the grader knows it from its solution, which is not here."""
    names: dict[str, dict[str, str]] = {}
    shared = set().union(*(_bound(cell.source) for cell in notebook.cells if is_shared(cell)))
    for cell in notebook.cells:
        if settings(cell).get("solution"):
            found = {}
            with contextlib.suppress(SyntaxError):
                found = defined_names(_without_magics(cell.source)) if cell.cell_type == "code" else {}
            names[settings(cell)["grade_id"]] = {name: kind for name, kind in found.items() if name not in shared}
    return names


def _bound(source: str) -> set[str]:
    """Names that a locked cell defines or imports; a student's of the same name does not replace them in the tests."""
    tree = ast.parse(_without_magics(source))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return {*defined_names(_without_magics(source))} | {
        (one.asname or one.name).split(".")[0] for node in imports for one in node.names
    }


def _without_magics(source: str) -> str:
    """The Python that IPython makes of a cell."""
    return str(TransformerManager().transform_cell(source))


def _files(folder: Path) -> dict[str, bytes]:
    """The files beside a notebook that its code may read."""
    others = [file for file in folder.iterdir() if file.is_file() and file.suffix not in (".ipynb", ".py")]
    return {file.name: file.read_bytes() for file in others if file.stat().st_size < LARGEST_FILE}


def _remarks_without_release(path: Path, notebook: NotebookNode) -> list[str]:
    """What can be said of a notebook alone: nbgrader notes in each locked cell what its text was."""
    name = f"{released_name(path.stem)}.ipynb"
    lines = [
        f"{name} as it was handed out is not found, so only your own copy of the tests could be run, as it stands in",
        "your notebook. The grader runs the tests that were handed out. --release FILE names that notebook.",
    ]
    changed = [settings(cell)["grade_id"] for cell in notebook.cells if _is_changed(cell)]
    if changed:
        lines += [
            f"you have changed the cells {', '.join(changed)}: the grader ignores that and runs them as they were",
            "released, so your points can be fewer. Put your own code into a cell to be filled in, or a new one.",
        ]
    return lines


def _is_changed(cell: NotebookNode) -> bool:
    """Whether a cell that the release locks was edited; the grader has the text of the release."""
    meta = settings(cell)
    return bool(meta.get("locked")) and "checksum" in meta and meta["checksum"] != compute_checksum(cell)


def report(checked: Checked) -> str:
    """The verdicts as a table, with what to look at next."""
    cells = {settings(cell).get("grade_id"): cell for cell in checked.notebook.cells if cell.cell_type == "code"}
    lines = []
    for grade_id, cell in cells.items():
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if settings(cell).get("solution") and errors and errors[0].ename != "NotImplementedError":
            lines.append(f"the cell {grade_id} itself fails: {errors[0].ename}: {errors[0].evalue[:200]}")
    lines += checked.remarks
    for verdict in checked.verdicts:
        name = verdict.test.removeprefix("test_").replace("_", " ")
        partly = verdict.status == "passed" and "# Hidden tests:" in cells[verdict.test].source
        status = "passed so far" if partly else verdict.status
        lines.append(f"{status:13s} {verdict.points:4g} / {verdict.max_points:<4g} {name}")
        if verdict.status != "passed":
            lines.append(f"{'':26s}{_reason(verdict)}")
    points, most = checked.points, sum(verdict.max_points for verdict in checked.verdicts)
    lines.append(f"{points:g} of {most:g} points by what you can see. Where it says 'so far', the grader looks at more")
    lines.append("cases, which are hidden here: your points can be fewer.")
    return "\n".join(lines)


def _reason(verdict: Verdict) -> str:
    """Why a test was not passed, in a student's words where the exception alone would say little."""
    if verdict.detail == UNSOLVED:
        return "not solved yet (NotImplementedError)"
    if verdict.status == "timeout":
        return "it took too long and was stopped: a loop without end, or far more work than the text asks for?"
    return verdict.message[:300]
