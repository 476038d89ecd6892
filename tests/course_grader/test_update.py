"""An assignment that changes after it was handed in: the printed advice leads to new grades, and loses none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from course_grader.__main__ import main
from course_grader.course import Course, GradingError
from course_grader.sample_class import environment, release_assignment
from course_grader.update import update

from .attacks.assignment import NAME
from .conftest import hand_in, needs_sandbox, scores

NEW = {"grade_id": "test_add_more", "schema_version": 3, "grade": True, "solution": False, "locked": True, "points": 2}


def change(root: Path, edit: Callable[[list], None]) -> None:
    """Edit the cells of the source."""
    path = root / "source" / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    edit(notebook.cells)
    nbformat.write(notebook, path)


def named(cells: list, name: str) -> int:
    """The place of a cell."""
    return next(i for i, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def add_a_test(cells: list) -> None:
    source = "# Points: 2\n# Hint: Add.\ncheck_equal(add(5, 5), 10, 'Add.')"
    meta = {"nbgrader": {**NEW, "task": False}}
    cells.insert(named(cells, "center"), new_code_cell(source, id="test_add_more", metadata=meta))


def change_points(cells: list) -> None:
    cells[named(cells, "test_label_hidden")].metadata.nbgrader.points = 3


def remove_a_test(cells: list) -> None:
    del cells[named(cells, "test_limit_public")]


def answer(root: Path, student: str, points: float | None = None) -> float | None:
    """The points by hand of the written answer, set first if given."""
    with Course(root).gradebook() as gradebook:
        grade = gradebook.find_grade("answer", NAME, NAME, student)
        if points is not None:
            grade.manual_score = points
            gradebook.db.commit()
        return grade.manual_score


@needs_sandbox
def test_the_printed_advice_leads_to_new_grades_with_those_by_hand_kept(course, grade_here, capsys):
    hand_in(course, {"ann": "honest_a", "bob": "patched_checks"})
    grade_here(Course(course))
    assert scores(course) == {"ann": 10, "bob": 7}
    answer(course, "ann", 4)
    for edit in (add_a_test, change_points, remove_a_test):
        change(course, edit)
    command, followed = f"autograde {NAME}", []
    while command:
        followed.append(command)
        assert len(followed) <= 3, followed
        failed = main([*command.split(), "--root", str(course), *(["--workers", "1"] * command.startswith("auto"))])
        said = capsys.readouterr()
        if failed:
            assert len(said.err.splitlines()) == 1
            assert "cells added: test_add_more; cells removed: test_limit_public; points: test_label_hidden 2 to 3" in (
                said.err
            )
        found = re.search(rf"python -m course_grader (\w+ {NAME})", said.err + said.out)
        command = found[1] if found else ""
    assert followed == [f"autograde {NAME}", f"update {NAME}", f"autograde {NAME}"]
    assert scores(course) == {"ann": 10 + 2 + 1 - 1, "bob": 10 - 3 + 1 - 1}
    assert answer(course, "ann") == 4
    with Course(course).gradebook() as gradebook:
        assert gradebook.find_submission(NAME, "ann").score == 12 + 4
        assert gradebook.find_assignment(NAME).max_score == 15 + 2 + 1 - 1
    assert "test_add_more" in (course / "release" / NAME / f"{NAME}.ipynb").read_text()
    with environment():
        release_assignment(course, NAME)  # nbgrader's own command has nothing against it any more


@needs_sandbox
def test_a_cell_with_points_by_hand_is_not_removed_and_nothing_else_either(course, grade_here, capsys):
    hand_in(course, {"ann": "honest_a"})
    grade_here(Course(course))
    answer(course, "ann", 4)
    change(course, add_a_test)
    change(course, lambda cells: cells.pop(named(cells, "answer")))
    assert main(["update", NAME, "--root", str(course)]) == 1
    assert capsys.readouterr().err == (
        f"error: answer was removed from {NAME}, but has points or comments given by hand (ann): put the cell back, or "
        "remove those in the formgrader first\n"
    )
    assert answer(course, "ann") == 4
    with Course(course).gradebook() as gradebook:
        assert "test_add_more" not in {cell.name for cell in gradebook.find_notebook(NAME, NAME).grade_cells}


def test_what_nobody_has_handed_in_is_released_as_by_nbgrader(course):
    change(course, add_a_test)
    with pytest.raises(GradingError, match=r"cells added: test_add_more.*course_grader update probe"):
        Course(course).assignment(NAME)
    update(Course(course), NAME)
    assert Course(course).assignment(NAME).name == NAME
