"""What the opening of a chapter says of it: number, titles, what it builds on, how long it takes to read.

What a chapter needs is read from its paragraph "You need", so that the landing page and the chapter agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from course_book.paths import CHAPTERS, text_path


@dataclass(frozen=True)
class Chapter:
    """What the landing page says of a chapter."""

    name: str
    number: str  # such as 4, or 4b for the second page of a chapter
    title: str
    chinese: str
    needs: tuple[str, ...]
    minutes: int
    picture: str  # how the caption of its picture begins


def place(number: str) -> tuple[int, str]:
    """What the numbers of chapters are sorted by: 4, 4b, 5, 10."""
    found = re.fullmatch(r"(\d+)([a-z]?)", number)
    if not found:
        raise ValueError(f"a chapter's number is such as 4 or 4b, not {number!r}")
    return int(found[1]), found[2]


def chapters() -> list[Chapter]:
    """All chapters of the syllabus that stand, in order."""
    rows = yaml.safe_load((CHAPTERS / "syllabus.yml").read_text(encoding="utf-8"))
    return [read(row["chapter"], row.get("picture", "")) for row in rows]


def read(name: str, picture: str = "") -> Chapter:
    """Read the opening of a chapter's text.

    Args:
        name: Such as 02_optimization.
        picture: How the caption of its picture begins.

    Raises:
        ValueError: If the opening lacks its title, its Chinese title or its reading time.
    """
    text = " ".join(text_path(name).read_text(encoding="utf-8").split("\n## ", 1)[0].split())
    title = re.search(r"# (\d+[a-z]?)\. (.+?) \*([\u3400-\u9fff][^*]*)\*", text)
    minutes = re.search(r"Reading takes about (\d+) minutes", text)
    if not title or not minutes:
        raise ValueError(
            f"{name}: the opening wants '# N. Title', '*Chinese title*' and 'Reading takes about N minutes'"
        )
    asked = re.search(r"\*\*You need\*\*(.*?)Reading takes", text)
    named = re.findall(r"chapters? ((?:\d+[a-z]?|, | and )+)", asked[1] if asked else "")
    needs = {n for words in named for n in re.findall(r"\d+[a-z]?", words) if place(n) < place(title[1])}
    return Chapter(name, title[1], title[2], title[3], tuple(sorted(needs, key=place)), int(minutes[1]), picture)
