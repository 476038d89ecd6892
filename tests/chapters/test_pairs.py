"""Texts, notebooks and stored outputs belong together, and the check that says so notices when they do not."""

from __future__ import annotations

import json
import re

import nbformat
import pytest

from course_book import paths
from course_book.build import build
from course_book.cells import size_fault
from course_book.check import faults, faults_of
from course_book.paths import MEASURED, all_chapters, find_chapter, notebook_path, text_path

CHAPTER = "02_optimization"


def test_all_chapters_are_whole():
    assert all_chapters()
    assert faults() == []


@pytest.mark.parametrize("name", [n for n in all_chapters() if n[:2].isdigit()])
def test_the_stated_budget_is_the_measured_one(name):
    """The opening of a chapter names seconds and GiB; both must be near what was measured, and within the budget."""
    text = " ".join(text_path(name).read_text().split())
    stated = re.search(r"runs in about (\d+) s and needs ([\d.]+) GiB", text)
    assert stated, "the opening must say: runs in about N s and needs N GiB"
    measured = json.loads(MEASURED.read_text())[name]
    assert 0.5 < measured["seconds"] / float(stated[1]) < 2
    assert 0.7 < measured["peak_gib"] / float(stated[2]) < 1.4
    assert measured["seconds"] <= 90
    assert measured["peak_gib"] <= 3


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Copies of one chapter's text and notebook that the check looks at instead."""
    notebook, text = tmp_path / f"{CHAPTER}.ipynb", tmp_path / "text" / f"{CHAPTER}.md"
    text.parent.mkdir()
    notebook.write_bytes(notebook_path(CHAPTER).read_bytes())
    text.write_bytes(text_path(CHAPTER).read_bytes())
    monkeypatch.setattr(paths, "CHAPTERS", tmp_path)
    monkeypatch.setattr(paths, "TEXTS", text.parent)
    return notebook, text


def first_code(stored, wanted=lambda cell: True):
    return next(cell for cell in stored.cells if cell.cell_type == "code" and wanted(cell))


def has_picture(cell):
    return any("image/png" in output.get("data", {}) for output in cell.outputs)


def break_text(notebook, text):
    text.write_text(text.read_text().replace("pin(0)", "pin(1)"))


def break_library(notebook, text):
    notebook.write_text(re.sub(r'"digest": "\w+"', '"digest": "0"', notebook.read_text()))


def change(wanted, edit):
    def breaker(notebook, text):
        stored = nbformat.read(notebook, as_version=4)
        edit(first_code(stored, wanted))
        nbformat.write(stored, notebook)

    return breaker


def picture_of(cell):
    return next(output for output in cell.outputs if "image/png" in output.get("data", {}))


def prints(cell):
    return any(output.output_type == "stream" for output in cell.outputs)


def set_stderr(cell):
    cell.outputs[0]["name"] = "stderr"


def set_error(cell):
    cell.outputs.append(nbformat.v4.new_output("error", ename="ValueError", evalue="bad", traceback=[]))


BREAKS = {
    "text and notebook differ, outputs are stale; run: make chapter N=02": break_text,
    "what its code uses of course_lib has changed since the outputs were made; run: make chapter N=02": break_library,
    "a figure without alternative text": change(has_picture, lambda c: picture_of(c).metadata.pop("image/png")),
    "a figure without a caption": change(has_picture, lambda c: picture_of(c).metadata.pop("course")),
    "text on stderr": change(prints, set_stderr),
    "a stored error: ValueError: bad": change(prints, set_error),
    "shows nothing": change(prints, lambda c: c.outputs.clear()),
    "was not executed": change(prints, lambda c: c.update(execution_count=None)),
    "one tag such as tolerance-2": change(prints, lambda c: c.metadata.update(tags=["tolerance-x"])),
    "the notebook has": lambda notebook, text: notebook.write_text(notebook.read_text() + " " * 4_000_000),
    "is not executed": lambda notebook, text: notebook.unlink(),
}


def test_an_untouched_pair_has_no_fault(pair):
    assert faults_of(CHAPTER) == []


@pytest.mark.parametrize("message", BREAKS)
def test_each_fault_is_noticed(pair, message):
    BREAKS[message](*pair)
    found = faults_of(CHAPTER)
    assert any(message in fault for fault in found), found
    assert all("\n" not in fault for fault in found)


SIZES = {
    "16 lines of code, more than 15": ("x = 1\n" * 16, []),
    "31 lines of code, more than 30": ("x = 1\n" * 31, ["hide-input"]),
    "a line of 89 characters, more than 88": ("x = " + "1" * 85, []),
    "a line of 90 characters, more than 88": ("x = " + "1" * 86, ["hide-cell"]),
    "16 lines of code, more than 15, a line of 89": ("x = 1\n" * 15 + "x = " + "1" * 85, ["interactive"]),
}


@pytest.mark.parametrize("message", SIZES)
def test_a_large_cell_is_noticed(message):
    source, tags = SIZES[message]
    assert message in size_fault(nbformat.v4.new_code_cell(source, metadata={"tags": tags}))


@pytest.mark.parametrize(
    ("source", "tags"),
    [("x = 1\n# a comment\n\n" * 15, []), ("x = 1\n" * 30, ["hide-input"]), ("x = " + "1" * 84, []), ("", [])],
)
def test_a_cell_of_the_right_size_is_not(source, tags):
    assert size_fault(nbformat.v4.new_code_cell(source, metadata={"tags": tags})) == ""


def test_a_large_cell_is_a_fault_of_its_chapter(pair, monkeypatch):
    assert faults_of(CHAPTER) == []
    monkeypatch.setattr("course_book.cells.MOST_LINES", 14)
    found = faults_of(CHAPTER)
    assert found
    assert all(re.fullmatch(rf"{CHAPTER}: cell \d+: 15 lines of code, more than 14", fault) for fault in found)


def test_the_book_is_not_built_from_stale_outputs(pair, monkeypatch):
    break_text(*pair)
    with pytest.raises(RuntimeError, match=f"^{CHAPTER}: text and notebook differ.*run: make chapter N=02$"):
        build()


@pytest.mark.parametrize("number", ["02", "2", CHAPTER])
def test_chapters_are_found_by_number_or_name(number):
    assert find_chapter(number) == CHAPTER


@pytest.mark.parametrize("number", ["", "99", "nothing"])
def test_an_unknown_chapter_is_one_line(number):
    with pytest.raises(ValueError, match=r"there are .*02_optimization") as error:
        find_chapter(number)
    assert "\n" not in str(error.value)
