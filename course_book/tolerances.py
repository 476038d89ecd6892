"""How far a chapter's numbers move from machine to machine, and which tags say so.

The chapter is executed with one thread, with two, and with the instructions of an older CPU. Where a cell prints
something else, the largest difference is given in printed units, with a tag that allows twice as much.
"""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import ROUND_CEILING, Decimal

from nbformat import NotebookNode

from course_book.execute import execute, read_text
from course_book.paths import ROOT, notebook_path
from course_book.surroundings import OLDER
from course_book.tolerance import spread, tolerance_of

WAYS = {"two threads": {"COURSE_THREADS": "2"}, "an older CPU": OLDER}
MOST_UNITS = 20  # above it, a share of the number says more


def tolerances(name: str) -> list[str]:
    """Execute a chapter three ways and compare; nothing is stored.

    Args:
        name: Such as 02_optimization.

    Returns:
        One line for each code cell whose output differs, counted as nbval counts them.

    Raises:
        RuntimeError: If a cell raises.
        ValueError: If a cell wrote to stderr.
    """
    print(f"{name}: one thread", flush=True)
    first, others = _executed(name), {}
    for way, variables in WAYS.items():
        print(f"{name}: {way}", flush=True)
        others[way] = _executed(name, **variables)
    found = []
    for number, cell in enumerate(first):
        line = proposal(cell, {way: cells[number] for way, cells in others.items()})
        if line:
            found.append(f"code cell {number} ({cell.source.splitlines()[0][:40]}): {line}")
    return found


def proposal(cell: NotebookNode, others: dict[str, NotebookNode]) -> str:
    """What differs between a cell's outputs and those of other executions, and the tag that allows it; or nothing.

    Args:
        cell: With one thread.
        others: The same cell, by the way it was executed.
    """
    units = relative = Decimal(0)
    said = []
    for way, other in others.items():
        texts, new = _texts(cell), _texts(other)
        if texts == new:
            continue
        spreads = [spread(text, text_now) for text, text_now in zip(texts, new, strict=False)]
        if len(texts) != len(new) or None in spreads:
            return f"words differ with {way}, which no tolerance allows; print what is the same on every machine"
        units = max([units, *(pair[0] for pair in spreads if pair)])
        relative = max([relative, *(pair[1] for pair in spreads if pair)])
        said.append(way)
    if not said:
        return ""
    tag = f"tolerance-{_twice(units)}"
    if units > MOST_UNITS and relative.is_finite():
        tag = f"tolerance-{_twice(relative)}%"
    known = tolerance_of(cell.metadata.get("tags", []))
    has = f" (it has {known.tag})" if known else ""
    return f"differs by up to {units:f} printed units, {relative:.1f} %, with {' and '.join(said)}: {tag}{has}"


def compare_with_older(name: str) -> None:
    """Run nbval over a chapter with the instructions of an older CPU.

    Raises:
        RuntimeError: If an output differs by more than its cell's tag allows.
    """
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", str(notebook_path(name))]
    if subprocess.run(command, cwd=ROOT, env={**os.environ, **OLDER}, check=False).returncode:
        raise RuntimeError(
            f"{name} prints other things on an older CPU; see how far with: make tolerance N={name.split('_')[0]}"
        )


def _executed(name: str, **variables: str) -> list[NotebookNode]:
    """The chapter's code cells after an execution."""
    notebook = read_text(name)
    execute(name, notebook, **variables)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _texts(cell: NotebookNode) -> list[str]:
    """What nbval compares of a cell's outputs, each behind its kind."""
    found = []
    for output in cell.outputs:
        if output.output_type == "stream":
            found.append(f"{output.name}: {output.text}")
        data = output.get("data", {})
        found += [f"{kind}: {data[kind]}" for kind in sorted(data) if not kind.startswith("image/")]
    return found


def _twice(amount: Decimal) -> int:
    return max(1, int((2 * amount).to_integral_value(ROUND_CEILING)))
