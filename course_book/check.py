"""What must hold between a chapter's text, its notebook and its stored outputs.

`python -m course_book check` prints one line for each fault and fails if there is one; so do the tests and pre-commit.
`cells.py` knows what must hold inside a cell.
"""

from __future__ import annotations

import nbformat
from nbformat import NotebookNode

from course_book.cells import cell_faults, size_fault
from course_book.digest import digest
from course_book.execute import code_sources, read_text
from course_book.paths import CHAPTERS, all_chapters, notebook_path, text_path

MOST_BYTES = 4_000_000


def faults() -> list[str]:
    """All faults of all chapters, one line each; empty when everything stands."""
    found = [fault for name in all_chapters() for fault in faults_of(name)]
    strays = [p.name for p in sorted(CHAPTERS.glob("*.ipynb")) if not text_path(p.stem).exists()]
    return found + [f"chapters/{name}: has no text in chapters/text" for name in strays]


def stale() -> list[str]:
    """One line for each chapter whose stored outputs are not those of its text and of today's library."""
    return [fault for name in all_chapters() for fault in stale_faults(name, _stored(name))]


def faults_of(name: str) -> list[str]:
    """The faults of one chapter.

    Args:
        name: Such as 02_optimization.
    """
    stored = _stored(name)
    found = stale_faults(name, stored)
    if stored is None:
        return found
    bytes_ = notebook_path(name).stat().st_size
    if bytes_ > MOST_BYTES:
        found.append(f"{name}: the notebook has {bytes_ / 1e6:.1f} MB, more than {MOST_BYTES / 1e6} MB")
    for index, cell in enumerate(stored.cells):
        found += [f"{name}: cell {index}: {fault}" for fault in (*cell_faults(cell), size_fault(cell)) if fault]
    return found


def stale_faults(name: str, stored: NotebookNode | None) -> list[str]:
    """Whether a chapter's stored outputs are stale: no line or one, which says what to run.

    Args:
        name: Such as 02_optimization.
        stored: Its notebook, or None if there is none.
    """
    remedy = f"run: make chapter N={name.split('_')[0]}"
    if stored is None:
        return [f"{name}: is not executed; {remedy}"]
    text = read_text(name)
    if [_essence(cell) for cell in stored.cells] != [_essence(cell) for cell in text.cells]:
        return [f"{name}: text and notebook differ, outputs are stale; {remedy}"]
    if stored.metadata.get("course") != {"digest": digest(code_sources(text))}:
        return [f"{name}: what its code uses of course_lib has changed since the outputs were made; {remedy}"]
    return []


def _stored(name: str) -> NotebookNode | None:
    path = notebook_path(name)
    return nbformat.read(path, as_version=4) if path.exists() else None


def _essence(cell: NotebookNode) -> tuple:
    """What the text decides of a cell; what JupyterLab folds follows from the tags."""
    ours = {key: value for key, value in cell.metadata.items() if key not in ("execution", "jupyter")}
    return cell.cell_type, cell.id, cell.source, ours
