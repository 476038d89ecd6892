"""Feedback where one folder or one cell is odd: nobody else's page is missing, and nothing hidden shows."""

from __future__ import annotations

import html
import json
import os
import re
import shutil

import pytest

from course_grader.course import Course
from course_grader.sample_class import _api, environment

from .attacks.assignment import NAME, SECRETS
from .conftest import hand_in, needs_sandbox, scores

pytestmark = needs_sandbox


def status_of(page: str) -> dict[str, str]:
    """What the contents of a page say of each test."""
    lines = re.findall(r'<li><a href="#[^"]*">([^<]*)</a><span class="mark \w+">. ([^<]*)</span>', page)
    return dict(lines)


@pytest.mark.parametrize("name", [b"new\nline", b"not \xff text"])
def test_a_folder_whose_name_is_no_text_ends_nobodys_feedback(course, grade_here, name):
    """The grader makes none, but an older one may have, or a person."""
    hand_in(course, {"ann": "honest_a", "zoe": "honest_z"})
    grade_here(Course(course))
    graded = os.fsencode(course / "autograded")
    shutil.copytree(graded + b"/ann", graded + b"/" + name)
    with environment():
        result = _api(course).generate_feedback(NAME, "*")
    assert result["success"], str(result)[-900:]
    assert sorted(path.name for path in (course / "feedback").iterdir()) == ["ann", "zoe"]
    assert all((course / "feedback" / student / NAME / f"{NAME}.html").is_file() for student in ("ann", "zoe"))
    assert f"no feedback: the folder {os.fsdecode(name)!a} is no student's name; rename it" in result["log"]


def test_markers_of_nbgrader_in_a_students_cells_break_no_page(course, grade_here):
    hand_in(course, {"ann": "honest_a", "eve": "every_marker", "max": "markers_in_a_solution", "zoe": "honest_z"})
    grade_here(Course(course))
    assert scores(course) == dict.fromkeys(("ann", "eve", "max", "zoe"), 10)
    with environment():
        result = _api(course).generate_feedback(NAME, "*")
    assert result["success"], str(result)[-900:]
    pages = {path.parts[-3]: path.read_text(encoding="utf-8") for path in (course / "feedback").rglob("*.html")}
    assert sorted(pages) == ["ann", "eve", "max", "zoe"]
    for page in pages.values():
        assert not [secret for secret in SECRETS if secret in page]
        assert status_of(page)["add hidden"] == "passed"
    assert "return a + b" in re.sub(r"<[^>]*>", "", pages["eve"])  # the student's text is all there


def test_the_page_says_what_is_wrong_and_what_is_still_to_be_read(course, grade_here):
    hand_in(course, {"ann": "honest_a"})
    path = course / "submitted" / "ann" / NAME / f"{NAME}.ipynb"
    mine = {
        "add": "def add(a, b):\n    return (a + b",
        "center": "def center(values):\n    raise AssertionError(f'A. (wanted a list, got {values})')",
        "label": "def label(n):\n    raise NotImplementedError",
        "limit": "limit = 0.25",
        "answer": "The mean is $\\bar x$.",
    }
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        cell["source"] = mine.get(cell["metadata"].get("nbgrader", {}).get("grade_id"), cell["source"])
    path.write_text(json.dumps(notebook))
    grade_here(Course(course))
    with environment():
        result = _api(course).generate_feedback(NAME, "ann")
    assert result["success"], str(result)[-900:]
    page = (course / "feedback" / "ann" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    words = html.unescape(re.sub(r"<[^>]*>", "", page))
    assert status_of(page) == {
        "add public": "error", "add hidden": "error", "center public": "failed", "center hidden": "failed",
        "limit public": "failed", "label hidden": "not solved yet", "answer": "not graded yet",
    }  # fmt: skip
    assert "0 of 15 points; 5 of them are not graded yet" in words
    assert "SyntaxError in line 2: '(' was never closed" in words
    assert "A name is not defined (NameError): did the cell that defines it run?" in words
    assert "Your function raised an error." in words
    assert "wanted a list, got" not in words.replace(mine["center"], "")
    assert "Hint: The word item, a blank, the number." in words
    assert "<math" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert not [secret for secret in SECRETS if secret in page]


@pytest.mark.parametrize("kind", ["class Mine(Exception): pass", "Mine = AssertionError", "Mine = ValueError"])
def test_no_exception_carries_a_text_onto_the_page(course, grade_here, kind):
    hand_in(course, {"eve": "honest_a"})
    path = course / "submitted" / "eve" / NAME / f"{NAME}.ipynb"
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "add":
            cell["source"] = (
                f"{kind}\ntold = '20753'\n\n"
                "def add(a, b):\n    raise Mine(f'A. (wanted {int(told) + 1} bits, got int)')"
            )
    path.write_text(json.dumps(notebook))
    grade_here(Course(course))
    with environment():
        assert _api(course).generate_feedback(NAME, "eve")["success"]
    page = (course / "feedback" / "eve" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert status_of(page)["add public"] in ("failed", "error")
    assert "20754" not in page


def test_the_page_fits_a_phone(course, grade_here, chromium_page):
    hand_in(course, {"ann": "honest_a"})
    grade_here(Course(course))
    with environment():
        assert _api(course).generate_feedback(NAME, "ann")["success"]
    chromium_page.set_viewport_size({"width": 360, "height": 640})
    chromium_page.goto((course / "feedback" / "ann" / NAME / f"{NAME}.html").as_uri())
    assert chromium_page.evaluate("document.documentElement.scrollWidth") == 360
    chromium_page.get_by_role("link", name="center hidden").click()
    assert chromium_page.locator("#test_center_hidden").is_visible()
