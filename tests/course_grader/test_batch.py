"""Grading a class with Dask: right grades, a log, resuming after kill -9, lost workers, exports."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import dask
import pytest
from distributed import Client

from course_grader import batch
from course_grader.__main__ import main
from course_grader.batch import grade_class, grade_in_worker, table
from course_grader.course import Course, GradingError
from course_grader.export import OPEN_NOTE, STALE_NOTE, _safe, export, remarks
from course_grader.record import STALE, has_unreadable_timestamp, read_timestamp
from course_grader.tls import temporary_security

from .attacks.assignment import NAME
from .attacks.submissions import Attack
from .conftest import hand_in, needs_sandbox, scores, write

STUDENTS = {"ann": "honest_a", "bob": "patched_checks", "cem": "not_json", "dia": "endless_function", "eve": "schema_1"}
POINTS = {"ann": 10, "bob": 7, "cem": 0, "dia": 7, "eve": 10}

pytestmark = needs_sandbox


WHEN = """
import os, psutil, signal, sys
from course_grader import batch
from course_grader.__main__ import main

real, lines = batch._line, []

def line(*arguments):
    lines.append(real(*arguments))
    if len(lines) == {number}:
        {act}
    return lines[-1]

batch._line = line
sys.exit(main(sys.argv[1:]))
"""


def command(root: Path, *options: str, number: int, act: str) -> list[str]:
    """The command that grades a class and does something evil when it has written its nth submission."""
    code = WHEN.format(number=number, act=act)
    return [sys.executable, "-c", code, "autograde", NAME, "--root", str(root), *options]


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
    students = {f"s{i:02d}": "honest_a" for i in range(4)} | {"z": "patched_checks"}
    hand_in(course, students)
    run = command(course, "--workers", "1", number=2, act="os.kill(os.getpid(), signal.SIGKILL)")
    done = subprocess.run(run, env=programs, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert len(scores(course)) == 2
    again = grade_class(Course(course), NAME, workers=1, show=False)
    assert scores(course) == dict.fromkeys(students, 10) | {"z": 7}
    assert not list((course / "autograded").rglob(STALE))
    assert len(again) == 3


def test_a_killed_worker_loses_no_grade(course, programs):
    students = {f"s{i:02d}": "honest_a" for i in range(6)}
    hand_in(course, students)
    workers = "[child for child in psutil.Process().children() if 'spawn_main' in ' '.join(child.cmdline())]"
    run = command(course, "--workers", "2", number=1, act=f"{workers}[0].kill()")
    done = subprocess.run(run, env=programs, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 graded" in done.stdout
    assert scores(course) == dict.fromkeys(students, 10)


def deadly(assignment, handed_in, key):
    """Grade a submission; one that says so takes its worker along."""
    if b"KILLS ITS WORKER" in next(iter(handed_in.values())):
        os._exit(1)
    return grade_in_worker(assignment, handed_in, key)


def test_who_kills_the_workers_is_named_and_dask_is_silent(course, monkeypatch, capfd):
    hand_in(course, {"ann": "honest_a", "zoe": "honest_z"})
    write(course, "eve", Attack("eve", {"label": "# KILLS ITS WORKER"}))
    monkeypatch.setattr(batch, "grade_in_worker", deadly)
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        lines = {line.student: line for line in grade_class(Course(course), NAME, workers=2, show=False)}
    assert {student: line.points for student, line in lines.items()} == {"ann": 10, "eve": None, "zoe": 10}
    assert lines["eve"].note.startswith("not graded: its worker was killed each time")
    said = capfd.readouterr()
    assert said.out == ""
    assert [line for line in said.err.splitlines() if not line.startswith("note")] == []


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
def test_a_scheduler_that_is_not_there_is_one_line(course, monkeypatch, capsys, protocol):
    monkeypatch.setattr(batch, "PATIENCE", 0.5)
    hand_in(course, {"ann": "honest_a"})
    address = f"{protocol}://127.0.0.1:9"
    assert main(["autograde", NAME, "--root", str(course), "--scheduler", address]) == 1
    *warnings, error = capsys.readouterr().err.splitlines()
    assert error.startswith(f"error: no Dask scheduler answers at {address}")
    assert [line.startswith(f"warning: {address} is not protected") for line in warnings] == [True] * (
        protocol == "tcp"
    )
    assert scores(course) == {}


def test_export_for_people_canvas_and_moodle(course, grade_here):
    hand_in(course, {"ann": "honest_a", "bob": "patched_checks"})
    home = Course(course)
    grade_here(home)
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
    assert remarks(home, NAME) == [f"2 of 3 students: {OPEN_NOTE} (ann, bob)"]
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


def test_a_newer_submission_is_graded_again_and_a_manual_grade_waits_for_a_look(course, grade_here):
    hand_in(course, {"ann": "patched_checks"})
    folder = course / "submitted" / "ann" / NAME
    (folder / "timestamp.txt").write_text("2026-01-01 10:00:00 UTC")
    assert grade_here(Course(course)) == ["ann"]
    with Course(course).gradebook() as gradebook:
        grade = gradebook.find_grade("answer", NAME, NAME, "ann")
        grade.manual_score = 4
        grade.needs_manual_grade = False
        gradebook.db.commit()
    assert grade_here(Course(course)) == []
    (folder / f"{NAME}.ipynb").unlink()
    folder.rename(folder.with_name("old"))
    hand_in(course, {"ann": "honest_a"})
    (folder / "timestamp.txt").write_text("2026-01-02 10:00:00 UTC")
    assert grade_here(Course(course)) == ["ann"]
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
    """Grades written before the scheduler was killed stay, and the rest is still to be graded."""
    students = {f"s{i:02d}": "honest_a" for i in range(12)}
    hand_in(course, students)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    quiet = {"env": programs, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": course}
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", address, "--no-dashboard", "--no-show"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
    scheduler = subprocess.Popen(dask, **quiet)
    helper = subprocess.Popen([*worker, "--no-dashboard", "--death-timeout", "20"], **quiet)
    try:
        run = command(course, "--scheduler", address, number=2, act=f"os.kill({scheduler.pid}, signal.SIGKILL)")
        done = subprocess.run(run, env=programs, capture_output=True, text=True)
    finally:
        scheduler.kill()
        helper.kill()
        scheduler.wait()
        helper.wait()
    before = scores(course)
    assert 2 <= len(before) < len(students), done.stderr
    assert set(before.values()) == {10}
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("error: the workers were lost")], done.stderr
    assert [student for student in students if Course(course).is_new(student, NAME)] == sorted(
        set(students) - set(before)
    )


def test_late_submissions_get_the_penalty_of_nbgraders_plugin(course, grade_here):
    with open(course / "nbgrader_config.py", "a") as config:
        config.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    with Course(course).gradebook() as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-01 12:00:00 UTC")
    days = {"ann": "2026-02-28", "bob": "2026-03-02", "eve": "9999-12-31", "zoe": "0001-01-01"}
    hand_in(course, dict.fromkeys(days, "honest_a"))
    for student, day in days.items():
        (course / "submitted" / student / NAME / "timestamp.txt").write_text(f"{day} 12:00:00 UTC")
    grade_here(Course(course))
    rows = {row["student"]: row for row in csv.DictReader(io.StringIO(export(Course(course), NAME)))}
    assert (rows["ann"]["score"], rows["ann"]["late penalty"]) == ("10", "0")
    assert (rows["bob"]["score"], rows["bob"]["late penalty"]) == ("0", "10")
    assert (rows["eve"]["score"], rows["zoe"]["score"]) == ("0", "10")


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-03-01 17:00:00.000000 UTC", "UTC", "2026-03-01 17:00:00"),
        ("2026-03-01 17:00:00.250000 UTC\n", "UTC", "2026-03-01 17:00:00.250000"),
        ("2026-03-01 17:00:00.000000 CST", "Asia/Shanghai", "2026-03-01 09:00:00"),
        ("2026-03-01 17:00:00.000000 CST", "America/Chicago", "2026-03-01 23:00:00"),
        ("2026-07-01 17:00:00.000000 CDT", "America/Chicago", "2026-07-01 22:00:00"),
        ("2026-10-25 02:30:00.000000 CET", "Europe/Berlin", "2026-10-25 01:30:00"),
        ("2026-10-25 02:30:00.000000 CEST", "Europe/Berlin", "2026-10-25 00:30:00"),
        ("2026-03-01 17:00:00.000000 +0800", "UTC", "2026-03-01 09:00:00"),
        ("2026-03-01 17:00:00 +05:30", "UTC", "2026-03-01 11:30:00"),
        ("2026-03-01 17:00:00 -03", "America/Sao_Paulo", "2026-03-01 20:00:00"),
        ("2026-03-01T17:00", "UTC", "2026-03-01 17:00:00"),
        ("2026-03-01 17:00:00 CST", "UTC", None),
        ("2026-03-01 17:00:00 CST", "Nowhere/Else", None),
        ("2026-02-30 17:00:00 UTC", "UTC", None),
        ("9999-12-31 23:00:00 -0800", "UTC", None),
        ("yesterday", "UTC", None),
        ("9" * 190, "UTC", None),
        ("", "UTC", None),
    ],
)
def test_timestamps_of_every_zone_are_read_and_nonsense_is_reported(tmp_path, text, zone, utc):
    (tmp_path / "timestamp.txt").write_text(text)
    found = read_timestamp(tmp_path, zone)
    assert (None if found is None else str(found)) == utc
    assert has_unreadable_timestamp(tmp_path, zone) == (utc is None)


def test_a_newer_submission_without_a_timestamp_is_graded_and_remarks_are_made(course, grade_here):
    hand_in(course, {"ann": "not_json", "bob": "honest_a", "eve": "timestamp_is_no_time", "sam": "under_another_name"})
    home = Course(course)
    assert sorted(grade_here(home)) == ["ann", "bob", "eve", "sam"]
    assert grade_here(home) == []
    shutil.copy(course / "submitted" / "bob" / NAME / f"{NAME}.ipynb", course / "submitted" / "ann" / NAME)
    assert grade_here(home) == ["ann"]
    assert scores(course)["ann"] == 10 == scores(course)["sam"]
    exam = home.assignment(NAME)
    assert home.remarks("bob", exam) == ""
    assert "nobody knows whether it is late" in home.remarks("eve", exam)
    assert home.remarks("sam", exam) == f"'{NAME} (1).ipynb' was read as {NAME}.ipynb"


def test_a_folder_whose_name_is_no_text_stops_nobody(course, grade_here):
    hand_in(course, {"ann": "honest_a", "new\nline": "honest_m"})
    os.rename(os.fsencode(course / "submitted" / "new\nline"), os.fsencode(course / "submitted") + b"/\xff\n")
    home = Course(course)
    assert grade_here(home) == ["ann"]
    assert home.bad_names(NAME) == [r"'\udcff\n'"]


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("=1+1", " =1+1"),
        ("\t=1+1", " =1+1"),
        ("\r\n@SUM(A1)", " @SUM(A1)"),
        ("Ann;=1+1", "Ann; =1+1"),
        ("Ann, =1+1", "Ann, =1+1"),
        ("Ann,=1+1", "Ann, =1+1"),
        ("＝1+1", " ＝1+1"),
        ("Ann-Marie O'Neil", "Ann-Marie O'Neil"),
        ("a+b@c.org", "a+b@c.org"),
        (-1.5, -1.5),
    ],
)
def test_no_field_of_an_export_is_a_formula(value, safe):
    assert _safe(value) == safe


def test_nobody_else_can_speak_to_the_workers(tmp_path):
    with batch._client(1, "") as client:
        address = client.scheduler.address
        assert address.startswith("tls://")
        assert client.submit(len, "abc").result() == 3
        with pytest.raises((OSError, ValueError, TypeError)):
            Client(address.replace("tls", "tcp"), timeout=3, set_as_default=False)
        (tmp_path / "other").mkdir()
        other = temporary_security(tmp_path / "other")
        with pytest.raises(OSError):
            Client(address, security=other, timeout=3, set_as_default=False)
        for worker in client.scheduler_info()["workers"]:
            assert worker.startswith("tls://")
        ports = client.run(lambda dask_worker: dask_worker.http_server.port).values()
        scheduler = client.cluster.scheduler.http_server.port
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", scheduler), timeout=3)
        for port, page in itertools.product(
            ports, ("health", "metrics", "info/main/workers.html", "json/identity.json")
        ):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=10)


def test_an_open_scheduler_is_warned_of(capsys, monkeypatch):
    monkeypatch.setattr(batch, "PATIENCE", 1.0)
    with pytest.raises(GradingError), batch._client(1, "tcp://127.0.0.1:9"):
        pass
    assert "tcp://127.0.0.1:9 is not protected: everybody who reaches its port" in capsys.readouterr().err
