"""The whole way by plain nbgrader commands: release, fetch, submit, collect, autograde, feedback by an exchange."""

from __future__ import annotations

import getpass
import re
import shutil
from pathlib import Path

from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook

from course_grader.notebooks import build_submission, read_notebook, solution_sources, write_notebook
from course_grader.sample_class import environment, grade_submissions, release_assignment

from .conftest import copy_course, grades, nbgrader

A1 = "a1_linear_fitting"
FILE = f"{A1}/{A1}.ipynb"


def test_release_fetch_submit_collect_autograde_feedback(tmp_path: Path):
    instructor = copy_course(tmp_path / "instructor", [A1])
    student = tmp_path / "student"
    exchange = tmp_path / "exchange"
    student.mkdir()
    exchange.mkdir()
    exchange.chmod(0o777)
    where = [f"--Exchange.root={exchange}", f"--Exchange.cache={tmp_path / 'cache'}"]
    who = getpass.getuser()

    nbgrader(instructor, "generate_assignment", A1)
    nbgrader(instructor, "release_assignment", A1, *where)
    nbgrader(student, "fetch_assignment", A1, "--course=cvdl", *where)

    # The student solves the first three exercises and writes an answer.
    release = read_notebook(student / FILE)
    solution = solution_sources(read_notebook(instructor / "source" / FILE))
    solved = {name: solution[name] for name in ("as_floats", "design_line", "design_plane", "design_quadratic")}
    solved["written_answer"] = "The quadratic, because ..."
    write_notebook(build_submission(release, solved), student / FILE)
    nbgrader(student, "submit", A1, "--course=cvdl", *where)

    nbgrader(instructor, "collect", A1, *where)
    assert (instructor / "submitted" / who / FILE).is_file()
    nbgrader(instructor, "autograde", A1)
    nbgrader(instructor, "generate_feedback", A1)
    nbgrader(instructor, "release_feedback", A1, *where)
    nbgrader(student, "fetch_feedback", A1, "--course=cvdl", *where)

    with Gradebook(f"sqlite:///{instructor / 'gradebook.db'}", "cvdl") as gradebook:
        submission = gradebook.find_submission(A1, who)
        assert submission.max_score == 100
        assert submission.score == 5 + 12 + 10  # as_floats, line and plane, quadratic
        assert submission.needs_manual_grade
        assert gradebook.find_grade("written_answer", A1, A1, who).auto_score is None
        assert gradebook.find_grade("test_design_plane_hidden", A1, A1, who).auto_score == 3
        assert gradebook.find_grade("test_fit_public", A1, A1, who).auto_score == 0
    pages = list((student / A1 / "feedback").rglob("*.html"))
    assert len(pages) == 1
    assert "27 of 100" in re.sub(r"<[^>]*>", "", pages[0].read_text(encoding="utf-8"))


def test_validate_tells_a_student_which_visible_tests_fail(released, tmp_path: Path):
    """Correct code that warns on stderr is valid; a wrong function is named with its hint."""
    root = released(A1)
    release = read_notebook(root / "release" / FILE)
    sources = solution_sources(read_notebook(root / "source" / FILE))
    sources["design_line"] = sources["design_line"].replace("x = as", "print('hm', file=sys.stderr)\n    x = as")
    write_notebook(build_submission(release, sources), tmp_path / "right.ipynb")
    sources["root_mean_squared_error"] = "def root_mean_squared_error(t, p):\n    return mean_squared_error(t, p)\n"
    write_notebook(build_submission(release, sources), tmp_path / "wrong.ipynb")
    assert "Success! Your notebook passes all the tests." in nbgrader(tmp_path, "validate", "right.ipynb")
    failed = nbgrader(tmp_path, "validate", "wrong.ipynb")
    assert "The RMSE is the square root of the MSE." in failed
    assert "VALIDATION FAILED ON 3 CELL(S)" in failed


def test_text_on_stderr_costs_no_points(released, tmp_path: Path):
    """Stock nbgrader gives no points to a test cell with anything on stderr; the course's configuration does."""

    def meta(name: str, **more: object) -> dict:
        flags = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        return {"nbgrader": {**flags, "grade_id": name, **more}}

    noisy = "import os, sys\nos.write(2, b'low level')\nprint('high level', file=sys.stderr)\nassert True"
    notebook = new_notebook(
        cells=[
            new_code_cell("x = 1", id="x", metadata=meta("x", solution=True)),
            new_code_cell(noisy, id="test_x", metadata=meta("test_x", grade=True, locked=True, points=3)),
            new_code_cell("assert x == 2", id="test_y", metadata=meta("test_y", grade=True, locked=True, points=4)),
        ],
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
    )
    root = shutil.copytree(released(A1), tmp_path / "course")
    write_notebook(notebook, root / "source" / "tiny" / "tiny.ipynb")
    with environment():
        release_assignment(root, "tiny")
    write_notebook(build_submission(notebook, {"x": "x = 1"}), root / "submitted" / "ann" / "tiny" / "tiny.ipynb")
    grade_submissions(root, "tiny", ("ann",))
    assert grades(root, "tiny") == {"ann": {"test_x": 3, "test_y": 0}}
    cells = read_notebook(root / "autograded" / "ann" / "tiny" / "tiny.ipynb").cells
    assert "high level" in "".join(output.text for output in cells[1].outputs)
