"""What must hold inside one cell of a chapter: its size, its outputs, the words beside its pictures, its tags."""

from __future__ import annotations

import re

from nbformat import NotebookNode

from course_book.tolerance import tolerance_of

MOST_LINES = 15  # of code in a cell that a reader sees
FOLDED_LINES = 30  # in one that only draws or solves, and is folded
WIDEST = 88  # characters in a line, which is what a page shows without scrolling
FOLDED = {"hide-input", "hide-cell"}
SILENT = "no-output"  # tag of a code cell that is meant to show nothing


def size_fault(cell: NotebookNode) -> str:
    """What is too large about a cell's code, or nothing."""
    if cell.cell_type != "code":
        return ""
    count = sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in cell.source.splitlines())
    width = max(map(len, cell.source.splitlines()), default=0)
    most = FOLDED_LINES if FOLDED & set(cell.metadata.get("tags", [])) else MOST_LINES
    said = [f"{count} lines of code, more than {most}"] * (count > most)
    return ", ".join(said + [f"a line of {width} characters, more than {WIDEST}"] * (width > WIDEST))


def cell_faults(cell: NotebookNode) -> list[str]:
    """The faults of one cell of the stored notebook, but for its size."""
    if cell.cell_type == "markdown":
        words = re.findall(r"!\[(.*?)\]\(", cell.source)
        return ["a picture without alternative text" for alt in words if not alt.strip()]
    if cell.cell_type != "code":
        return []
    found = []
    try:
        tolerance_of(cell.metadata.get("tags", []))
    except ValueError as error:
        found.append(str(error))
    if cell.execution_count is None:
        found.append("was not executed")
    if not cell.outputs and SILENT not in cell.metadata.get("tags", []) and not _only_defines(cell.source):
        found.append(f"shows nothing; print a result or tag the cell {SILENT}")
    for output in cell.outputs:
        if output.output_type == "error":
            found.append(f"a stored error: {output.ename}: {output.evalue}"[:120])
        if output.output_type == "stream" and output.name == "stderr":
            found.append(f"text on stderr: {output.text.strip()[:80]}")
        found += _picture_faults(output)
    return found


def _picture_faults(output: NotebookNode) -> list[str]:
    """A picture must have come from viz.show: then caption and alternative text lie beside it."""
    kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
    if not kinds:
        return []
    notes = output.get("metadata", {})
    found = []
    if not notes.get(kinds[0], {}).get("alt"):
        found.append("a figure without alternative text; draw it with viz.show")
    if not notes.get("course", {}).get("caption"):
        found.append("a figure without a caption; draw it with viz.show")
    return found


def _only_defines(source: str) -> bool:
    """Imports, definitions, assignments and the call that pins seeds have nothing to show."""
    statement = re.compile(r"^(import|from|def|class|@|pin\(|[A-Za-z_][\w.,\s\[\]]*(:[^=]+)?[+\-*]?=[^=])")
    top = [line for line in source.splitlines() if line and not line[0].isspace() and line[0] not in "#)]}"]
    return bool(top) and all(statement.match(line) for line in top)
