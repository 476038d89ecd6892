"""Read nbgrader notebooks and build submissions from a release by replacing the sources of its solution cells.

A submission is the release plus some sources, named by grade_id: exactly what a student may change. The sample class
and the tests make their students this way, so that no filled-in notebook has to be stored.

    release = read_notebook("release/a1/a1.ipynb")
    write_notebook(build_submission(release, {"design_line": "def design_line(x): ..."}), "submitted/ann/a1/a1.ipynb")
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

_MARKERS = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)


def read_notebook(path: str | Path) -> NotebookNode:
    """Read a notebook of format 4.

    Raises:
        ValueError: One line that names the file and says why it cannot be read.
    """
    path = Path(path)
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=nbformat.NO_CONVERT)
        nbformat.validate(notebook)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:  # nbformat raises a different type for each way in which a file can be broken
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{path} is not a valid notebook: {reason}") from None
    if notebook.nbformat != 4:
        raise ValueError(f"{path} has notebook format {notebook.nbformat}, not 4; save it again in JupyterLab")
    return notebook


def write_notebook(notebook: NotebookNode, path: str | Path) -> None:
    """Write a notebook, making its folder where needed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def solution_sources(notebook: NotebookNode) -> dict[str, str]:
    """The sources of the cells that students fill in, by grade_id, in the notebook's order.

    The lines ### BEGIN SOLUTION and ### END SOLUTION are left out, as they would be in a student's notebook.
    """
    return {
        cell.metadata.nbgrader.grade_id: _MARKERS.sub("", cell.source)
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def build_submission(release: NotebookNode, sources: Mapping[str, str]) -> NotebookNode:
    """A copy of a release in which the named solution cells have new sources; everything else stays.

    Args:
        release: The students' notebook; it is not changed.
        sources: New source by grade_id.

    Raises:
        ValueError: A grade_id that is no solution cell of the release.
    """
    known = solution_sources(release)
    if unknown := sorted(set(sources) - set(known)):
        raise ValueError(f"no solution cell named {', '.join(unknown)}; there are {', '.join(known)}")
    submission = copy.deepcopy(release)
    for cell in submission.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in sources:
            cell.source = sources[grade_id]
    return submission
