"""The bundled sample class: its scores, what a second run does, and what broken submissions and sources do."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from course_grader import sample_class
from course_grader.notebooks import read_notebook, solution_sources, write_notebook
from course_grader.sample_class import STUDENTS, GradingError, grade_sample_class, grade_submissions, main

from .conftest import copy_course

A1 = "a1_linear_fitting"
FILE = f"{A1}/{A1}.ipynb"
# Half of the solution cells are the first six: as_floats, line, plane, quadratic, fit, MSE.
EXPECTED = {"sample_complete": 90, "sample_half": 5 + 12 + 10 + 14 + 5, "sample_untouched": 0}


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    """A course root whose sample class has been graded once."""
    root = copy_course(tmp_path_factory.mktemp("sample") / "course", [A1])
    grade_sample_class(root)
    return root


def test_scores_and_feedback(sample, capsys):
    assert main([str(sample)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for student, score in EXPECTED.items():
        assert re.search(rf"^{student} +{A1} +{score:g} / 90 +10 open$", out, re.MULTILINE)
    assert f"feedback: {sample}/feedback/STUDENT/ASSIGNMENT/*.html" in out
    for student in STUDENTS:
        assert (sample / "feedback" / student / A1 / f"{A1}.html").is_file()


def test_second_run_grades_nothing(sample, monkeypatch):
    monkeypatch.setattr(sample_class, "release_assignment", lambda *a, **k: pytest.fail("released again"))
    monkeypatch.setattr(sample_class, "grade_submissions", lambda *a, **k: pytest.fail("graded again"))
    start = time.perf_counter()
    rows = grade_sample_class(sample)
    assert {row.student: row.score for row in rows} == EXPECTED
    assert {(row.max_score, row.manual_score) for row in rows} == {(90, 10)}
    assert time.perf_counter() - start < 30  # a fuse: grading is replaced above, so only the gradebook is read


@pytest.mark.parametrize("change", ["source", "config", "weights", "feedback", "stamp"])
def test_what_makes_it_grade_again(sample, change, monkeypatch, tmp_path):
    calls = []
    library = shutil.copytree(sample_class.LIBRARY, tmp_path / "course_lib")
    monkeypatch.setattr(sample_class, "LIBRARY", library)
    monkeypatch.setattr(sample_class, "release_assignment", lambda root, name, forget: calls.append(name))
    monkeypatch.setattr(sample_class, "_hand_in", lambda *a: None)
    monkeypatch.setattr(sample_class, "grade_submissions", lambda *a, **k: [])
    path = {
        "source": sample / "source" / FILE,
        "config": sample / "nbgrader_config.py",
        "weights": library / "checkpoints" / "backbone.safetensors",
        "feedback": sample / "feedback" / STUDENTS[0] / A1 / f"{A1}.html",
        "stamp": sample / "autograded" / ".sample_class.json",
    }[change]
    assert len(grade_sample_class(sample)) == len(STUDENTS)
    assert calls == []  # a copy of the library changes nothing
    before, stamps = path.read_bytes(), (sample / "autograded" / ".sample_class.json").read_bytes()
    try:
        if change == "feedback":
            path.unlink()
        elif change == "stamp":
            path.write_text("not json")
        else:
            path.write_bytes(before + b"\n")
        assert grade_sample_class(sample) == []  # the replaced grading returns no rows
        assert calls == [A1]
    finally:
        path.write_bytes(before)
        (sample / "autograded" / ".sample_class.json").write_bytes(stamps)


@pytest.mark.parametrize(("digest", "again"), [("same", False), ("other", True)])
def test_a_digest_of_what_is_used_replaces_the_whole_library(sample, digest, again, monkeypatch, tmp_path):
    """With one, a file of the library that the assignment does not use makes nothing graded again."""
    calls = []
    library = shutil.copytree(sample_class.LIBRARY, tmp_path / "course_lib")
    monkeypatch.setattr(sample_class, "LIBRARY", library)
    monkeypatch.setattr(sample_class, "release_assignment", lambda root, name, forget: calls.append(name))
    monkeypatch.setattr(sample_class, "_hand_in", lambda *a: None)
    monkeypatch.setattr(sample_class, "grade_submissions", lambda *a, **k: [])
    stamp = sample / "autograded" / ".sample_class.json"
    before = stamp.read_bytes()
    try:
        grade_sample_class(sample, {A1: "same"})
        assert calls == [A1]
        (library / "__init__.py").write_text("changed = True")
        grade_sample_class(sample, {A1: digest})
        assert calls == [A1] * (2 if again else 1)
    finally:
        stamp.write_bytes(before)


def test_the_command_takes_the_digests(sample, monkeypatch):
    asked = []
    monkeypatch.setattr(sample_class, "grade_sample_class", lambda root, library: asked.append(library) or [])
    monkeypatch.setattr(sample_class, "_print_table", lambda rows, root: None)
    main([str(sample), "--library", json.dumps({A1: "same"})])
    main([str(sample)])
    assert asked == [{A1: "same"}, None]


def test_broken_submissions_stop_nobody(sample):
    students = ("bad_json", "no_notebook", "old_metadata", "zoe")
    release = read_notebook(sample / "release" / FILE)
    complete = read_notebook(sample / "submitted" / "sample_complete" / FILE)
    write_notebook(complete, sample / "submitted" / "zoe" / FILE)
    (sample / "submitted" / "no_notebook" / A1).mkdir(parents=True)
    bad = sample / "submitted" / "bad_json" / FILE
    bad.parent.mkdir(parents=True)
    bad.write_text('{"cells": [', encoding="utf-8")
    for cell in release.cells:  # metadata of 2016, at which nbgrader itself stops the whole class
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["schema_version"] = 1
    write_notebook(release, sample / "submitted" / "old_metadata" / FILE)

    rows = {row.student: row for row in grade_submissions(sample, A1, students)}
    assert list(rows) == list(students)
    assert {student: row.score for student, row in rows.items()} == dict.fromkeys(students, 0) | {"zoe": 90}
    reasons = {"bad_json": "is not JSON", "no_notebook": "was not handed in", "old_metadata": "", "zoe": ""}
    for student, reason in reasons.items():
        assert rows[student].feedback == sample / "feedback" / student / A1
        assert reason in rows[student].note
        assert bool(rows[student].note) == bool(reason)
        assert "\n" not in rows[student].note


def test_changed_cells_are_refused_while_real_students_have_handed_in(sample):
    """The sample students are forgotten and graded anew, but a real student's grades are not thrown away."""
    source = sample / "source" / FILE
    before = source.read_bytes()
    notebook = read_notebook(source)
    notebook.cells = [cell for cell in notebook.cells if cell.id != "test_choose_errors"]
    untouched = read_notebook(sample / "submitted" / "sample_untouched" / FILE)
    write_notebook(untouched, sample / "submitted" / "real" / FILE)
    assert grade_submissions(sample, A1, ("real",))[0].score == 0
    try:
        write_notebook(notebook, source)
        with pytest.raises(GradingError, match="its cells changed, but students have handed it in"):
            grade_sample_class(sample)
    finally:
        source.write_bytes(before)


def test_errors_are_one_line(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path} is not a course root: it has no nbgrader_config.py\n"
    root = copy_course(tmp_path / "course")
    (root / "source" / FILE).write_text("{", encoding="utf-8")
    assert main([str(root)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "is not a valid notebook" in error
    assert error.count("\n") == 1


def test_half_is_the_first_half_of_the_solution_cells(sample):
    solution = solution_sources(read_notebook(sample / "source" / FILE))
    half = solution_sources(read_notebook(sample / "submitted" / "sample_half" / FILE))
    filled = [name for name in solution if half[name] == solution[name]]
    assert filled == list(solution)[: len(solution) // 2]


def test_stamp_file_is_json(sample):
    assert set(json.loads((sample / "autograded" / ".sample_class.json").read_text())) == {A1}


def test_the_environment_is_as_it_was_afterwards(monkeypatch):
    """nbgrader's own helper for this deletes PATH instead of restoring it."""
    monkeypatch.setenv("PATH", "/somewhere")
    with sample_class.environment():
        assert os.environ["PATH"].endswith(os.pathsep + "/somewhere")
    assert os.environ["PATH"] == "/somewhere"
