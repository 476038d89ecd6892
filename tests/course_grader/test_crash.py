"""A grader that is killed while it writes: at every step the gradebook holds the old grades or the new ones."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

from course_grader.converter import begin, record
from course_grader.course import Course
from course_grader.grade import Graded, all_tests
from course_grader.record import STALE

from .attacks.assignment import NAME, POINTS
from .conftest import hand_in, scores

OLD, NEW = 0, sum(POINTS.values())
STEPS = ((Session, "flush"), (Session, "commit"), (os, "replace"), (Path, "unlink"), (Path, "write_text"))


def result(course: Course, status: str) -> dict[str, Graded]:
    """A submission of which every test has the same status."""
    graded = all_tests(course.assignment(NAME).templates[NAME], status, "")
    passed = [replace(v, points=v.max_points if status == "passed" else 0.0) for v in graded.verdicts]
    return {NAME: replace(graded, verdicts=passed)}


def regrade(course: Course) -> None:
    """What the commands do for one submission, without running it."""
    begin(course, NAME, "ann")
    record(course, NAME, "ann", result(course, "passed"))


def killed_after(course: Course, number: int) -> bool:
    """Regrade in a child that is killed after its nth step; whether it came to that step."""
    child = os.fork()
    if child == 0:
        count = 0

        def deadly(real):
            def step(*arguments, **keywords):
                nonlocal count
                count += 1
                last = count == number
                value = real(*arguments, **keywords)
                if last:
                    os.kill(os.getpid(), signal.SIGKILL)
                return value

            return step

        try:
            for owner, name in STEPS:
                setattr(owner, name, deadly(getattr(owner, name)))
            regrade(course)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_killed_after_any_step_the_old_or_the_new_grades_stand_and_a_rerun_ends_it(course):
    hand_in(course, {"ann": "honest_a"})
    home = Course(course)
    record(home, NAME, "ann", result(home, "failed"))
    assert scores(course) == {"ann": OLD}
    kept = course.with_name("kept")
    shutil.copytree(course, kept)
    folder = course / "autograded" / "ann" / NAME
    seen, number = set(), 0
    while True:
        number += 1
        if not killed_after(home, number):
            break
        found = scores(course)["ann"]
        seen.add(found)
        assert found in (OLD, NEW)
        stale = (folder / STALE).exists()
        shown = '"status": "passed"' in (folder / f"{NAME}.ipynb").read_text()  # never half a notebook
        assert stale or (found == NEW and shown)  # marked from the first step on, until all is written
        assert not shown or found == NEW
        assert home.is_new("ann", NAME) == stale
        regrade(home)
        assert scores(course) == {"ann": NEW}
        assert not (folder / STALE).exists()
        shutil.rmtree(course)
        shutil.copytree(kept, course)
    assert number > 8  # there were that many steps to be killed at
    assert seen == {OLD, NEW}
    assert scores(course) == {"ann": NEW}
