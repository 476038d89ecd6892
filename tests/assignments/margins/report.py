"""How measured numbers become Markdown, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])


def span(values: Iterable[float], digits: int) -> str:
    """The lowest and the highest of some numbers."""
    ordered = sorted(values)
    low, high = f"{ordered[0]:.{digits}f}", f"{ordered[-1]:.{digits}f}"
    return low if low == high else f"{low} ... {high}"


def write(assignment: str, tables: dict[str, str]) -> None:
    """Replace the tables of one file.

    Raises:
        ValueError: A table for which the file has no place.
    """
    path = FOLDER / f"MARGINS_{assignment}.md"
    text = path.read_text(encoding="utf-8")
    for name, content in tables.items():
        text, found = re.subn(
            rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", rf"\g<1>{content}\n\g<2>", text, flags=re.DOTALL
        )
        if found != 1:
            raise ValueError(f"{path.name} has {found} places for the table {name!r}, wanted 1")
    path.write_text(text, encoding="utf-8")
