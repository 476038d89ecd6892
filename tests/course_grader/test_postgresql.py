"""The gradebook on a real PostgreSQL server, which the test starts from the system's package."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_grader.batch import grade_class
from course_grader.course import Course
from course_grader.export import export
from course_grader.sample_class import environment, release_assignment

from .attacks.assignment import NAME, make_course
from .conftest import hand_in, needs_sandbox, scores

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) if Path("/usr/lib/postgresql").exists() else []


def as_somebody_else(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    return [*other, *command]


@pytest.fixture
def server(tmp_path_factory) -> Iterator[str]:
    """The URL of an empty database on a server of our own."""
    if not BINARIES:
        pytest.skip("PostgreSQL is not installed (Debian, Ubuntu: apt-get install postgresql)")
    folder = Path("/tmp") / f"pg-{os.getpid()}"
    folder.mkdir()
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    data, programs = folder / "data", BINARIES[-1].parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = {"check": True, "capture_output": True, "cwd": "/"}
    try:
        init = [str(programs / "initdb"), "-D", str(data), "-U", "course", "--auth=trust", "--no-sync"]
        subprocess.run(as_somebody_else(init), **run)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        control = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
        subprocess.run(as_somebody_else([*control, "-o", options, "start"]), **run)
        try:
            yield f"postgresql+psycopg://course@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run(as_somebody_else([*control, "-m", "immediate", "stop"]), **run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@needs_sandbox
def test_a_class_is_graded_into_postgresql(server, tmp_path):
    root = make_course(tmp_path / "course")
    with open(root / "nbgrader_config.py", "a") as config:
        config.write(f'c.CourseDirectory.db_url = "{server}"\n')
    with environment():
        release_assignment(root, NAME)
    hand_in(root, {"ann": "honest_a", "bob": "patched_checks", "cem": "not_json"})
    lines = grade_class(Course(root), NAME, workers=1, show=False)
    assert {line.student: line.points for line in lines} == {"ann": 10, "bob": 7, "cem": 0}
    assert scores(root, server) == {"ann": 10, "bob": 7, "cem": 0}
    assert not (root / "gradebook.db").exists()
    assert "bob,,,probe,7,15,0," in export(Course(root), NAME)
