"""Tests that are too easy to pass are named, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_grader.__main__ import main
from course_grader.course import Course
from course_grader.lint import read_tests, run_tests
from course_grader.notebooks import read_notebook, write_notebook
from course_grader.template import Template, read_template

from .attacks.assignment import NAME, source_notebook
from .conftest import needs_sandbox

SOURCES = Path(__file__).resolve().parents[2] / "assignments" / "source"


def template(**tests: str) -> Template:
    """The probe with other tests."""
    notebook = source_notebook()
    for cell in notebook.cells:
        cell.source = tests.get(cell.id, cell.source)
    return Template(notebook, {})


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("assert np.allclose(center([1, 3]), [-1, 1])", True),
        ("assert np.isclose(add(1, 2), 3).all()", True),
        ("np.testing.assert_allclose(center([1]), 0)", True),
        ("got = center([1, 3])\nassert got.shape == (2,) and np.allclose(got, [-1, 1])", False),
        ("assert np.isclose(float(add(1, 2)), 3)", False),
        ("assert np.array_equal(center([1, 3]), [-1, 1])", False),
        ("%time\ndef shapes(x):\n    return x.shape\nassert np.allclose(center([1, 3]), [-1, 1])", True),
        ("# Lint: the number is ours\nassert np.allclose(center([1, 3]), [-1, 1])", False),
    ],
)
def test_comparisons_that_broadcast_without_a_look_at_the_shape(test, found):
    named = [finding.where for finding in read_tests(template(test_center_public=test))]
    assert ("test_center_public" in named) == found
    assert [name for name in named if name not in ("test_center_public", "checks")] == []


@pytest.mark.parametrize("name", sorted(path.name for path in SOURCES.iterdir() if any(path.glob("*.ipynb"))))
def test_no_test_of_the_course_broadcasts_by_mistake(name):
    assert read_tests(read_template(SOURCES / name / f"{name}.ipynb")) == []


@needs_sandbox
def test_tests_that_give_points_to_functions_that_know_nothing(course, sandbox):
    assert run_tests(Course(course).source(NAME), sandbox) == []
    path = course / "source" / NAME / f"{NAME}.ipynb"
    notebook = read_notebook(path)
    weak = {
        "test_add_public": "assert add(1, 2) is not None",
        "test_center_public": "assert np.allclose(center([1, 3]), [[-1, 1]])",
        "test_limit_public": "# Lint: any limit will do\nassert limit == limit",
    }
    for cell in notebook.cells:
        cell.source = weak.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    write_notebook(notebook, path)
    found = {finding.where: finding.reason for finding in run_tests(Course(course).source(NAME), sandbox)}
    assert set(found) == {"test_add_public", "test_center_public"}
    assert "an empty array" in found["test_add_public"]
    assert found["test_center_public"] == "gives of its 1 points to functions that return an array of no rows"


@needs_sandbox
def test_the_command_names_them_and_fails(course, capsys):
    path = course / "source" / NAME / f"{NAME}.ipynb"
    notebook = read_notebook(path)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "checks":
            cell.source = cell.source.replace("actual.shape == np.shape(expected)", "actual is not None")
    write_notebook(notebook, path)
    assert main(["lint", NAME, "--root", str(course)]) == 1
    assert "checks: allclose agrees with" in capsys.readouterr().out
