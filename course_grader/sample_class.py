"""A class of three sample students, graded with nbgrader: `python -m course_grader.sample_class`.

For every assignment in assignments/source it makes the students' release, hands in for three students and grades them
into assignments/gradebook.db, beside any real students there:

    sample_complete     every solution cell as in the source
    sample_half         the first half of the solution cells
    sample_untouched    the release as it is

A second run grades only what has changed: the source folder, the configuration, the course's library with its trained
weights, and the installed nbgrader are summed up in one hash an assignment.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbgrader
from nbgrader.api import MissingEntry
from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import SAWarning
from traitlets.config import PyFileConfigLoader

from course_grader.converter import begin, record
from course_grader.course import Course, GradingError, grade_all, read_folder
from course_grader.exits import Command
from course_grader.notebooks import build_submission, read_notebook, solution_sources, write_notebook
from course_grader.sandbox import SandboxError, why_no_sandbox

ROOT = Path(__file__).resolve().parents[1] / "assignments"
LIBRARY = ROOT.parent / "course_lib"  # its functions and weights are used by assignments
STUDENTS = ("sample_complete", "sample_half", "sample_untouched")
UNREAD = {"malformed", "missing"}  # of every test: the whole notebook could not be read


@dataclass(frozen=True)
class Row:
    """One student's result in one assignment."""

    student: str
    assignment: str
    score: float | None  # points from automatic tests; None where nothing could be graded
    max_score: float  # the most that automatic tests give
    manual_score: float  # the most that a person can add
    note: str  # empty, or what was wrong with what was handed in
    feedback: Path | None  # folder of HTML pages


def grade_sample_class(root: str | Path = ROOT, library: dict[str, str] | None = None) -> list[Row]:
    """Release every assignment, grade the three sample students, and generate their feedback.

    Args:
        root: An nbgrader course root, with nbgrader_config.py and source/.
        library: For each assignment a digest of what it uses of the library; without one, all of the library counts.

    Returns:
        One row for each student and assignment, in order.

    Raises:
        GradingError: An assignment that cannot be released; one line.
    """
    root = Path(root).resolve()
    sources = _sources(root)
    with environment():
        rows = _grade_changed(root, sources, library or {})
        with Course(root).gradebook() as gradebook:  # the formgrader lists students by their names
            for student in STUDENTS:
                last = student.removeprefix("sample_").capitalize()
                gradebook.update_or_create_student(student, first_name="Sample", last_name=last)
    return rows


def release_all(root: Path) -> None:
    """Make every assignment's release, and grade nobody.

    Raises:
        GradingError: An assignment that cannot be released, or none is there.
    """
    with environment():
        for source in _sources(root):
            release_assignment(root, source.name, forget=STUDENTS)


def _sources(root: Path) -> list[Path]:
    """The folders of the assignments' sources, at least one."""
    sources = sorted(path for path in (root / "source").glob("*") if path.is_dir())
    if not sources:
        raise GradingError(f"no assignment found: {root / 'source'} has no folders")
    return sources


def _grade_changed(root: Path, sources: list[Path], digests: dict[str, str]) -> list[Row]:
    """Grade the assignments whose stamp differs from last time; read the others from the gradebook."""
    stamps_file = root / "autograded" / ".sample_class.json"
    stamps = _read_stamps(stamps_file)
    library = [path for path in sorted(LIBRARY.rglob("*")) if path.suffix in (".py", ".safetensors")]
    rows = []
    for source in sources:
        name = source.name
        used = [] if name in digests else library
        stamp = _hash(root / "nbgrader_config.py", *used, *sorted(source.rglob("*"))) + digests.get(name, "")
        if stamps.get(name) == stamp and (root / "release" / name).is_dir():
            known = [_row(root, name, student, "") for student in STUDENTS]
            if all(row.score is not None and row.feedback for row in known):
                rows += known
                continue
        release_assignment(root, name, forget=STUDENTS)
        _hand_in(root, name)
        rows += grade_submissions(root, name, STUDENTS, trusted=True)
        stamps[name] = stamp
        stamps_file.parent.mkdir(exist_ok=True)
        stamps_file.write_text(json.dumps(stamps, indent=1), encoding="utf-8")
    return rows


