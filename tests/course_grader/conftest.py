"""A course with the small assignment `probe`, and a few students."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course_grader.sample_class import environment, release_assignment
from course_grader.sandbox import why_no_sandbox

from .attacks.assignment import NAME, make_course
from .attacks.submissions import CLASS

needs_sandbox = pytest.mark.skipif(bool(why_no_sandbox()), reason=why_no_sandbox() or "never")


def hand_in(root: Path, students: dict[str, str]) -> None:
    """Submissions by name of an attack; "honest_a" is a right one."""
    release = json.loads((root / "release" / NAME / f"{NAME}.ipynb").read_text())
    for student, kind in students.items():
        attack = next(attack for attack in CLASS if attack.name == kind)
        attack.write(root / "submitted" / student / NAME, release)


def scores(root: Path, url: str = "") -> dict[str, float]:
    """Automatic points by student; students without a grade are left out."""
    with Gradebook(url or f"sqlite:///{root / 'gradebook.db'}", "attacks") as gradebook:
        return {
            submission.student.id: sum(grade.auto_score or 0 for n in submission.notebooks for grade in n.grades)
            for submission in gradebook.find_assignment(NAME).submissions
            if any(grade.auto_score is not None for n in submission.notebooks for grade in n.grades)
        }


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A released course root."""
    root = make_course(tmp_path / "course")
    with environment():
        release_assignment(root, NAME)
    return root


@pytest.fixture
def programs() -> dict[str, str]:
    """An environment in which this Python's programs are found."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path}
