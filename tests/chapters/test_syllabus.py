"""chapters/syllabus.yml: its labels stand in the texts, its code can be imported, its tests exist."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
import yaml

from course_book.pages import concept_index, measured_page, write_pages
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
    index = tmp_path / "concept_index.md"
    assert index.read_text(encoding="utf-8") == concept_index(ADDRESS)
    assert (tmp_path / "measured.md").read_text(encoding="utf-8") == measured_page()
    index.touch()
    stamp = index.stat().st_mtime_ns
    write_pages(ADDRESS, tmp_path)
    assert index.stat().st_mtime_ns == stamp
