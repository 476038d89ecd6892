"""Limits by the clock, less what a process waited for a CPU: a busy machine takes no points, and nobody gains time."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from course_grader import clock
from course_grader.clock import LONGEST, Deadline

from .attacks.assignment import NAME
from .attacks.submissions import Attack
from .conftest import needs_sandbox, scores, statuses, write

# Both get one CPU: the hog uses it in four processes until it is stopped, the other for three of the four seconds that
# a test may take.
FORKS = """import os
for _ in range(3):
    if os.fork() == 0:
        while True:
            pass
def add(a, b):
    return a + b"""
ENDLESS = """def label(n):
    while True:
        pass"""
WORKS = """import time
def label(n):
    end = time.process_time() + 1.5
    while time.process_time() < end:
        pass
    return 'item ' + str(n)"""
HOG, LONG = Attack("hog", {"add": FORKS, "label": ENDLESS}), Attack("long", {"label": WORKS})


@pytest.mark.parametrize(
    ("passed", "waited", "left"),
    [
        (1.0, 0.9, 3.0),
        (5.0, 0.0, -1.0),
        (5.0, 2.0, 1.0),
        (20.0, 20.0, 3.0),
        (4 * LONGEST, 4 * LONGEST, 0.0),
        (5.0, -9.0, -1.0),
    ],
)
def test_waiting_for_a_cpu_does_not_count_up_to_a_bound(monkeypatch, passed, waited, left):
    now, total = [100.0], [7.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    deadline = Deadline(4.0, lambda: total[0])
    now[0], total[0] = now[0] + passed, total[0] + waited
    assert deadline.left() == pytest.approx(left)


@needs_sandbox
def test_a_long_honest_test_keeps_its_points_beside_one_that_hogs_the_cpu(course, programs):
    with open(course / "nbgrader_config.py", "a") as config:
        config.write("c.CourseGrader.notebook_seconds = 60.0\n")
    for attack in (HOG, LONG):
        write(course, attack.name, attack)
    first = str(min(os.sched_getaffinity(0)))
    run = ["taskset", "-c", first, sys.executable, "-m", "course_grader", "autograde", NAME, "--root", str(course)]
    start = time.monotonic()
    done = subprocess.run([*run, "--workers", "2"], env=programs, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert scores(course) == {"hog": 8, "long": 10}, time.monotonic() - start
    assert statuses(course, "hog")["test_label_hidden"] == "timeout"
