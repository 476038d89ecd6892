"""Write the grades of one submission: one transaction in the gradebook, then the graded notebook in one rename.

A process that is killed at any moment leaves either the old grades or the new ones. While a submission is graded
again, a file named STALE stands beside its old notebook; it goes when the new grades are there, and the export shows
it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import nbformat
from nbgrader.api import Comment, Grade, Gradebook, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import compute_checksum

from course_grader.grade import Graded, is_test, settings
from course_grader.rebuild import MalformedSubmission, read_bytes

_TIMESTAMP = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T](?P<clock>\d\d:\d\d(:\d\d(\.\d{1,6})?)?) *"
    r"((?P<offset>[+-]\d\d(:?\d\d)?)|(?P<named>[A-Za-z]{1,5}))?",
    re.ASCII,
)
STALE = "STALE"
DIGEST = "submitted.sha256"
NO_ANSWER = "No response."


def mark_stale(folder: Path, reason: str) -> None:
    """Say that the grades of a folder belong to an earlier submission; nothing where there are none."""
    if folder.is_dir():
        (folder / STALE).write_text(reason + "\n", encoding="utf-8")


def is_stale(folder: Path) -> bool:
    """Whether the grades of a folder belong to an earlier submission."""
    return (folder / STALE).exists()


def read_timestamp(folder: Path, zone: str = "UTC") -> datetime | None:
    """When a submission was handed in, in UTC without a zone, as nbgrader keeps it; None if no timestamp can be read.

    nbgrader's exchange writes "2026-03-01 17:00:00.000000 CST": the time, and what the zone of the exchange is called.
    CST is the name of several zones, so it stands for the one of the settings; a time without a zone is one of UTC.

    Args:
        folder: Where timestamp.txt lies.
        zone: The zone of the exchange (c.Exchange.timezone), as "Asia/Shanghai".
    """
    found = _TIMESTAMP.fullmatch((_small_text(folder / "timestamp.txt") or "").strip())
    if found is None:
        return None
    try:
        day, clock, named, offset = found["day"], found["clock"], found["named"] or "", found["offset"]
        local = datetime.fromisoformat(f"{day} {clock}")
        if offset:
            sign, digits = -1 if offset[0] == "-" else 1, offset[1:].replace(":", "").ljust(4, "0")
            difference = sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        elif named.upper() in ("", "Z", "UTC", "GMT"):
            difference = timedelta(0)
        else:
            ways = [local.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
            difference = next(way.utcoffset() or timedelta(0) for way in ways if way.tzname() == named)
        return local - difference
    except (ValueError, OverflowError, StopIteration, ZoneInfoNotFoundError):
        return None


def has_unreadable_timestamp(folder: Path, zone: str = "UTC") -> bool:
    """Whether there is a timestamp that says nothing, so that nobody knows whether the submission is late."""
    return os.path.lexists(folder / "timestamp.txt") and read_timestamp(folder, zone) is None


def digest(folder: Path) -> str:
    """A number that tells whether the notebooks of a submission are others: downloads often have no timestamp."""
    found = hashlib.sha256()
    for path in sorted(folder.glob("*.ipynb")):
        with contextlib.suppress(MalformedSubmission):
            content = hashlib.sha256(read_bytes(path)).hexdigest()
            found.update(f"{path.name!r} {content}\n".encode())
    return found.hexdigest()


def read_digest(folder: Path) -> str:
    """What `digest` was when the submission of these grades was graded; empty if nobody has written it down."""
    return (_small_text(folder / DIGEST) or "").strip()


def _small_text(path: Path) -> str | None:
    """The text of a small regular file that a stranger may have made; None if it is anything else."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > 200:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def save(
    gradebook: Gradebook,
    assignment: str,
    student: str,
    results: dict[str, Graded],
    timestamp: datetime | None,
    penalties: AssignLatePenalties,
) -> None:
    """Write all that is known of one submission in one transaction.

    Args:
        gradebook: An open gradebook.
        assignment: Its name.
        student: Who handed it in; created if unknown.
        results: By notebook.
        timestamp: When it was handed in, in UTC.
        penalties: nbgrader's preprocessor with the course's plug-in for late submissions.
    """
    database = gradebook.db
    try:
        submission = _submission(gradebook, assignment, student)
        submission.timestamp = timestamp
        database.flush()
        for notebook in submission.notebooks:
            _write(notebook, results[notebook.name])
        database.flush()
        database.expire_all()
        late = submission.total_seconds_late
        penalties.init_plugin()
        for notebook in submission.notebooks:
            penalty = penalties.plugin_inst.late_submission_penalty(student, notebook.score, late) if late > 0 else None
            checked = None if penalty is None else penalties._check_late_penalty(notebook, penalty)
            notebook.late_submission_penalty = checked
        database.commit()
    except BaseException:
        database.rollback()
        raise


