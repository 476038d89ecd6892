"""Assignment 1: every sample submission, graded as one class by one `nbgrader autograde`, gets its exact points."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from course_grader.notebooks import build_submission, read_notebook, solution_sources, write_notebook

from .a1_submissions import AUTOMATIC, BY_HAND, RIGHT, WRONG
from .conftest import grades, nbgrader

A1 = "a1_linear_fitting"
FILE = f"{A1}/{A1}.ipynb"
WRITTEN = "written_answer"


@pytest.fixture(scope="module")
def max_points(course) -> dict[str, float]:
    """The points of each automatic test cell."""
    cells = [cell.metadata.get("nbgrader", {}) for cell in read_notebook(course / "source" / FILE).cells]
    return {meta["grade_id"]: meta["points"] for meta in cells if meta.get("grade") and not meta["solution"]}


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory) -> Path:
    """A class of all cases, the solution, the untouched release, a missing notebook and a broken one, autograded."""
    root = tmp_path_factory.mktemp("class") / "course"
    shutil.copytree(course, root)
    release = read_notebook(root / "release" / FILE)
    solution = solution_sources(read_notebook(root / "source" / FILE))
    for case in WRONG + RIGHT:
        write_notebook(build_submission(release, case.sources(solution)), root / "submitted" / case.name / FILE)
    write_notebook(build_submission(release, solution), root / "submitted" / "solution" / FILE)
    write_notebook(release, root / "submitted" / "untouched" / FILE)
    (root / "submitted" / "a_missing_notebook" / A1).mkdir(parents=True)
    broken = root / "submitted" / "b_broken_notebook" / FILE
    broken.parent.mkdir(parents=True)
    broken.write_text('{"cells": [', encoding="utf-8")
    log = nbgrader(root, "autograde", A1, fails=True)
    assert "b_broken_notebook" in log
    return root


@pytest.fixture(scope="module")
def scores(graded) -> dict[str, dict[str, float | None]]:
    """Each student's score for each graded cell."""
    return grades(graded, A1)


def test_points_add_up_to_100(max_points):
    assert sum(max_points.values()) == AUTOMATIC
    assert AUTOMATIC + BY_HAND == 100


@pytest.mark.parametrize("case", WRONG + RIGHT, ids=lambda case: case.name)
def test_points(case, scores, max_points):
    got = {cell: score for cell, score in scores[case.name].items() if cell != WRITTEN}
    assert set(got) == set(max_points)
    failed = {cell for cell, score in got.items() if score == 0}
    assert failed == case.lost
    assert sum(got.values()) == case.points
    assert all(score in (0, max_points[cell]) for cell, score in got.items())


def test_there_are_enough_cases():
    assert len(WRONG) >= 12
    assert len(RIGHT) >= 5
    assert len({case.name for case in WRONG + RIGHT}) == len(WRONG + RIGHT)
    assert all(case.points < AUTOMATIC for case in WRONG)


def test_every_test_cell_is_failed_by_somebody(max_points):
    """A test that no wrong submission fails may be one that cannot fail."""
    assert set(max_points) == set().union(*(case.lost for case in WRONG))


def test_solution_gets_all_automatic_points_and_waits_for_a_reader(scores, max_points):
    assert {cell: score for cell, score in scores["solution"].items() if cell != WRITTEN} == max_points
    assert scores["solution"][WRITTEN] is None


def test_untouched_release_gets_nothing(scores):
    assert set(scores["untouched"].values()) == {0}


def test_missing_and_broken_notebooks_have_no_points_and_stop_nobody(scores):
    assert "a_missing_notebook" not in scores
    assert not any(scores.get("b_broken_notebook", {}).values())
    assert set(scores) >= {case.name for case in WRONG + RIGHT}


def test_grader_sees_the_rubric(graded):
    autograded = (graded / "autograded" / "solution" / FILE).read_text(encoding="utf-8")
    assert "For the grader" in autograded


def test_feedback_shows_the_hint_but_no_hidden_test_and_no_rubric(graded):
    student = "swapped_feature_order_and_ridge_penalises_bias"
    nbgrader(graded, "generate_feedback", A1, f"--student={student}")
    html = (graded / "feedback" / student / A1 / f"{A1}.html").read_text(encoding="utf-8")
    assert "AssertionError: The error is a sum over samples, the penalty leaves out the bias" in html
    assert "check_unchanged(fit_ridge" not in html
    for secret in ("reference_ridge", "whole[:, -1]", "BEGIN HIDDEN TESTS", "For the grader"):
        assert secret not in html
