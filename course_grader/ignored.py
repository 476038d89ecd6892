"""What the grader will not take from a student's notebook, said before it is handed in: a line for each thing.

    ignored(release, submission, Path("a1 (1).ipynb"), {"data.csv": b"..."})

Nothing is judged here. `rebuild.py` decides what is taken; this file compares a notebook with its release in the
words of the student who changed it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from nbformat import NotebookNode

from course_grader.rebuild import rebuild

OWN_PLACE = "put your own code into a cell to be filled in"
OTHERS = ("timestamp.txt", "submission_secret.txt")  # nbgrader's, beside a submission


def released_name(stem: str) -> str:
    """The name under which a notebook was handed out, of a name that a browser or JupyterLab gave to a copy."""
    return re.sub(r"([-_ ]?(\(\d+\)|Copy\d*))+$", "", stem, flags=re.IGNORECASE).strip() or stem


def ignored(release: NotebookNode, submission: dict, path: Path, files: Mapping[str, bytes]) -> list[str]:
    """What will be ignored, a line for each thing.

    Args:
        release: The notebook as it was handed out.
        submission: The student's, as `read_submission` reads it.
        path: Where that lies.
        files: What was handed out beside the notebook: path and content.
    """
    name = released_name(path.stem)
    lines = []
    if path.stem != name:
        lines.append(
            f"{path.name} is not the name that was handed out: rename it to {name}.ipynb, or the grader has to guess"
        )
    lines += _changed_cells(release, submission)
    lines += _own_cells(release, submission)
    return lines + _own_files(path.parent, files)


def _changed_cells(release: NotebookNode, submission: dict) -> list[str]:
    """Cells of the release that were edited or deleted though only the grader's text of them counts."""
    lines = []
    theirs = {_grade_id(cell): cell for cell in reversed(submission["cells"])}  # of several of one id, the first
    for cell in release.cells:
        meta = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or not meta.get("locked") or meta.get("solution"):
            continue
        what, grade_id = "test" if meta.get("grade") else "cell", meta["grade_id"]
        if grade_id not in theirs:
            lines.append(f"{what} {grade_id} is not in your notebook: the grader runs it all the same, as it does here")
            continue
        source = _source(theirs[grade_id])
        if source.strip() == cell.source.strip():
            continue
        known = set(cell.source.splitlines())
        new = [line.strip() for line in source.splitlines() if line.strip() and line not in known]
        line = f"{what} {grade_id}: you have changed it, and the grader runs it as it was handed out"
        line += f", without your line {new[0][:60]!r}" if new else ""
        lines.append(line + ("" if meta.get("grade") else f"; {OWN_PLACE}"))
    return lines


def _own_cells(release: NotebookNode, submission: dict) -> list[str]:
    """Code cells that the student added: most run beside the student's code, and no test sees their names."""
    known = {_grade_id(cell) for cell in release.cells} - {None}
    opened = {cell.get("id") for cell in release.cells if cell.cell_type == "code" and _grade_id(cell) is None}
    released = {cell.source.strip() for cell in release.cells} | {""}
    taken = {cell.source for cell in rebuild(release, submission).notebook.cells if cell.get("id", "")[:6] == "added-"}
    lines = []
    for place, cell in enumerate(submission["cells"], start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code" or _grade_id(cell) in known:
            continue
        source = _source(cell)
        if source.strip() in released or (_grade_id(cell) is None and cell.get("id") in opened):
            continue
        what = f"cell {place} is your own ({source.strip().splitlines()[0][:60]!r})"
        if source in taken:
            lines.append(f"{what}: it runs with your code, but tests ignore the names that it defines; {OWN_PLACE}")
        else:
            lines.append(f"{what}: the grader ignores it where it stands; {OWN_PLACE}")
    return lines


def _own_files(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Files beside the notebook that the grader does not have, or has with another content."""
    found = sorted(path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
    found = [path for path in found if path.suffix != ".ipynb" and path.name not in OTHERS]
    lines = []
    for path in (path for path in found if path.name in files):
        if path.stat().st_size != len(files[path.name]) or path.read_bytes() != files[path.name]:
            lines.append(f"{path.name}: you have changed it, and the grader uses it as it was handed out")
    if own := [path.name for path in found if path.name not in files]:
        names = ", ".join(own[:3]) + (f" and {len(own) - 3} more" if len(own) > 3 else "")
        lines.append(f"not handed out with the assignment, so the grader does not have it: {names}")
    return lines


def _grade_id(cell: object) -> str | None:
    """The id of a cell of whatever shape."""
    for key in ("metadata", "nbgrader", "grade_id"):
        cell = cell.get(key) if isinstance(cell, dict) else None
    return cell if isinstance(cell, str) else None


def _source(cell: dict) -> str:
    """The text of a cell."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
