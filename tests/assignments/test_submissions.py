"""Every assignment's sample submissions, graded as one class, get their exact points."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from course_grader.batch import grade_class
from course_grader.course import Course
from course_grader.notebooks import build_submission, read_notebook, solution_sources, write_notebook

from .conftest import NAMES, grades, nbgrader
from .submissions import ALL, cases


@dataclass(frozen=True)
class Graded:
    """One assignment's class after grading."""

    name: str
    root: Path
    max_points: dict[str, float]  # of each automatic test cell
    scores: dict[str, dict[str, float | None]]  # of each student, without the written answers


@pytest.fixture(scope="session")
def classes(course, tmp_path_factory):
    """Grades an assignment's class when it is first asked for."""
    done: dict[str, Graded] = {}

    def graded(name: str) -> Graded:
        if name not in done:
            done[name] = _grade(course, tmp_path_factory.mktemp(name) / "course", name)
        return done[name]

    return graded


def _grade(course: Path, root: Path, name: str) -> Graded:
    """A class of all cases, the solution, the untouched release, a missing and a broken notebook; two workers grade."""
    file = f"{name}/{name}.ipynb"
    shutil.copytree(course, root)
    source, release = read_notebook(root / "source" / file), read_notebook(root / "release" / file)
    solution = solution_sources(source)
    for case in cases(name):
        write_notebook(build_submission(release, case.sources(solution)), root / "submitted" / case.name / file)
    write_notebook(build_submission(release, solution), root / "submitted" / "solution" / file)
    write_notebook(release, root / "submitted" / "untouched" / file)
    (root / "submitted" / "a_missing_notebook" / name).mkdir(parents=True)
    broken = root / "submitted" / "b_broken_notebook" / file
    broken.parent.mkdir(parents=True)
    broken.write_text('{"cells": [', encoding="utf-8")
    lines = grade_class(Course(root), name, workers=2, show=False)
    assert not [line.note for line in lines if line.note]
    cells = [cell.metadata.get("nbgrader", {}) for cell in source.cells]
    points = {meta["grade_id"]: meta["points"] for meta in cells if meta.get("grade") and not meta["solution"]}
    return Graded(name, root, points, grades(root, name))


@pytest.mark.parametrize("name", NAMES)
def test_points_add_up_to_100(name, classes):
    assert sum(classes(name).max_points.values()) == 90


@pytest.mark.parametrize(("name", "case"), ALL, ids=[f"{name[:2]}-{case.name}" for name, case in ALL])
def test_points(name, case, classes):
    graded = classes(name)
    got = {cell: score for cell, score in graded.scores[case.name].items() if cell in graded.max_points}
    assert set(got) == set(graded.max_points)
    failed = {cell for cell, score in got.items() if score == 0}
    assert failed == case.lost
    assert sum(got.values()) == (90 if case.points is None else case.points)
    assert all(score in (0, graded.max_points[cell]) for cell, score in got.items())


@pytest.mark.parametrize("name", NAMES)
def test_there_are_enough_cases(name):
    wrong = [case for case in cases(name) if case.lost]
    right = [case for case in cases(name) if not case.lost]
    assert len(wrong) >= 12
    assert len(right) >= 5
    assert len({case.name for case in wrong + right}) == len(wrong + right)
    assert all(case.points < 90 for case in wrong)


@pytest.mark.parametrize("name", NAMES)
def test_every_test_cell_is_failed_by_somebody(name, classes):
    """A test that no wrong submission fails may be one that cannot fail."""
    assert set(classes(name).max_points) == set().union(*(case.lost for case in cases(name)))


@pytest.mark.parametrize("name", NAMES)
def test_solution_gets_all_automatic_points_and_waits_for_a_reader(name, classes):
    graded = classes(name)
    solution = dict(graded.scores["solution"])
    written = set(solution) - set(graded.max_points)
    assert [solution.pop(cell) for cell in written] == [None]
    assert solution == graded.max_points


@pytest.mark.parametrize("name", NAMES)
def test_untouched_release_gets_nothing(name, classes):
    assert set(classes(name).scores["untouched"].values()) == {0}


@pytest.mark.parametrize("name", NAMES)
def test_missing_and_broken_notebooks_have_no_points_and_stop_nobody(name, classes):
    scores = classes(name).scores
    assert set(scores["a_missing_notebook"].values()) == set(scores["b_broken_notebook"].values()) == {0}
    assert set(scores) >= {case.name for case in cases(name)}


@pytest.mark.parametrize("name", NAMES)
def test_grader_sees_the_rubric(name, classes):
    autograded = (classes(name).root / "autograded" / "solution" / name / f"{name}.ipynb").read_text(encoding="utf-8")
    assert "For the grader" in autograded


def test_feedback_shows_the_hint_but_no_hidden_test_and_no_rubric(classes):
    student, name = "swapped_feature_order_and_ridge_penalises_bias", "a1_linear_fitting"
    root = classes(name).root
    nbgrader(root, "generate_feedback", name, f"--student={student}")
    html = (root / "feedback" / student / name / f"{name}.html").read_text(encoding="utf-8")
    assert "&lt;p&gt;" not in html  # nbgrader would show a tag that it does not allow
    assert "ridge hidden: failed</b>, 0 of 5 points" in html
    assert "Hint: The error is a sum over samples, the penalty leaves out the bias" in html
    assert "Traceback (most" not in html
    assert "check_unchanged(fit_ridge" not in html
    for secret in ("reference_ridge", "whole[:, -1]", "BEGIN HIDDEN TESTS", "For the grader"):
        assert secret not in html
