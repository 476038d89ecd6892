"""Grading a class with Dask: right grades, a log, resuming after kill -9, lost workers, exports."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_grader.batch import grade_class, table
from course_grader.course import Course, GradingError
from course_grader.export import OPEN_NOTE, STALE_NOTE, export
from course_grader.record import STALE

from .attacks.assignment import NAME
from .conftest import hand_in, needs_sandbox, scores

STUDENTS = {"ann": "honest_a", "bob": "patched_checks", "cem": "not_json", "dia": "endless_function", "eve": "schema_1"}
POINTS = {"ann": 10, "bob": 7, "cem": 0, "dia": 7, "eve": 10}

pytestmark = needs_sandbox


def command(root: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "course_grader", *arguments, "--root", str(root)]


def test_a_class_gets_its_grades_and_a_log_and_is_not_graded_twice(course):
    hand_in(course, STUDENTS)
    lines = grade_class(Course(course), NAME, workers=2, show=False)
    assert scores(course) == POINTS
    assert {line.student: line.points for line in lines} == POINTS
    logged = [json.loads(line) for line in (course / "autograded" / f"{NAME}.jsonl").read_text().splitlines()]
    assert {line["student"]: line["points"] for line in logged} == POINTS
    assert next(line["statuses"] for line in logged if line["student"] == "dia") == {"timeout": 2, "passed": 4}
    text = table(lines)
    assert "5 of 5 graded, mean 6.8 points" in text
    assert all(student in text for student in STUDENTS)
    assert grade_class(Course(course), NAME, show=False) == []


def test_after_kill_9_the_same_command_goes_on(course, programs):
    students = {f"s{i:02d}": "honest_a" for i in range(6)} | {"z": "patched_checks"}
    hand_in(course, students)
    run = command(course, "autograde", NAME, "--workers", "1")
    log = course / "autograded" / f"{NAME}.jsonl"
    process = subprocess.Popen(run, env=programs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (log.exists() and len(log.read_text().splitlines()) >= 2):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = scores(course)
    assert 2 <= len(before) < len(students)
    done = subprocess.run(run, env=programs, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert scores(course) == dict.fromkeys(students, 10) | {"z": 7}
    assert not list((course / "autograded").rglob(STALE))
    again = {student for student in before if f"\n{student} " in "\n" + done.stdout}
    assert len(again) <= 1  # at most the one that was being written


def test_a_killed_worker_loses_no_grade(course, programs):
    import psutil

    students = {f"s{i:02d}": "honest_a" for i in range(8)}
    hand_in(course, students)
    run = command(course, "autograde", NAME, "--workers", "2")
    log = course / "autograded" / f"{NAME}.jsonl"
    process = subprocess.Popen(run, env=programs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (log.exists() and log.read_text()):
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    workers[0].kill()
    out, _ = process.communicate(timeout=180)
    assert process.returncode == 0, out
    assert scores(course) == dict.fromkeys(students, 10)


def test_a_scheduler_that_is_not_there_is_one_line(course, programs):
    hand_in(course, {"ann": "honest_a"})
    run = command(course, "autograde", NAME, "--scheduler", "tcp://127.0.0.1:9")
    done = subprocess.run(run, env=programs, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: no Dask scheduler answers at tcp://127.0.0.1:9")
    assert scores(course) == {}


def test_export_for_people_canvas_and_moodle(course):
    hand_in(course, {"ann": "honest_a", "bob": "patched_checks"})
    grade_class(Course(course), NAME, workers=1, show=False)
    home = Course(course)
    with home.gradebook() as gradebook:
        gradebook.update_or_create_student("ann", first_name="Ann", last_name="=Cho", email="ann@example.org")
        gradebook.update_or_create_student("nil")
    rows = list(csv.DictReader(io.StringIO(export(home, NAME))))
    assert [(row["student"], row["score"], row["note"]) for row in rows] == [
        ("ann", "10", OPEN_NOTE),
        ("bob", "7", OPEN_NOTE),
        ("nil", "", ""),
    ]
    assert rows[0]["max"] == "15"
    assert rows[0]["last name"] == " =Cho"  # no formula for a spreadsheet
    canvas = list(csv.reader(io.StringIO(export(home, NAME, "canvas"))))
    assert canvas[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME]
    assert canvas[1][0].strip() == "Points Possible"
    assert canvas[1][5] == "15"
    assert canvas[3] == ["bob", "", "bob", "bob", "", "7"]
    moodle = list(csv.DictReader(io.StringIO(export(home, NAME, "moodle"))))
    assert moodle[0]["Email address"] == "ann@example.org"
    assert [row[f"Assignment: {NAME}"] for row in moodle] == ["10", "7", ""]
    # A newer submission that could not be graded yet.
    (course / "autograded" / "bob" / NAME / STALE).write_text("x")
    assert [row["note"] for row in csv.DictReader(io.StringIO(export(home, NAME)))] == [OPEN_NOTE, STALE_NOTE, ""]
    moodle = list(csv.DictReader(io.StringIO(export(home, NAME, "moodle"))))
    assert [row[f"Assignment: {NAME}"] for row in moodle] == ["10", "", ""]
    assert moodle[1][f"Assignment: {NAME} (Feedback)"] == STALE_NOTE
    for wrong, kind in (("none", "table"), (NAME, "excel")):
        with pytest.raises(GradingError, match=r"none|excel"):
            export(home, wrong, kind)


def test_a_newer_submission_is_graded_again_and_a_manual_grade_waits_for_a_look(course):
    hand_in(course, {"ann": "patched_checks"})
    folder = course / "submitted" / "ann" / NAME
    (folder / "timestamp.txt").write_text("2026-01-01 10:00:00 UTC")
    grade_class(Course(course), NAME, workers=1, show=False)
    with Course(course).gradebook() as gradebook:
        grade = gradebook.find_grade("answer", NAME, NAME, "ann")
        grade.manual_score = 4
        grade.needs_manual_grade = False
        gradebook.db.commit()
    assert grade_class(Course(course), NAME, show=False) == []
    (folder / f"{NAME}.ipynb").unlink()
    folder.rename(folder.with_name("old"))
    hand_in(course, {"ann": "honest_a"})
    (folder / "timestamp.txt").write_text("2026-01-02 10:00:00 UTC")
    grade_class(Course(course), NAME, workers=1, show=False)
    with Course(course).gradebook() as gradebook:
        submission = gradebook.find_submission(NAME, "ann")
        assert submission.score == 10 + 4
        assert not (course / "autograded" / "ann" / NAME / STALE).exists()
        assert gradebook.find_grade("answer", NAME, NAME, "ann").needs_manual_grade
        assert submission.timestamp.isoformat() == "2026-01-02T10:00:00"


def test_a_changed_source_is_refused_until_it_is_released(course):
    path = course / "source" / NAME / f"{NAME}.ipynb"
    path.write_text(path.read_text().replace('"points": 3', '"points": 4'))
    with pytest.raises(GradingError, match="was changed since its release"):
        Course(course).assignment(NAME)
    with pytest.raises(GradingError, match="'nothing' is no assignment"):
        Course(course).assignment("nothing")
    with pytest.raises(GradingError, match="is not a course root"):
        Course(course / "source")


def test_a_cluster_of_others_and_the_loss_of_its_scheduler(course, programs):
    """Grades written before the scheduler was killed stay; the same command without it grades the rest."""
    students = {f"s{i:02d}": "honest_a" for i in range(12)}
    hand_in(course, students)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    quiet = {"env": programs, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": course}
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", address, "--no-dashboard", "--no-show"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
    log = course / "autograded" / f"{NAME}.jsonl"
    scheduler = subprocess.Popen(dask, **quiet)
    helper = subprocess.Popen([*worker, "--no-dashboard", "--death-timeout", "20"], **quiet)
    try:
        run = [*command(course, "autograde", NAME), "--scheduler", address]
        process = subprocess.Popen(run, env=programs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (log.exists() and len(log.read_text().splitlines()) >= 2):
            time.sleep(0.05)
        scheduler.kill()
        out, _ = process.communicate(timeout=120)
    finally:
        scheduler.kill()
        helper.kill()
        scheduler.wait()
        helper.wait()
    before = scores(course)
    assert 2 <= len(before) < len(students), out
    assert set(before.values()) == {10}
    assert process.returncode == 1
    assert [line for line in out.splitlines() if line.startswith("error: the workers were lost")], out
    grade_class(Course(course), NAME, workers=1, show=False)
    assert scores(course) == dict.fromkeys(students, 10)


def test_late_submissions_get_the_penalty_of_nbgraders_plugin(course):
    with open(course / "nbgrader_config.py", "a") as config:
        config.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    with Course(course).gradebook() as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-01 12:00:00 UTC")
    hand_in(course, {"ann": "honest_a", "bob": "honest_a"})
    for student, day in (("ann", "02-28"), ("bob", "03-02")):
        (course / "submitted" / student / NAME / "timestamp.txt").write_text(f"2026-{day} 12:00:00 UTC")
    grade_class(Course(course), NAME, workers=1, show=False)
    rows = {row["student"]: row for row in csv.DictReader(io.StringIO(export(Course(course), NAME)))}
    assert (rows["ann"]["score"], rows["ann"]["late penalty"]) == ("10", "0")
    assert (rows["bob"]["score"], rows["bob"]["late penalty"]) == ("0", "10")