@contextmanager
def environment() -> Iterator[None]:
    """Let nbgrader find the programs installed beside this Python (it calls alembic by name), and quiet SQLAlchemy."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + before
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)
            yield
    finally:
        os.environ["PATH"] = before


def release_assignment(root: Path, assignment: str, forget: tuple[str, ...] = ()) -> None:
    """Make release/ASSIGNMENT from source/ASSIGNMENT and register it in the gradebook.

    Args:
        root: The course root.
        assignment: Its folder's name.
        forget: Students whose earlier submissions are dropped first. nbgrader refuses to change the cells of an
            assignment that somebody has handed in.

    Raises:
        GradingError: nbgrader could not make the release.
    """
    for notebook in sorted((root / "source" / assignment).glob("*.ipynb")):
        try:
            read_notebook(notebook)
        except ValueError as error:
            raise GradingError(str(error)) from None
    with Course(root).gradebook() as gradebook:
        for student in forget:
            try:
                gradebook.remove_submission(assignment, student)
            except MissingEntry:
                continue
    result = _api(root).generate_assignment(assignment)
    if not result["success"]:
        reason = _reason(result)
        if "submissions associated with it" in reason:
            reason = (
                f"its cells changed, but students have handed it in: run python -m course_grader update {assignment}"
            )
        raise GradingError(f"{assignment} cannot be released: {reason}")


def grade_submissions(root: Path, assignment: str, students: tuple[str, ...], trusted: bool = False) -> list[Row]:
    """Grade what the named students handed in, and generate feedback; each on its own.

    Args:
        root: The course root.
        assignment: The assignment.
        students: Who.
        trusted: Whether these submissions are our own, which may run without a sandbox where there is none.

    Returns:
        One row a student. A submission that is missing or cannot be read has a note and no points; the others have
        theirs.

    Raises:
        GradingError: There is no sandbox and the submissions are not ours.
    """
    course, api, rows = Course(root), _api(root), []
    if trusted and (reason := why_no_sandbox()):
        print(f"note: the sample class, which is our own, is graded without a sandbox: {reason}", file=sys.stderr)
        course.settings.accept_no_sandbox = True
    exam = course.assignment(assignment)
    try:
        sandbox = course.sandbox()
    except SandboxError as error:
        raise GradingError(str(error)) from None
    with sandbox:
        for student in students:
            handed_in = read_folder(exam, course.folder("submitted", student, assignment))
            begin(course, assignment, student)
            results = grade_all(exam, handed_in, sandbox)
            record(course, assignment, student, results)
            lost = [graded for graded in results.values() if {v.status for v in graded.verdicts} <= UNREAD]
            reasons = [graded.verdicts[0].message for graded in lost]
            result = api.generate_feedback(assignment, student)
            if not result["success"]:
                reasons.append(f"feedback failed: {_reason(result)}")
            rows.append(_row(root, assignment, student, "; ".join(reasons)))
    return rows


def _hand_in(root: Path, assignment: str) -> None:
    """Write the three samples' submissions of one assignment."""
    for source in sorted((root / "source" / assignment).glob("*.ipynb")):
        release = read_notebook(root / "release" / assignment / source.name)
        sources = solution_sources(read_notebook(source))
        half = dict(list(sources.items())[: len(sources) // 2])
        for student, filled in zip(STUDENTS, (sources, half, {}), strict=True):
            target = root / "submitted" / student / assignment / source.name
            write_notebook(build_submission(release, filled), target)


def _row(root: Path, assignment: str, student: str, note: str) -> Row:
    """Read one student's automatic points from the gradebook."""
    score = None
    with Course(root).gradebook() as gradebook:
        cells = [(n.name, c) for n in gradebook.find_assignment(assignment).notebooks for c in n.grade_cells]
        by_hand = {(n.name, c.name) for n in gradebook.find_assignment(assignment).notebooks for c in n.solution_cells}
        manual = sum(cell.max_score for notebook, cell in cells if (notebook, cell.name) in by_hand)
        total = sum(cell.max_score for _, cell in cells)
        try:
            submission = gradebook.find_submission(assignment, student)
            score = sum(grade.auto_score or 0.0 for n in submission.notebooks for grade in n.grades)
        except MissingEntry:
            note = note or "not graded"
    feedback = root / "feedback" / student / assignment
    pages = any(feedback.glob("*.html"))
    return Row(student, assignment, score, total - manual, manual, note, feedback if pages else None)


def _api(root: Path) -> NbGraderAPI:
    """nbgrader with the course's own configuration, whatever the current folder is; its log stays silent."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    api = NbGraderAPI(config=config)
    api.log.propagate = False
    api.log.setLevel(logging.INFO)
    return api


def _hash(*paths: Path) -> str:
    """One hash of the names and contents of files, of this program and of nbgrader's version."""
    digest = hashlib.sha256(nbgrader.__version__.encode())
    for path in (*sorted(Path(__file__).parent.glob("*.py")), *paths):
        if path.is_file() and ".ipynb_checkpoints" not in path.parts:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _read_stamps(path: Path) -> dict[str, str]:
    """What was graded last time; nothing where the file is missing or broken."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _reason(result: dict) -> str:
    """Why an nbgrader step failed, in one line: the last exception it logged, else the one that it raised."""
    exception = re.compile(r"^\s*[\w.]*(?:Error|Exception|Died)\b.*", re.MULTILINE)
    errors = exception.findall(result.get("log", "")) or exception.findall(result["error"])
    return errors[-1].strip() if errors else "nbgrader gave no reason"


def _print_table(rows: list[Row], root: Path) -> None:
    """The scores, one line for each student and assignment, and where the feedback lies."""
    width = max(len(row.assignment) for row in rows)
    print(f"{'student':18s} {'assignment':{width}s}  automatic   by hand")
    for row in rows:
        score = "   -" if row.score is None else f"{row.score:4g}"
        line = f"{row.student:18s} {row.assignment:{width}s}  {score} / {row.max_score:<4g} {row.manual_score:4g} open"
        print(f"{line}   {row.note}".rstrip())
    print(f"feedback: {root}/feedback/STUDENT/ASSIGNMENT/*.html")


def main(arguments: list[str] | None = None) -> int:
    """Command line: print the table, or one line that says what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m course_grader.sample_class", description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="course root (default: assignments/)")
    parser.add_argument("--library", type=json.loads, metavar="JSON", help="what each assignment uses of the library")
    parsed = parser.parse_args(arguments)
    root = parsed.root.resolve()
    if not (root / "nbgrader_config.py").is_file():
        print(f"error: {root} is not a course root: it has no nbgrader_config.py", file=sys.stderr)
        return Command.USAGE
    try:
        if sys.platform != "linux":
            release_all(root)
            print(f"the releases are in {root / 'release'}; the sample class is not graded: {why_no_sandbox()}")
            return Command.DONE
        rows = grade_sample_class(root, parsed.library)
    except GradingError as error:
        print(f"error: {error}", file=sys.stderr)
        return Command.FAILED
    _print_table(rows, root)
    return Command.DONE if all(row.score is not None for row in rows) else Command.FAILED


if __name__ == "__main__":
    sys.exit(main())
