"""A course with the small assignment `probe`, and a few students."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course_grader.converter import begin, record
from course_grader.course import Course, grade_all, read_folder
from course_grader.sample_class import environment, release_assignment
from course_grader.sandbox import Sandbox, why_no_sandbox

from .attacks.assignment import NAME, make_course
from .attacks.second import SECOND
from .attacks.submissions import CLASS, Attack

needs_sandbox = pytest.mark.skipif(bool(why_no_sandbox()), reason=why_no_sandbox() or "never")


def hand_in(root: Path, students: dict[str, str]) -> None:
    """Submissions by name of an attack; "honest_a" is a right one."""
    release = json.loads((root / "release" / NAME / f"{NAME}.ipynb").read_text())
    for student, kind in students.items():
        attack = next(attack for attack in [*CLASS, *SECOND] if attack.name == kind)
        attack.write(root / "submitted" / student / NAME, release)


def write(root: Path, student: str, attack: Attack) -> None:
    """One submission that is in no list."""
    release = json.loads((root / "release" / NAME / f"{NAME}.ipynb").read_text())
    attack.write(root / "submitted" / student / NAME, release)


def statuses(root: Path, student: str) -> dict[str, str]:
    """Status by test, from the graded notebook."""
    cells = json.loads((root / "autograded" / student / NAME / f"{NAME}.ipynb").read_text())["cells"]
    graded = [cell["metadata"] for cell in cells if "course_grader" in cell["metadata"]]
    return {meta["nbgrader"]["grade_id"]: meta["course_grader"]["status"] for meta in graded}


def scores(root: Path, url: str = "") -> dict[str, float]:
    """Automatic points by student; students without a grade are left out."""
    with Gradebook(url or f"sqlite:///{root / 'gradebook.db'}", "attacks") as gradebook:
        return {
            submission.student.id: sum(grade.auto_score or 0 for n in submission.notebooks for grade in n.grades)
            for submission in gradebook.find_assignment(NAME).submissions
            if any(grade.auto_score is not None for n in submission.notebooks for grade in n.grades)
        }


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released course root that nobody changes: making its gradebook takes seconds, copying it none."""
    root = make_course(tmp_path_factory.mktemp("released") / "course")
    with open(root / "nbgrader_config.py", "a") as config:
        config.write('c.CourseGrader.modules = ["numpy"]\n')  # each worker that starts would import the others too
    with environment():
        release_assignment(root, NAME)
    return root


@pytest.fixture
def course(released: Path, tmp_path: Path) -> Path:
    """A released course root."""
    return shutil.copytree(released, tmp_path / "course")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A fork server for those tests that grade in this process."""
    with Sandbox(["numpy"]) as sandbox:
        yield sandbox


@pytest.fixture
def grade_here(sandbox: Sandbox) -> Callable[[Course], list[str]]:
    """Grade who is to be graded, one after the other without workers; their names."""

    def grade(home: Course) -> list[str]:
        exam = home.assignment(NAME)
        todo = [student for student in home.students(NAME) if home.is_new(student, NAME)]
        for student in todo:
            begin(home, NAME, student)
            handed_in = read_folder(exam, home.folder("submitted", student, NAME))
            record(home, NAME, student, grade_all(exam, handed_in, sandbox))
        return todo

    return grade


@pytest.fixture
def programs() -> dict[str, str]:
    """An environment in which this Python's programs are found."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path}


@pytest.fixture
def chromium_page() -> Iterator:
    """An empty page of the system's Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium found")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()
