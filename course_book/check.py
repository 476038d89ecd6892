"""What must hold between a chapter's text, its notebook and its stored outputs.

`python -m course_book check` prints one line for each fault and fails if there is one; so do the tests and pre-commit.
"""

from __future__ import annotations

import re

import nbformat
from nbformat import NotebookNode

from course_book.execute import read_text
from course_book.library import library_digest
from course_book.paths import CHAPTERS, all_chapters, notebook_path, text_path

MOST_BYTES = 1_500_000
MOST_LINES = 20
SILENT = "no-output"  # tag of a code cell that is meant to show nothing


def faults() -> list[str]:
    """All faults of all chapters, one line each; empty when everything stands."""
    found = [fault for name in all_chapters() for fault in faults_of(name)]
    strays = [p.name for p in sorted(CHAPTERS.glob("*.ipynb")) if not text_path(p.stem).exists()]
    return found + [f"chapters/{name}: has no text in chapters/text" for name in strays]


def faults_of(name: str) -> list[str]:
    """The faults of one chapter.

    Args:
        name: Such as 02_optimization.
    """
    path, number = notebook_path(name), name.split("_")[0]
    remedy = f"run: make chapter N={number}"
    if not path.exists():
        return [f"{name}: is not executed; {remedy}"]
    stored, text = nbformat.read(path, as_version=4), read_text(name)
    found = []
    if [_essence(cell) for cell in stored.cells] != [_essence(cell) for cell in text.cells]:
        found.append(f"text and notebook differ, outputs are stale; {remedy}")
    made_with = stored.metadata.get("course", {})
    if made_with.get("library") != library_digest(made_with.get("modules", [])):
        found.append(f"course_lib has changed since the outputs were made; {remedy}")
    if path.stat().st_size > MOST_BYTES:
        found.append(f"the notebook has {path.stat().st_size / 1e6:.1f} MB, more than {MOST_BYTES / 1e6} MB")
    for index, cell in enumerate(stored.cells):
        found += [f"cell {index}: {fault}" for fault in _cell_faults(cell)]
    return [f"{name}: {fault}" for fault in found]


def _essence(cell: NotebookNode) -> tuple:
    """What the text decides of a cell."""
    return cell.cell_type, cell.id, cell.source, {k: v for k, v in cell.metadata.items() if k != "execution"}


def _cell_faults(cell: NotebookNode) -> list[str]:
    """The faults of one cell of the stored notebook."""
    if cell.cell_type == "markdown":
        words = re.findall(r"!\[(.*?)\]\(", cell.source)
        return ["a picture without alternative text" for alt in words if not alt.strip()]
    if cell.cell_type != "code":
        return []
    found = []
    lines = [line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) > MOST_LINES:
        found.append(f"{len(lines)} lines of code, more than {MOST_LINES}")
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
    if not any(kind.startswith("image/") for kind in output.get("data", {})):
        return []
    notes = output.get("metadata", {})
    found = []
    if not notes.get("image/png", {}).get("alt"):
        found.append("a figure without alternative text; draw it with viz.show")
    if not notes.get("course", {}).get("caption"):
        found.append("a figure without a caption; draw it with viz.show")
    return found


def _only_defines(source: str) -> bool:
    """Imports, definitions, assignments and the call that pins seeds have nothing to show."""
    statement = re.compile(r"^(import|from|def|class|@|pin\(|[A-Za-z_][\w.,\s\[\]]*(:[^=]+)?[+\-*]?=[^=])")
    top = [line for line in source.splitlines() if line and not line[0].isspace() and line[0] not in "#)]}"]
    return bool(top) and all(statement.match(line) for line in top)
