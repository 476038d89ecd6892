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
    number: int
    title: str
    chinese: str
    needs: tuple[int, ...]
    minutes: int
    picture: str  # how the caption of its picture begins


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
    title = re.search(r"# (\d+)\. (.+?) \*([\u3400-\u9fff][^*]*)\*", text)
    minutes = re.search(r"Reading takes about (\d+) minutes", text)
    if not title or not minutes:
        raise ValueError(
            f"{name}: the opening wants '# N. Title', '*Chinese title*' and 'Reading takes about N minutes'"
        )
    number = int(title[1])
    asked = re.search(r"\*\*You need\*\*(.*?)Reading takes", text)
    named = re.findall(r"chapters? ([\d, and]*\d)", asked[1] if asked else "")
    needs = sorted({int(n) for words in named for n in re.findall(r"\d+", words) if int(n) < number})
    return Chapter(name, number, title[2], title[3], tuple(needs), int(minutes[1]), picture)
