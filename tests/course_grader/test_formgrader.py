"""`make grade`: the formgrader finds the course, names its students and shows formulas without a network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course_book.paths import ROOT
from course_book.serve import grade
from course_grader.course import Course

from .attacks.assignment import NAME
from .conftest import hand_in

SETTINGS = """
c.ServerApp.allow_root, c.ServerApp.open_browser = True, False
c.IdentityProvider.token = ""
"""


@pytest.fixture
def formgrader(course: Path, grade_here, tmp_path: Path) -> Iterator[str]:
    """Its address, for a course with one graded student."""
    hand_in(course, {"ada": "honest_a"})
    grade_here(Course(course))
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        gradebook.update_or_create_student("ada", first_name="Ada", last_name="Lovelace")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text(SETTINGS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    command = [sys.executable, "-m", "course_book", "grade", f"--port={port}", f"--course={course}"]
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5)
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


def test_it_opens_where_the_course_is_and_students_have_names(formgrader: str, chromium_page):
    chromium_page.goto(formgrader)
    assert chromium_page.url.startswith(f"{formgrader}/formgrader"), "the server opens there by itself"
    chromium_page.locator(f"a:has-text('{NAME}')").first.wait_for()
    chromium_page.goto(f"{formgrader}/formgrader/manage_students")
    chromium_page.locator("text=Lovelace, Ada").wait_for()


@pytest.mark.parametrize(
    ("files", "wanted"),
    [((), "there is no nbgrader_config.py in it"), (("nbgrader_config.py",), "has no gradebook yet; run: make course")],
)
def test_a_folder_that_is_no_course_is_refused(tmp_path: Path, files: tuple[str, ...], wanted: str):
    for name in files:
        (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match=wanted):
        grade(8765, tmp_path)
