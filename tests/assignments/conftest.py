"""Course roots in temporary folders, and the nbgrader commands run there as an instructor would type them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import matplotlib
import pytest
import torch
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from course_grader.course import Course
from course_grader.grade import is_shared
from course_grader.notebooks import read_notebook, solution_sources
from course_grader.sample_class import environment, release_assignment
from course_grader.sandbox import Sandbox

GRADED = ["test_class.py", "test_commands.py", "test_sample_class.py", "test_submissions.py"]
collect_ignore = [] if sys.platform == "linux" else GRADED  # submissions are graded on Linux only
ASSIGNMENTS = Path(__file__).resolve().parents[2] / "assignments"
NAMES = sorted(path.name for path in (ASSIGNMENTS / "source").iterdir() if any(path.glob("*.ipynb")))


def copy_course(target: Path, names: list[str] = NAMES) -> Path:
    """A course root with only the configuration and the sources of some assignments."""
    target.mkdir(parents=True)
    shutil.copy(ASSIGNMENTS / "nbgrader_config.py", target)
    ignore = shutil.ignore_patterns(".ipynb_checkpoints")
    for name in names:
        shutil.copytree(ASSIGNMENTS / "source" / name, target / "source" / name, ignore=ignore)
    return target


def source_notebook(name: str) -> NotebookNode:
    """The instructor's notebook of an assignment."""
    return read_notebook(ASSIGNMENTS / "source" / name / f"{name}.ipynb")


def defined(source: NotebookNode, changes: dict | None = None) -> dict:
    """What the locked and the solution cells of a notebook define, run here; `changes` are those of a `Case`."""
    from .submissions.case import Case  # that package needs NAMES

    matplotlib.use("Agg")
    solutions = Case("", frozenset(), None, changes or {}).sources(solution_sources(source))
    found: dict = {}
    for cell in source.cells:
        if cell.cell_type == "code" and (is_shared(cell) or cell.id in solutions):
            text = solutions.get(cell.id, cell.source).replace("sys.stderr = sys.stdout", "")
            exec(compile(text, cell.id, "exec"), found)
    return found


@pytest.fixture
def define() -> Iterator[Callable[..., dict]]:
    """The function `defined`; the notebook's number of threads does not outlive the test."""
    threads = torch.get_num_threads()
    yield defined
    torch.set_num_threads(threads)


def nbgrader(folder: Path, *arguments: str, fails: bool = False) -> str:
    """Run one nbgrader command in a folder and return what it logged."""
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments], cwd=folder, env=environment, text=True, capture_output=True
    )
    log = done.stdout + done.stderr
    assert fails or done.returncode == 0, f"nbgrader {' '.join(arguments)} ended with {done.returncode}:\n{log[-3000:]}"
    return log


def grades(root: Path, assignment: str) -> dict[str, dict[str, float | None]]:
    """The automatic score of each graded cell, by student, from the gradebook."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {grade.name: grade.auto_score for n in submission.notebooks for grade in n.grades}
            for submission in gradebook.find_assignment(assignment).submissions
        }


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """By assignment, a course root that has its release, made when it is first asked for; tests must not change it."""
    root = copy_course(tmp_path_factory.mktemp("released") / "course")

    @cache
    def release(name: str) -> Path:
        with environment():
            release_assignment(root, name)
        return root

    return release


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A fork server with the modules of the course."""
    with Course(ASSIGNMENTS).sandbox() as sandbox:
        yield sandbox
