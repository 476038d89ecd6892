"""Pages of the book that are made from data: the concept index, the review questions and the measured budgets.

The heads of the first two are pages that people edit; they include what is written here into chapters/gallery/.
"""

from __future__ import annotations

import html
import json
from pathlib import Path

import yaml

from course_book.markup import place_of
from course_book.openings import chapters
from course_book.paths import CHAPTERS, MEASURED, text_path

MEASURED_HEAD = """# Run time and memory

What each notebook took on one slow CPU core without a GPU, everything from the import of torch to the last figure.
Peak memory is the largest resident set of the kernel's process.
"""


def concept_index(address: str) -> str:
    """The index as Markdown, from chapters/syllabus.yml; names of code lead to their definitions, tests are folded.

    Args:
        address: Of the repository's files.
    """
    parts: list[str] = []
    for chapter in yaml.safe_load((CHAPTERS / "syllabus.yml").read_text(encoding="utf-8")):
        parts.append(f"\n## {chapter['title']}\n")
        for row in chapter["rows"]:
            code = ", ".join(f"[`{name}`]({address}/{place_of(name)})" for name in row.get("code", []))
            lines = [f"{{ref}}`{row['id']}` ({row['zh']})", *([code] if code else []), _folded(row["tests"], row["id"])]
            parts.append(f"\n{lines[0]}\n" + "".join(f": {line}\n" for line in lines[1:]))
    return "".join(parts)


def _folded(tests: list[str], label: str) -> str:
    """A fold with the names of tests, as HTML in one line; its name says which concept they belong to."""
    names = ", ".join(f"<code>{html.escape(test.removeprefix('tests/'))}</code>" for test in tests)
    count = f"{len(tests)} tests" if len(tests) > 1 else "1 test"
    summary = f'<summary aria-label="{count} of {label}">{count}</summary>'
    return f'<details class="course-tests">{summary}{names}</details>'


def measured_page() -> str:
    """Run time and peak memory of each chapter as Markdown, from chapters/measured.json."""
    table = json.loads(MEASURED.read_text())
    lines = [f"| [](./{name}.ipynb) | {m['seconds']:.0f} s | {m['peak_gib']:.1f} GiB |\n" for name, m in table.items()]
    return f"{MEASURED_HEAD}\n| Notebook | Time | Peak memory |\n| :-- | --: | --: |\n{''.join(lines)}"


def review_questions() -> str:
    """The review questions of all chapters as Markdown, each with its folded answer.

    Raises:
        ValueError: If a chapter has none.
    """
    parts = []
    for chapter in chapters():
        text = text_path(chapter.name).read_text(encoding="utf-8")
        questions = text.partition("\n## Review questions\n")[2].partition("\n## ")[0].strip()
        if not questions:
            raise ValueError(f"{chapter.name} has no questions below '## Review questions'")
        parts.append(f"\n## [{chapter.number}. {chapter.title}](/chapters/{chapter.name})\n\n{questions}\n")
    return "".join(parts)


def write_pages(address: str, folder: Path = CHAPTERS) -> None:
    """Write what is made from data, touching only what changed, so that an unchanged page is not built again.

    Args:
        address: Of the repository's files.
        folder: Where to.
    """
    (folder / "gallery").mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("gallery/concepts.md", concept_index(address)),
        ("gallery/questions.md", review_questions()),
        ("measured.md", measured_page()),
    ):
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
