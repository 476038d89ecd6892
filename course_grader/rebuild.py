"""Rebuild the notebook that is graded from the release; take from a student the sources of solution cells alone.

A submitted file can hold anything: extra cells, other tests, tags that skip cells, other points, two cells of one id, a
different kernel. Only the text of the cells that the release asks for is read from it, by grade_id, as plain JSON. No
notebook library looks at the file, because upgrading and validating act on what a stranger wrote.

    rebuilt = rebuild(release, read_submission("submitted/ann/a1/a1.ipynb"))
    rebuilt.notebook            the release with the student's sources
    rebuilt.problems            {"fit_ridge": Problem("missing", "...")}
"""

from __future__ import annotations

import copy
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

LARGEST_FILE = 50_000_000  # bytes; outputs and pictures of an honest notebook stay far below
LARGEST_SOURCE = 200_000  # characters of one cell


class MalformedSubmission(ValueError):
    """A file that holds no notebook from which sources could be taken; the message is one line."""


@dataclass(frozen=True)
class Problem:
    """Why a solution cell keeps the release's text.

    Attributes:
        status: "missing" or "malformed".
        reason: One line for the student.
    """

    status: str
    reason: str


@dataclass(frozen=True)
class Rebuilt:
    """What is graded.

    Attributes:
        notebook: The release with the student's sources put in.
        problems: By grade_id, the solution cells that could not be taken.
    """

    notebook: NotebookNode
    problems: dict[str, Problem]


def read_submission(path: str | Path) -> dict:
    """Read a submitted notebook as plain JSON.

    Links are not followed and only regular files are read, so that no submission can point at another file or make
    the reader wait.

    Args:
        path: The file.

    Returns:
        The top level of the JSON.

    Raises:
        MalformedSubmission: If there is no such file, or it is no JSON object of notebook format 4.
    """
    path = Path(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        reason = "is a symbolic link" if path.is_symlink() else error.strerror
        raise MalformedSubmission(f"{path.name} cannot be read: {reason}") from None
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        os.close(descriptor)
        raise MalformedSubmission(f"{path.name} is no regular file")
    with os.fdopen(descriptor, "rb") as file:
        if state.st_size > LARGEST_FILE:
            raise MalformedSubmission(f"{path.name} has {state.st_size:,} bytes; {LARGEST_FILE:,} are allowed")
        content = file.read(LARGEST_FILE + 1)
    return parse_submission(content, path.name)


def parse_submission(content: bytes, name: str = "the notebook") -> dict:
    """The same for bytes that are already here; `name` is used in messages."""
    if not content.strip():
        raise MalformedSubmission(f"{name} is empty")
    try:
        parsed = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise MalformedSubmission(f"{name} is not written in UTF-8") from None
    except RecursionError:
        raise MalformedSubmission(f"{name} is nested too deeply") from None
    except ValueError as error:
        marks = (b"<<<<<<<", b">>>>>>>")
        why = "holds the marks of a failed merge" if any(m in content for m in marks) else f"is not JSON ({error})"
        raise MalformedSubmission(f"{name} {why}") from None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("cells"), list):
        raise MalformedSubmission(f"{name} is not a notebook of format 4; open it in JupyterLab and save it again")
    if parsed.get("nbformat") != 4 or isinstance(parsed.get("nbformat"), bool):
        version = str(parsed.get("nbformat"))[:20]
        raise MalformedSubmission(f"{name} has notebook format {version}, not 4; save it again in JupyterLab")
    return parsed


def rebuild(release: NotebookNode, submission: dict) -> Rebuilt:
    """Put a student's sources into a copy of the release.

    Args:
        release: The notebook that students got, or the source version with its hidden tests; it is not changed.
        submission: What `read_submission` returned.

    Returns:
        The notebook and the problems. A cell with a problem keeps the release's source.

    Raises:
        ValueError: If the release itself has two solution cells of one id.
    """
    notebook = copy.deepcopy(release)
    wanted: dict[str, NotebookNode] = {}
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("solution"):
            if settings["grade_id"] in wanted:
                raise ValueError(f"the release has two solution cells named {settings['grade_id']!r}")
            wanted[settings["grade_id"]] = cell
    found: dict[str, list[dict]] = {grade_id: [] for grade_id in wanted}
    for cell in submission["cells"]:
        grade_id = _grade_id(cell)
        if grade_id in found:
            found[grade_id].append(cell)
    problems = {}
    for grade_id, cell in wanted.items():
        problem = _problem(grade_id, found[grade_id], cell.cell_type)
        if problem is None:
            cell.source = _source(found[grade_id][0])
        else:
            problems[grade_id] = problem
    return Rebuilt(notebook, problems)


def _grade_id(cell: object) -> str | None:
    """The id of a stranger's cell, if it has the shape of a cell at all."""
    for key in ("metadata", "nbgrader", "grade_id"):
        cell = cell.get(key) if isinstance(cell, dict) else None
    return cell if isinstance(cell, str) else None


def _source(cell: dict) -> str | None:
    """The text of a cell: a string, or a list of strings that belong together."""
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    return source if isinstance(source, str) else None


def _problem(grade_id: str, cells: list[dict], kind: str) -> Problem | None:
    """What is wrong with the cells of one id, if anything."""
    if not cells:
        return Problem("missing", f"cell {grade_id!r} is not in the notebook; it was deleted or lost its metadata")
    if len(cells) > 1:
        return Problem("malformed", f"cell {grade_id!r} is there {len(cells)} times; keep the one to be graded")
    if cells[0].get("cell_type") != kind:
        return Problem("malformed", f"cell {grade_id!r} must be a {kind} cell")
    source = _source(cells[0])
    if source is None:
        return Problem("malformed", f"cell {grade_id!r} has no text as its source")
    if len(source) > LARGEST_SOURCE:
        return Problem("malformed", f"cell {grade_id!r} has {len(source):,} characters; {LARGEST_SOURCE:,} are allowed")
    if any("\ud800" <= letter <= "\udfff" for letter in source) or "\0" in source:
        return Problem("malformed", f"cell {grade_id!r} holds characters that are no text")
    return None
