"""macOS and Windows: everything but grading works, and grading says where it does. The system is pretended here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course_grader import batch  # noqa: F401  # psutil would look for the pretended system
from course_grader.__main__ import main
from course_grader.sample_class import main as sample_class
from course_grader.sandbox import Sandbox, SandboxError

from .attacks.assignment import NAME, make_course


@pytest.fixture(params=["darwin", "win32"])
def elsewhere(request, monkeypatch):
    monkeypatch.setattr(sys, "platform", request.param)


def test_trusted_code_has_no_sandbox_either(elsewhere):
    with pytest.raises(SandboxError, match="on Linux only"):
        Sandbox(["json"], isolate=False)


def test_the_releases_are_made_and_nobody_is_graded(monkeypatch, tmp_path: Path, capsys):
    root = make_course(tmp_path / "course")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sample_class([str(root)]) == 0
    said = capsys.readouterr().out.strip().splitlines()
    assert len(said) == 1
    assert "not graded: submissions are graded on Linux only" in said[0]
    assert (root / "release" / NAME / f"{NAME}.ipynb").is_file()
    assert not (root / "submitted").exists()
    assert not (root / "feedback").exists()


def test_a_course_without_assignments_is_refused_there_too(elsewhere, tmp_path: Path, capsys):
    root = make_course(tmp_path / "course")
    shutil.rmtree(root / "source")
    assert sample_class([str(root)]) == 1
    assert capsys.readouterr().err.startswith("error: no assignment found")


def test_a_students_own_check_points_to_validate(elsewhere, tmp_path: Path, capsys):
    notebook = make_course(tmp_path / "course") / "source" / NAME / f"{NAME}.ipynb"
    assert main(["check", str(notebook)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: this check runs on Linux only; press Validate instead: it runs the same visible tests"
    ]


@pytest.mark.parametrize("accepted", [False, True])
def test_a_class_is_refused_in_one_line(elsewhere, accepted, course: Path, capsys):
    with (course / "nbgrader_config.py").open("a") as config:
        config.write(f"\nc.CourseGrader.accept_no_sandbox = {accepted}\n")
    assert main(["autograde", NAME, "--root", str(course)]) == 1
    assert "on Linux only" in capsys.readouterr().err


def test_the_commands_load_nothing_that_only_linux_has():
    modules = "course_grader.__main__, course_grader.sample_class, course_grader.batch, course_grader.export"
    code = f"import sys, {modules}; print('course_grader.confine' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
