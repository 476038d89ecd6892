"""nbgrader's step from submitted/ to autograded/, with the judge in place of running tests in the student's kernel.

nbgrader has no setting for the class of this step, so nbgrader_config.py calls `install`, and `nbgrader autograde`, the
formgrader's button and nbgrader's Python interface then all use it. Options, folders, gradebook and messages are nbgrader's.
"""

from __future__ import annotations

import traceback
from typing import Any

import nbgrader.apps.api
import nbgrader.apps.autogradeapp
import nbgrader.converters
from nbgrader.converters.autograde import Autograde as StockAutograde
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import AssignLatePenalties

from course_grader.course import Course, CourseGrader, GradingError, grade_folder
from course_grader.record import is_stale, mark_stale, read_timestamp, save, write_notebooks
from course_grader.sandbox import SandboxError


class Autograde(StockAutograde):
    """Grades submissions one by one in this process; `python -m course_grader autograde` spreads a class."""

    def _classes_default(self) -> list:
        return [*super()._classes_default(), CourseGrader]

    def start(self) -> None:
        """Grade what the options ask for; one submission's trouble is logged and stops no other."""
        self.config.CourseDirectory.root = self.coursedir.root
        course = Course(self.coursedir.root, self.config)
        course.directory = self.coursedir  # it knows the command line
        name = self.coursedir.assignment_id
        try:
            assignment = course.assignment(name)
            wanted = course.students(name)
            if self.coursedir.student_id != "*":
                wanted = [student for student in wanted if student == self.coursedir.student_id]
            wanted = [student for student in wanted if student not in self.coursedir.student_id_exclude.split(",")]
            if not wanted:
                raise GradingError(f"nobody has handed in {name} ({course.folder('submitted', '*', name)})")
            todo = [student for student in wanted if self.force or self._is_new(course, student, name)]
            if todo:
                with course.sandbox() as sandbox:
                    failed = [student for student in todo if not self._grade(course, assignment, student, sandbox)]
                if failed:
                    raise GradingError(f"not graded: {', '.join(failed)}; the log above says why")
        except (GradingError, SandboxError) as error:
            self.log.error(str(error))
            raise NbGraderException(str(error)) from None

    def _is_new(self, course: Course, student: str, name: str) -> bool:
        """Whether a submission is to be graded: it never was, its grades are stale, or it is newer than they are."""
        done = course.folder("autograded", student, name)
        notebooks = any(done.glob("*.ipynb"))
        old, new = read_timestamp(done), read_timestamp(course.folder("submitted", student, name))
        if not notebooks or is_stale(done) or (old is not None and new is not None and new > old):
            return True
        self.log.info("Skipping existing assignment: %s", done)
        return False

    def _grade(self, course: Course, assignment: Any, student: str, sandbox: Any) -> bool:
        """Grade and record one submission; whether that worked."""
        name = assignment.name
        submitted, done = course.folder("submitted", student, name), course.folder("autograded", student, name)
        self.log.info("Autograding %s", submitted)
        mark_stale(done, "these grades belong to an earlier submission; the newer one is not graded yet")
        try:
            results = grade_folder(assignment, submitted, sandbox)
            with course.gradebook() as gradebook:
                save(gradebook, name, student, results, read_timestamp(submitted), AssignLatePenalties(parent=self))
            write_notebooks(done, results, submitted)
        except SandboxError:
            raise
        except Exception:
            self.log.error("There was an error processing assignment: %s", submitted)
            self.log.error(traceback.format_exc())
            return False
        for notebook, graded in results.items():
            seconds = f"{graded.seconds:.1f} s"
            self.log.info("%s: %s, %g points, %s", student, notebook, graded.points, seconds)
        return True


def install() -> None:
    """Let nbgrader use this step; called from nbgrader_config.py."""
    for module in (nbgrader.converters, nbgrader.apps.autogradeapp, nbgrader.apps.api):
        module.Autograde = Autograde
