"""chapters/syllabus.yml: its labels stand in the texts, its code can be imported, its tests exist."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
import yaml

from course_book.pages import concept_index, measured_page, review_questions, write_pages
from course_book.paths import CHAPTERS, text_path

ADDRESS = "https://example.org/blob/main"
ROOT = Path(__file__).resolve().parents[2]
SYLLABUS = yaml.safe_load((CHAPTERS / "syllabus.yml").read_text(encoding="utf-8"))
ROWS = [(chapter["chapter"], row) for chapter in SYLLABUS for row in chapter["rows"]]


def test_labels_are_unique():
    labels = [row["id"] for _, row in ROWS]
    assert len(labels) == len(set(labels)) > 0


@pytest.mark.parametrize(("chapter", "row"), ROWS, ids=[row["id"] for _, row in ROWS])
def test_row(chapter, row):
    path = text_path(chapter)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert f"({row['id']})=" in lines, f"no section labelled {row['id']} in {path.name}"
    assert lines[lines.index(f"({row['id']})=") + 1].startswith("#"), "the label must stand right above a heading"
    assert any("一" <= letter <= "鿿" for letter in row["zh"]), "the Chinese term is missing"
    assert row["tests"], "every row names the tests that hold it"
    for name in row.get("code", []):
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), f"{name} cannot be imported"
    for node in row["tests"]:
        file, _, function = node.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, f"{node} does not exist"


def test_every_term_of_the_glossary_has_its_chinese_name():
    glossary = (CHAPTERS / "glossary.md").read_text(encoding="utf-8")
    for _, row in ROWS:
        assert row["zh"] in glossary, f"{row['zh']} ({row['id']}) is not in the glossary"


def test_every_label_in_the_index_page():
    page = concept_index(ADDRESS)
    for _, row in ROWS:
        assert f"{{ref}}`{row['id']}`" in page
        assert all(f"[`{name}`]({ADDRESS}/course_lib/" in page for name in row.get("code", []))


def test_pages_are_written_only_when_they_change(tmp_path):
    write_pages(ADDRESS, tmp_path)
    index = tmp_path / "gallery" / "concepts.md"
    assert index.read_text(encoding="utf-8") == concept_index(ADDRESS)
    assert (tmp_path / "measured.md").read_text(encoding="utf-8") == measured_page()
    assert (tmp_path / "gallery" / "questions.md").read_text(encoding="utf-8") == review_questions()
    index.touch()
    stamp = index.stat().st_mtime_ns
    write_pages(ADDRESS, tmp_path)
    assert index.stat().st_mtime_ns == stamp


def test_the_page_of_questions_has_all_of_them_folded_and_nothing_else():
    page = review_questions()
    sections = page.split("\n## ")[1:]
    assert len(sections) == len(SYLLABUS)
    for chapter, section in zip(SYLLABUS, sections, strict=True):
        assert f"(/chapters/{chapter['chapter']})" in section.splitlines()[0]
        text = text_path(chapter["chapter"]).read_text(encoding="utf-8")
        last = text.rpartition("\n## Review questions\n")[2]
        assert section.count(":::{admonition}") == last.count(":::{admonition}") >= 5
        assert section.count(":class: dropdown") == section.count(":::{admonition}")
        assert "footcite" not in section
        assert "code-cell" not in section
