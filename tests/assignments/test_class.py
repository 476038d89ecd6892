"""A class of students on its whole way: workers, judge, gradebook, feedback. The submissions are some of assignment 1.

That the judge gives every submission of every assignment its points is tested in test_submissions.py.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from course_grader.batch import Line, grade_class
from course_grader.course import Course
from course_grader.notebooks import build_submission, read_notebook, solution_sources, write_notebook

from .conftest import grades, nbgrader
from .submissions import cases

NAME = "a1_linear_fitting"
FILE = f"{NAME}/{NAME}.ipynb"
SWAPPED = "swapped_feature_order_and_ridge_penalises_bias"
CASES = {
    case.name: case
    for case in cases(NAME)
    if case.name in (SWAPPED, "no_checks_of_bad_input", "plain_python_loops", "warns_prints_logs_and_shows_progress")
}


@dataclass(frozen=True)
class Class:
    """The class after grading."""

    root: Path
    lines: list[Line]
    max_points: dict[str, float]  # of each automatic test cell
    scores: dict[str, dict[str, float | None]]  # of each student and graded cell, from the gradebook


@pytest.fixture(scope="module")
def graded(released, tmp_path_factory) -> Class:
    """Some cases, the solution, the untouched release, a missing and a broken notebook; two workers grade."""
    root = shutil.copytree(released(NAME), tmp_path_factory.mktemp("class") / "course")
    source, release = read_notebook(root / "source" / FILE), read_notebook(root / "release" / FILE)
    solution = solution_sources(source)
    handed_in = {name: case.sources(solution) for name, case in CASES.items()} | {"solution": solution, "untouched": {}}
    for student, sources in handed_in.items():
        write_notebook(build_submission(release, sources), root / "submitted" / student / FILE)
    (root / "submitted" / "a_missing_notebook" / NAME).mkdir(parents=True)
    broken = root / "submitted" / "b_broken_notebook" / FILE
    broken.parent.mkdir(parents=True)
    broken.write_text('{"cells": [', encoding="utf-8")
    lines = grade_class(Course(root), NAME, workers=2, show=False)
    cells = [cell.metadata.get("nbgrader", {}) for cell in source.cells]
    points = {meta["grade_id"]: meta["points"] for meta in cells if meta.get("grade") and not meta["solution"]}
    return Class(root, lines, points, grades(root, NAME))


def test_nobody_is_left_out(graded):
    assert {line.student for line in graded.lines} == set(graded.scores)
    assert set(graded.scores) == {*CASES, "solution", "untouched", "a_missing_notebook", "b_broken_notebook"}
    assert not [line.note for line in graded.lines if line.note]


@pytest.mark.parametrize("name", CASES)
def test_points_in_the_gradebook(name, graded):
    got = {cell: score for cell, score in graded.scores[name].items() if cell in graded.max_points}
    lost = dict.fromkeys(CASES[name].lost, 0)
    assert got == graded.max_points | lost


def test_the_solution_gets_all_automatic_points_and_waits_for_a_reader(graded):
    solution = dict(graded.scores["solution"])
    written = set(solution) - set(graded.max_points)
    assert [solution.pop(cell) for cell in written] == [None]
    assert solution == graded.max_points
    assert sum(solution.values()) == 90


@pytest.mark.parametrize("student", ["untouched", "a_missing_notebook", "b_broken_notebook"])
def test_who_hands_in_nothing_gets_nothing(student, graded):
    assert set(graded.scores[student].values()) == {0}


def test_the_grader_sees_the_rubric_and_the_demonstrations(graded):
    autograded = read_notebook(graded.root / "autograded" / "solution" / FILE)
    assert "For the grader" in "\n".join(cell.source for cell in autograded.cells)
    shown = {cell.id for cell in autograded.cells if cell.get("outputs") and cell.id.startswith("look_")}
    assert len(shown) >= 3


def test_feedback_shows_the_hint_but_no_hidden_test_and_no_rubric(graded):
    nbgrader(graded.root, "generate_feedback", NAME, f"--student={SWAPPED}")
    html = (graded.root / "feedback" / SWAPPED / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert "&lt;p&gt;" not in html  # nbgrader would show a tag that it does not allow
    assert "ridge hidden: failed</b>, 0 of 5 points" in html
    assert "Hint: The error is a sum over samples, the penalty leaves out the bias" in html
    assert "Traceback (most" not in html
    assert "check_unchanged(fit_ridge" not in html
    for secret in ("reference_ridge", "whole[:, -1]", "BEGIN HIDDEN TESTS", "For the grader"):
        assert secret not in html
