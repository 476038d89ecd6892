"""Pages of the book that are made from data: the concept index and the measured budgets."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from course_book.paths import CHAPTERS, MEASURED

INDEX_HEAD = """# Concept index

Every concept that the course teaches, in the lectures' order: where it is explained, which library code does it, and
which tests hold that code to its promise.
"""
MEASURED_HEAD = """# Run time and memory

What each notebook took on one slow CPU core without a GPU, everything from the import of torch to the last figure.
Peak memory is the largest resident set of the kernel's process.
"""


def concept_index() -> str:
    """The index as Markdown, from chapters/syllabus.yml."""
    parts = [INDEX_HEAD]
    for chapter in yaml.safe_load((CHAPTERS / "syllabus.yml").read_text(encoding="utf-8")):
        parts.append(f"\n## {chapter['title']}\n")
        for row in chapter["rows"]:
            code = ", ".join(f"`{name}`" for name in row.get("code", []))
            tests = ", ".join(f"`{test.removeprefix('tests/')}`" for test in row["tests"])
            parts.append(f"\n{{ref}}`{row['id']}` ({row['zh']})\n: {code}\n: Tested by {tests}\n")
    return "".join(parts)


def measured_page() -> str:
    """Run time and peak memory of each chapter as Markdown, from chapters/measured.json."""
    table = json.loads(MEASURED.read_text())
    lines = [f"| [](./{name}.ipynb) | {m['seconds']:.0f} s | {m['peak_gib']:.1f} GiB |\n" for name, m in table.items()]
    return f"{MEASURED_HEAD}\n| Notebook | Time | Peak memory |\n| :-- | --: | --: |\n{''.join(lines)}"


def write_pages(folder: Path = CHAPTERS) -> None:
    """Write both pages, touching only what changed, so that an unchanged page is not built again."""
    for name, text in (("concept_index.md", concept_index()), ("measured.md", measured_page())):
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
