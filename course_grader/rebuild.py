"""Rebuild the notebook that is graded from the release; take from a student the sources of solution cells alone.

A submitted file can hold anything: other tests, tags that skip cells, other points, two cells of one id, a different
kernel. Only text is taken from it, as plain JSON: of the cells that the release asks for, by grade_id, and of code
cells that the student added or that the release leaves open. All of that is code of the student's process, never of
the judge. No notebook library looks at the file, because upgrading and validating act on what a stranger wrote.

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
from nbformat.v4 import new_code_cell

LARGEST_FILE = 16_000_000  # bytes; outputs and pictures of an honest notebook stay far below
LARGEST_SOURCE = 200_000  # characters of one cell
MOST_ADDED = 200  # cells that a student may have added


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
    """Read a notebook of one's own as plain JSON; what strangers handed in is parsed in a sandbox (`reader.py`).

    Raises:
        MalformedSubmission: If there is no such file, or it is no JSON object of notebook format 4.
    """
    return parse_submission(read_bytes(path), Path(path).name)


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a submitted file.

    Links are not followed and only regular files are read, so that no submission can point at another file or make
    the reader wait.

    Raises:
        MalformedSubmission: If there is no such file, or it is too large.
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
            size = f"{path.name} has {state.st_size:,} bytes; {LARGEST_FILE:,} are allowed"
            raise MalformedSubmission(f"{size}: clear large outputs and save it again")
        return file.read(LARGEST_FILE)


def parse_submission(content: bytes, name: str = "the notebook") -> dict:
    """The same for bytes that are already here; `name` is used in messages."""
    if not content.strip():
        raise MalformedSubmission(f"{name} is empty")
    try:
        parsed = json.loads(content.decode(json.detect_encoding(content)))  # some editors write UTF-16, or a mark
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


def reduce(parsed: dict) -> dict:
    """A submission with nothing in it but what `rebuild` may use: kinds, ids and texts of cells."""
    cells = []
    for place, cell in enumerate(parsed["cells"]):
        if not isinstance(cell, dict):
            continue
        grade_id, source, kind = _grade_id(cell), _source(cell), cell.get("cell_type")
        if grade_id is None and (kind != "code" or source is None):
            continue
        text = None if source is None else source[: LARGEST_SOURCE + 1]
        name = cell.get("id")
        name = name[:100] if isinstance(name, str) else ""
        kept = {"cell_type": kind if isinstance(kind, str) else "", "id": name, "source": text, "place": place}
        cells.append(kept | ({} if grade_id is None else {"metadata": {"nbgrader": {"grade_id": grade_id[:200]}}}))
    return {"cells": cells}


def rebuild(release: NotebookNode, submission: dict) -> Rebuilt:
    """Put a student's sources into a copy of the release.

    Args:
        release: The notebook as it is graded, with its tests; it is not changed.
        submission: What `read_submission` returned, or what `reduce` made of it.

    Returns:
        The notebook and what was wrong.

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
    found: dict[str, list[tuple[int, dict]]] = {grade_id: [] for grade_id in wanted}
    for place, cell in enumerate(submission["cells"]):
        grade_id = _grade_id(cell)
        if grade_id in found:
            found[grade_id].append((cell.get("place", place), cell))
    _take_open_cells(notebook, submission)
    problems = {}
    for grade_id, cell in wanted.items():
        cells = _that_count(found[grade_id], cell.source)
        problem = _problem(grade_id, cells, {place for place, _ in found[grade_id]}, cell.cell_type)
        if problem is None:
            cell.source = "\n\n".join(_source(own) or "" for _, own in cells)
        else:
            problems[grade_id] = problem
    return Rebuilt(notebook, problems)


def _that_count(cells: list[tuple[int, dict]], released: str) -> list[tuple[int, dict]]:
    """Of several cells of one id, those that say something: no empty ones, no repetitions, no untouched copies."""
    kept, seen = [], {"", released.strip()}
    for place, cell in cells:
        source = _source(cell)
        if source is None or source.strip() not in seen:
            kept.append((place, cell))
            seen.add((source or "").strip())
    return kept or cells[:1]


def _take_open_cells(notebook: NotebookNode, submission: dict) -> None:
    """Put the code cells that a student added where they stood, and the student's text into those that are open.

    An added cell goes before the first cell of the release that follows it in the student's notebook.
    """
    open_cells = {cell.get("id"): cell for cell in notebook.cells if cell.cell_type == "code" and not _grade_id(cell)}
    released = {cell.source.strip() for cell in notebook.cells}
    named = {_grade_id(cell): cell for cell in notebook.cells if _grade_id(cell)}
    added: list[NotebookNode] = []
    count = 0
    for cell in submission["cells"]:
        if not isinstance(cell, dict):
            continue
        grade_id, source = _grade_id(cell), _source(cell)
        here = named.pop(grade_id, None) if grade_id else None
        if here is None and grade_id is None and cell.get("cell_type") == "code":
            name = cell.get("id")
            here = open_cells.pop(name, None) if isinstance(name, str) else None
            if source is None or not _is_text(source) or not source.strip():
                continue
            if here is not None:
                here.source = source
            elif source.strip() not in released and count < MOST_ADDED:
                count += 1
                added.append(new_code_cell(source, id=f"added-{count}"))
        if here is not None and added:
            place = next(i for i, one in enumerate(notebook.cells) if one is here)
            notebook.cells[place:place] = added
            added = []


def _is_text(source: str) -> bool:
    """Whether a source can be executed and stored."""
    odd = "\0" in source or any("\ud800" <= letter <= "\udfff" for letter in source)
    return len(source) <= LARGEST_SOURCE and not odd


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


def _problem(grade_id: str, cells: list[tuple[int, dict]], all_places: set[int], kind: str) -> Problem | None:
    """What is wrong with the cells of one id, if anything; cells side by side are the parts of one that was split."""
    if not cells:
        return Problem("missing", f"cell {grade_id!r} is not in the notebook; it was deleted or lost its metadata")
    places = [place for place, _ in cells]
    if not all_places.issuperset(range(places[0], places[-1])):
        where = " and ".join(str(place + 1) for place in places)
        reason = f"cell {grade_id!r} is there {len(cells)} times with different text (cells {where} of the notebook)"
        return Problem("malformed", f"{reason}; delete all but the one to be graded")
    if any(cell.get("cell_type") != kind for _, cell in cells):
        return Problem("malformed", f"cell {grade_id!r} must be a {kind} cell")
    sources = [_source(cell) for _, cell in cells]
    if None in sources:
        return Problem("malformed", f"cell {grade_id!r} has no text as its source")
    source = "\n\n".join(text or "" for text in sources)
    if len(source) > LARGEST_SOURCE:
        return Problem("malformed", f"cell {grade_id!r} has {len(source):,} characters; {LARGEST_SOURCE:,} are allowed")
    if not _is_text(source):
        return Problem("malformed", f"cell {grade_id!r} holds characters that are no text")
    return None