def _submission(gradebook: Gradebook, name: str, student_id: str) -> SubmittedAssignment:
    """The submission's rows, made where they are missing; nbgrader's own methods would commit after each step."""
    database, assignment = gradebook.db, gradebook.find_assignment(name)
    student = database.query(Student).filter(Student.id == student_id).one_or_none()
    if student is None:
        student = Student(id=student_id)
        database.add(student)
    database.flush()
    found = database.query(SubmittedAssignment).filter_by(assignment_id=assignment.id, student_id=student_id)
    submission = found.one_or_none()
    if submission is None:
        submission = SubmittedAssignment(assignment=assignment, student=student)
        database.add(submission)
        for notebook in assignment.notebooks:
            submitted = SubmittedNotebook(notebook=notebook, assignment=submission)
            database.add(submitted)
            graded = notebook.grade_cells + notebook.task_cells
            database.add_all(Grade(cell_id=cell.id, notebook=submitted) for cell in graded)
            filled = notebook.solution_cells + notebook.task_cells
            database.add_all(Comment(cell_id=cell.id, notebook=submitted) for cell in filled)
        database.flush()
    return submission


def _write(notebook: SubmittedNotebook, graded: Graded) -> None:
    """The scores and automatic comments of one notebook; what a person has given stays, and waits for a new look."""
    points = {verdict.test: verdict.points for verdict in graded.verdicts}
    cells = {settings(cell)["grade_id"]: cell for cell in graded.notebook.cells if settings(cell)}
    unchanged = {name for name, cell in cells.items() if _is_unchanged(cell)}
    for grade in notebook.grades:
        automatic = points.get(grade.name, 0.0 if grade.name in unchanged else None)
        grade.auto_score = automatic
        grade.needs_manual_grade = grade.manual_score is not None or automatic is None
    for comment in notebook.comments:
        comment.auto_comment = NO_ANSWER if comment.name in unchanged else None


def _is_unchanged(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell to be filled in is as it was released."""
    return not is_test(cell) and settings(cell).get("checksum") == compute_checksum(cell)


def write_notebooks(folder: Path, results: dict[str, Graded], submitted: Path) -> None:
    """Put the graded notebooks into a folder, replacing what was there, and remove the mark STALE.

    Args:
        folder: autograded/STUDENT/ASSIGNMENT.
        results: By notebook.
        submitted: The submission's folder; its timestamp is taken over, and the secret by which nbgrader's exchange
            finds the place of the student's feedback.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, graded in results.items():
        text = nbformat.writes(graded.notebook, version=nbformat.NO_CONVERT)
        _replace(folder / f"{name}.ipynb", text)
    if _small_text(submitted / "timestamp.txt") is not None:
        _replace(folder / "timestamp.txt", _small_text(submitted / "timestamp.txt") or "")
    if secret := _small_text(submitted / "submission_secret.txt"):
        _replace(folder / "submission_secret.txt", secret)
    _replace(folder / DIGEST, digest(submitted) + "\n")
    (folder / STALE).unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    """Write a file so that at every moment the old or the new one is there."""
    new = path.with_name(f".{path.name}.new")
    if path.is_dir():
        shutil.rmtree(path)
    with open(new, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(new, 0o444)
    os.replace(new, path)
