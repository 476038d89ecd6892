"""Where things lie, and how a chapter is named on the command line."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
TEXTS = CHAPTERS / "text"
MEASURED = CHAPTERS / "measured.json"
LAB = ROOT / "_lab"
HTML = ROOT / "_build" / "html"


def all_chapters() -> list[str]:
    """Names of all chapters with a text, in order, such as 02_optimization."""
    return sorted(path.stem for path in TEXTS.glob("*.md"))


def find_chapter(number: str) -> str:
    """The chapter whose name starts with a number or equals a name.

    Raises:
        ValueError: If there is none, or no number was given.
    """
    wanted = number.zfill(2) if number.isdigit() else number
    found = [name for name in all_chapters() if name == wanted or name.startswith(wanted + "_")]
    if not wanted or len(found) != 1:
        raise ValueError(f"no chapter {number!r}; there are {', '.join(all_chapters())}, as in: make chapter N=02")
    return found[0]


def text_path(name: str) -> Path:
    """The MyST text that people edit."""
    return TEXTS / f"{name}.md"


def notebook_path(name: str) -> Path:
    """The executed notebook that readers, nbval and the book use."""
    return CHAPTERS / f"{name}.ipynb"
