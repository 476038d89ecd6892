"""Export the grades of an assignment as CSV: for people, for Canvas, for Moodle.

Canvas reads Student, ID, SIS User ID, SIS Login ID, Section and a column named like the assignment; the row "Points
Possible" comes first. Moodle reads any columns and asks which is which; ID number and Email address identify a
student, and a grade needs its feedback column beside it. A grade that is stale (a newer submission waits to be
graded) is left out of both, with a note where there is a place for one; who still waits for a person's points is
exported with the points that are there; what Canvas has no column for, `remarks` says.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from nbgrader.api import Gradebook, MissingEntry, Student

from course_grader.course import Course, GradingError
from course_grader.record import is_stale

FORMATS = ("table", "canvas", "moodle")
STALE_NOTE = "stale: a newer submission is not graded yet"
OPEN_NOTE = "not graded yet: the part that a person reads"


@dataclass(frozen=True)
class Grade:
    """One student's grade.

    Attributes:
        student: Identifier in the gradebook.
        first, last, email: As far as the gradebook knows them.
        score: Points with penalty, automatic and by hand; None if nothing was graded.
        max_score: The most that there is.
        penalty: Points taken off for being late.
        stale: Whether a newer submission waits.
        waiting: Whether a person has still to grade a part.
    """

    student: str
    first: str
    last: str
    email: str
    score: float | None
    max_score: float
    penalty: float
    stale: bool
    waiting: bool

    @property
    def note(self) -> str:
        """What an instructor should know of this grade."""
        return STALE_NOTE if self.stale else OPEN_NOTE if self.waiting else ""


def read_grades(course: Course, name: str) -> list[Grade]:
    """The grades of an assignment, by student.

    Raises:
        GradingError: There is no such assignment.
    """
    with course.gradebook() as gradebook:
        try:
            most = gradebook.find_assignment(name).max_score
        except MissingEntry:
            raise GradingError(f"{name!r} is not in the gradebook") from None
        students = sorted(gradebook.students, key=lambda student: student.id)
        return [_grade(course, gradebook, name, student, most) for student in students]


def _grade(course: Course, gradebook: Gradebook, name: str, student: Student, most: float) -> Grade:
    try:
        submission = gradebook.find_submission(name, student.id)
    except MissingEntry:
        submission = None
    penalty = sum(n.late_submission_penalty or 0.0 for n in submission.notebooks) if submission else 0.0
    return Grade(
        student.id,
        student.first_name or "",
        student.last_name or "",
        student.email or "",
        max(0.0, submission.score - penalty) if submission else None,
        most,
        penalty,
        is_stale(course.folder("autograded", student.id, name)),
        bool(submission and submission.needs_manual_grade),
    )


def export(course: Course, name: str, kind: str = "table") -> str:
    """The grades of an assignment as the text of a CSV file.

    Args:
        course: The course.
        name: The assignment.
        kind: One of FORMATS.

    Raises:
        GradingError: No such assignment or format.
    """
    if kind not in FORMATS:
        raise GradingError(f"no format {kind!r}; there are {', '.join(FORMATS)}")
    grades = read_grades(course, name)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in {"table": _table, "canvas": _canvas, "moodle": _moodle}[kind](name, grades):
        writer.writerow([_safe(value) for value in row])
    return buffer.getvalue()


def remarks(course: Course, name: str) -> list[str]:
    """What the columns of Canvas have no place for: whose points are not whole yet, a line for each kind."""
    grades = read_grades(course, name)
    kinds = {note: [grade.student for grade in grades if grade.note == note] for note in (OPEN_NOTE, STALE_NOTE)}
    return [f"{len(who)} of {len(grades)} students: {note} ({', '.join(who)})" for note, who in kinds.items() if who]


def _safe(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets a blank before it, at its start or after a separator."""
    if not isinstance(value, str):
        return value
    one_line = re.sub(r"[\t\r\n\v\f\0]+", " ", value)
    return re.sub(r"(^|[;,]) *(?=[=+\-@\uff1d\uff0b\uff0d\uff20])", r"\1 ", one_line)


def _points(grade: Grade) -> object:
    return "" if grade.score is None or grade.stale else f"{grade.score:g}"


def _table(name: str, grades: list[Grade]) -> list[list[object]]:
    columns: list[object] = ["student", "first name", "last name", "assignment", "score", "max", "late penalty", "note"]
    rows = [columns]
    for g in grades:
        score = "" if g.score is None else f"{g.score:g}"
        rows.append([g.student, g.first, g.last, name, score, f"{g.max_score:g}", f"{g.penalty:g}", g.note])
    return rows


def _canvas(name: str, grades: list[Grade]) -> list[list[object]]:
    rows: list[list[object]] = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", name]]
    if grades:
        rows.append(["    Points Possible", "", "", "", "", f"{grades[0].max_score:g}"])
    for g in grades:
        full = f"{g.last}, {g.first}" if g.last and g.first else g.last or g.first or g.student
        rows.append([full, "", g.student, g.student, "", _points(g)])
    return rows


def _moodle(name: str, grades: list[Grade]) -> list[list[object]]:
    item = f"Assignment: {name}"
    columns: list[object] = ["First name", "Last name", "ID number", "Email address", item, f"{item} (Feedback)"]
    return [columns, *([g.first, g.last, g.student, g.email, _points(g), g.note] for g in grades)]
