"""Every assignment's sample submissions get their exact points: each is run in the sandbox and judged as in a class.

One class of tests an assignment, so that `test_submissions.py::TestA3` is one unit of work. What comes after the judge
(workers, gradebook, feedback) is tested with a class of students in test_class.py.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace

import nbformat
import pytest

from course_grader.course import Assignment, Course, grade_all
from course_grader.grade import Graded, is_shared, is_test, settings
from course_grader.notebooks import build_submission, read_notebook, solution_sources

from .conftest import source_notebook
from .submissions import cases

PATIENT = {"cell": 600.0, "test": 600.0, "notebook": 3000.0}  # seconds: how busy the machine is decides nothing


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case of the class's assignment."""
    if "case" in metafunc.fixturenames:
        found = cases(metafunc.cls.name)
        metafunc.parametrize("case", found, ids=[case.name for case in found])


def is_demonstration(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell only shows something: no test needs it."""
    return cell.cell_type == "code" and not (is_test(cell) or is_shared(cell) or settings(cell).get("solution"))


def without_demonstrations(exam: Assignment) -> Assignment:
    """The assignment without cells that only show something: they take half of a submission's time."""
    template = exam.templates[exam.name]
    notebook = copy.deepcopy(template.notebook)
    notebook.cells = [cell for cell in notebook.cells if not is_demonstration(cell)]
    return replace(exam, templates={exam.name: replace(template, notebook=notebook)})


@pytest.fixture(scope="class")
def exam(request, released) -> Assignment:
    """The assignment as `python -m course_grader autograde` reads it, but for the time that it gives."""
    name = request.cls.name
    exam = Course(released(name)).assignment(name)
    return replace(exam, limits=replace(exam.limits, **PATIENT))


@pytest.fixture(scope="class")
def grade(request, released, sandbox) -> Callable[[Assignment, dict[str, str]], Graded]:
    """Hand in the release with the given sources of its solution cells, and grade it."""
    name = request.cls.name
    release = read_notebook(released(name) / "release" / name / f"{name}.ipynb")

    def grade(exam: Assignment, sources: dict[str, str]) -> Graded:
        handed_in = json.loads(nbformat.writes(build_submission(release, sources)))
        return grade_all(exam, {name: handed_in}, sandbox)[name]

    return grade


class Submissions:
    """The tests; a subclass names its assignment."""

    name: str

    def test_points(self, case, exam, grade):
        solution = solution_sources(source_notebook(self.name))
        verdicts = grade(without_demonstrations(exam), case.sources(solution)).verdicts
        assert {verdict.status for verdict in verdicts} <= {"passed", "failed", "error"}
        assert {verdict.test for verdict in verdicts if verdict.points == 0} == case.lost
        assert all(verdict.points in (0, verdict.max_points) for verdict in verdicts)
        assert sum(verdict.points for verdict in verdicts) == (90 if case.points is None else case.points)

    def test_the_solution_with_its_demonstrations_gets_all_points_and_the_grader_sees_the_rubric(self, exam, grade):
        graded = grade(exam, solution_sources(source_notebook(self.name)))
        assert [verdict.points for verdict in graded.verdicts] == [verdict.max_points for verdict in graded.verdicts]
        assert graded.points == 90
        for cell in graded.notebook.cells:
            assert not (is_demonstration(cell) and [out for out in cell.outputs if out.output_type == "error"]), cell.id
        assert any("For the grader" in cell.source for cell in graded.notebook.cells)

    def test_the_untouched_release_gets_nothing(self, exam, grade):
        verdicts = grade(exam, {}).verdicts
        assert {verdict.points for verdict in verdicts} == {0}

    def test_there_are_enough_cases(self):
        wrong = [case for case in cases(self.name) if case.lost]
        right = [case for case in cases(self.name) if not case.lost]
        assert len(wrong) >= 12
        assert len(right) >= 5
        assert len({case.name for case in wrong + right}) == len(wrong + right)
        assert all(case.points < 90 for case in wrong)

    def test_every_test_cell_is_failed_by_somebody(self, exam):
        """A test that no wrong submission fails may be one that cannot fail."""
        tests = {settings(cell)["grade_id"] for cell in exam.templates[self.name].notebook.cells if is_test(cell)}
        assert tests == set().union(*(case.lost for case in cases(self.name)))


class TestA1(Submissions):
    name = "a1_linear_fitting"


class TestA2(Submissions):
    name = "a2_image_retrieval"


class TestA3(Submissions):
    name = "a3_denoising"


class TestA4(Submissions):
    name = "a4_texture_synthesis"


class TestA5(Submissions):
    name = "a5_neural_implicit"


def test_every_assignment_has_its_class():
    from .conftest import NAMES

    assert sorted(kind.name for kind in Submissions.__subclasses__()) == NAMES
