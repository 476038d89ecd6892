"""nbgrader's step from submitted/ to autograded/, with the judge in place of running tests in the student's kernel.

nbgrader has no setting for the classes of this step and of feedback, so nbgrader_config.py calls `install`, and
`nbgrader autograde`, the formgrader's buttons and nbgrader's Python interface then all use these. Options, folders,
gradebook and messages are nbgrader's.
"""

from __future__ import annotations

import os
import traceback

import nbgrader.apps.api
import nbgrader.apps.autogradeapp
import nbgrader.apps.generatefeedbackapp
import nbgrader.converters
from nbgrader.converters.autograde import Autograde as StockAutograde
from nbgrader.converters.base import NbGraderException
from nbgrader.converters.generate_feedback import GenerateFeedback as StockFeedback
from nbgrader.preprocessors import AssignLatePenalties

from course_grader.course import Assignment, Course, CourseGrader, GradingError, bad_name, grade_all, read_folder
from course_grader.feedback import TEMPLATES
from course_grader.grade import Graded
from course_grader.reader import try_out
from course_grader.record import mark_stale, save, write_notebooks
from course_grader.sandbox import Sandbox, SandboxError


class Autograde(StockAutograde):
    """Grades submissions one by one in this process; `python -m course_grader autograde` spreads a class."""

    def _classes_default(self) -> list:
        return [*super()._classes_default(), CourseGrader]

    def start(self) -> None:
        """Grade what the options ask for; one submission's trouble is logged and stops no other."""
        course = Course(self.coursedir.root or ".", self.config)
        course.directory = self.coursedir  # it knows the command line
        name = self.coursedir.assignment_id
        try:
            assignment = course.assignment(name)
            wanted = course.students(name)
            if self.coursedir.student_id != "*":
                wanted = [student for student in wanted if student == self.coursedir.student_id]
            wanted = [student for student in wanted if student not in self.coursedir.student_id_exclude.split(",")]
            if not wanted:
                raise GradingError(f"nobody has handed in {name}: {course.folder('submitted', '*', name)} is empty")
            for folder in course.bad_names(name):
                self.log.warning("not graded: the folder %s is no student's name; rename it", folder)
            todo = [student for student in wanted if self.force or course.is_new(student, name)]
            for student in sorted(set(wanted) - set(todo)):
                self.log.info("Skipping existing assignment: %s", course.folder("autograded", student, name))
            if todo:
                failed = self._grade_all(course, assignment, todo)
                if failed:
                    raise GradingError(f"not graded: {', '.join(failed)}; the log above says why")
        except (GradingError, SandboxError) as error:
            self.log.error(str(error))
            raise NbGraderException(str(error)) from None

    def _grade_all(self, course: Course, assignment: Assignment, todo: list[str]) -> list[str]:
        """Grade these; who could not be graded. What goes wrong with a sandbox is tried again in a new one."""
        failed, sandbox = [], course.sandbox()  # what concerns the machine is said here, once, and not of each student
        try:
            try_out(sandbox)
            if sandbox.missing:
                self.log.info("%s", sandbox.missing)
            for student in todo:
                for attempt in range(2):
                    try:
                        if not self._grade(course, assignment, student, sandbox):
                            failed.append(student)
                        break
                    except SandboxError as error:
                        sandbox.close()
                        sandbox = course.sandbox()
                        if attempt:
                            self.log.error("%s is not graded: %s", student, error)
                            failed.append(student)
        finally:
            sandbox.close()
        return failed

    def _grade(self, course: Course, assignment: Assignment, student: str, sandbox: Sandbox) -> bool:
        """Grade and record one submission; whether that worked."""
        folder = course.folder("submitted", student, assignment.name)
        self.log.info("Autograding %s", folder)
        try:
            begin(course, assignment.name, student)
            results = grade_all(assignment, read_folder(assignment, folder), sandbox)
            record(course, assignment.name, student, results)
        except SandboxError:
            raise
        except Exception:
            self.log.error("There was an error processing assignment: %s", folder)
            self.log.error(traceback.format_exc())
            return False
        if remarks := course.remarks(student, assignment):
            self.log.warning("%s: %s", student, remarks)
        for notebook, graded in results.items():
            self.log.info("%s: %s, %g points, %.1f s", student, notebook, graded.points, graded.seconds)
        return True


def begin(course: Course, name: str, student: str) -> None:
    """Mark older grades of a submission as stale, before it is graded again."""
    reason = "these grades belong to an earlier submission; the newer one is not graded yet"
    mark_stale(course.folder("autograded", student, name), reason)


def record(course: Course, name: str, student: str, results: dict[str, Graded]) -> None:
    """Write one student's results into the gradebook and into autograded/."""
    submitted = course.folder("submitted", student, name)
    with course.gradebook() as gradebook:
        penalties = AssignLatePenalties(config=course.config)
        save(gradebook, name, student, results, course.timestamp("submitted", student, name), penalties)
    write_notebooks(course.folder("autograded", student, name), results, submitted)


class GenerateFeedback(StockFeedback):
    """nbgrader's step from autograded/ to feedback/, with our page; one name that is none would end it for all."""

    def start(self) -> None:
        """Make the pages; nbgrader would set its own page's name where the command line set none."""
        self.config.HTMLExporter.template_name = "feedback_page"
        self.config.HTMLExporter.extra_template_basedirs = [str(TEMPLATES)]
        super().start()

    def init_notebooks(self) -> None:
        """Look for what is to be converted, and leave out folders that stand for nobody."""
        super().init_notebooks()
        for folder in list(self.assignments):
            parts = os.path.relpath(folder, self.coursedir.root).split(os.sep)
            if bad := [ascii(part) for part in parts if bad_name(part)]:
                self.log.warning("no feedback: the folder %s is no student's name; rename it", bad[0])
                del self.assignments[folder]


def install() -> None:
    """Let nbgrader use these steps; called from nbgrader_config.py."""
    for module in (nbgrader.converters, nbgrader.apps.autogradeapp, nbgrader.apps.api):
        module.Autograde = Autograde
    for module in (nbgrader.converters, nbgrader.apps.generatefeedbackapp, nbgrader.apps.api):
        module.GenerateFeedback = GenerateFeedback
