"""Feedback where one folder or one cell is odd: nobody else's page is missing, and nothing hidden shows."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from course_grader.course import Course
from course_grader.sample_class import _api, environment

from .attacks.assignment import NAME, SECRETS
from .conftest import hand_in, needs_sandbox, scores

pytestmark = needs_sandbox


@pytest.mark.parametrize("name", [b"new\nline", b"not \xff text"])
def test_a_folder_whose_name_is_no_text_ends_nobodys_feedback(course, grade_here, name):
    """The grader makes none, but an older one may have, or a person."""
    hand_in(course, {"ann": "honest_a", "zoe": "honest_z"})
    grade_here(Course(course))
    graded = os.fsencode(course / "autograded")
    shutil.copytree(graded + b"/ann", graded + b"/" + name)
    with environment():
        result = _api(course).generate_feedback(NAME, "*")
    assert result["success"], result["log"][-2000:]
    assert sorted(path.name for path in (course / "feedback").iterdir()) == ["ann", "zoe"]
    assert all((course / "feedback" / student / NAME / f"{NAME}.html").is_file() for student in ("ann", "zoe"))
    assert f"no feedback: the folder {os.fsdecode(name)!a} is no student's name; rename it" in result["log"]


def test_markers_of_nbgrader_in_a_students_cells_break_no_page(course, grade_here):
    hand_in(course, {"ann": "honest_a", "eve": "every_marker", "max": "markers_in_a_solution", "zoe": "honest_z"})
    grade_here(Course(course))
    assert scores(course) == dict.fromkeys(("ann", "eve", "max", "zoe"), 10)
    with environment():
        result = _api(course).generate_feedback(NAME, "*")
    assert result["success"], result["log"][-2000:]
    pages = {path.parts[-3]: path.read_text(encoding="utf-8") for path in (course / "feedback").rglob("*.html")}
    assert sorted(pages) == ["ann", "eve", "max", "zoe"]
    for page in pages.values():
        assert not [secret for secret in SECRETS if secret in page]
        assert "add hidden: passed" in page
    assert "return a + b" in re.sub(r"<[^>]*>", "", pages["eve"])  # the student's text is all there
