"""A course as the grader sees it: its folder, its settings in nbgrader_config.py, and its assignments.

course = Course("assignments")
assignment = course.assignment("a1_linear_fitting")
handed_in = read_folder(assignment, course.folder("submitted", "ann", assignment.name))
graded = grade_all(assignment, handed_in, sandbox)      # {"a1_linear_fitting": Graded}
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from traitlets import Bool, Dict, Float, Int, List, Unicode
from traitlets.config import Config, Configurable, PyFileConfigLoader

from course_grader.grade import Graded, all_tests, grade, settings
from course_grader.reader import read_apart
from course_grader.rebuild import MalformedSubmission, read_bytes
from course_grader.record import digest, has_unreadable_timestamp, is_stale, read_digest, read_timestamp
from course_grader.sandbox import GIB, Limits, Sandbox, why_no_sandbox
from course_grader.template import Template, read_template


def bad_name(name: str) -> bool:
    """Whether a folder's name holds line breaks or bytes that are no text: later steps would end there for all."""
    return re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", name) is not None


class GradingError(Exception):
    """Something that stops a whole assignment, in one line."""


class CourseGrader(Configurable):
    """Settings of the grader, given in nbgrader_config.py as c.CourseGrader.name = value."""

    accept_no_sandbox = Bool(False, help="Grade without isolation where bubblewrap is missing.").tag(config=True)
    modules = List(Unicode(), ["numpy"], help="Imported once, before a process is forked for each submission.").tag(
        config=True
    )
    memory = Float(4.0, help="GiB that a submission may use.").tag(config=True)
    disk = Float(0.25, help="GiB of its temporary files.").tag(config=True)
    processes = Int(64, help="Processes that it may have at one time.").tag(config=True)
    cell_seconds = Float(60.0, help="The longest that a cell may run.").tag(config=True)
    test_seconds = Float(60.0, help="The longest that a test may run.").tag(config=True)
    notebook_seconds = Float(300.0, help="The longest that a notebook may run.").tag(config=True)
    output = Int(1_000_000, help="Bytes of output kept from one cell.").tag(config=True)
    assignments = Dict(help="By assignment, other values of the settings above, as {'a3': {'test_seconds': 120}}.").tag(
        config=True
    )

    def limits(self, assignment: str) -> Limits:
        """The limits of one assignment.

        Raises:
            GradingError: An unknown setting.
        """
        numbers = ("memory", "disk", "processes", "cell_seconds", "test_seconds", "notebook_seconds", "output")
        values = {name: getattr(self, name) for name in numbers}
        own = self.assignments.get(assignment, {})
        if unknown := sorted(set(own) - set(values)):
            raise GradingError(f"c.CourseGrader.assignments has {unknown[0]!r}; there are {', '.join(values)}")
        values |= own
        return Limits(
            memory=int(values["memory"] * GIB),
            disk=int(values["disk"] * GIB),
            processes=values["processes"],
            cell=values["cell_seconds"],
            test=values["test_seconds"],
            notebook=values["notebook_seconds"],
            output=values["output"],
        )


@dataclass(frozen=True)
class Assignment:
    """What is needed to grade a submission of one assignment; plain data, so that it can be sent to other machines.

    Attributes:
        name: Its folder's name.
        templates: By notebook.
        files: Files beside the source notebooks, which the code may read: path in the working directory and content.
        limits: What a submission may use.
    """

    name: str
    templates: dict[str, Template]
    files: dict[str, bytes]
    limits: Limits


class Course:
    """A folder with nbgrader_config.py and source/.

    Args:
        root: The folder.
        config: The loaded configuration; read from the folder if None.

    Raises:
        GradingError: It is no course.
    """

    def __init__(self, root: str | Path, config: Config | None = None) -> None:
        self.root = Path(root).resolve()
        if config is None:
            if not (self.root / "nbgrader_config.py").is_file():
                raise GradingError(f"{self.root} is not a course root: it has no nbgrader_config.py")
            config = PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()
            config.CourseDirectory.root = str(self.root)
        self.config = config
        self.directory = CourseDirectory(config=config)
        self.settings = CourseGrader(config=config)

    def gradebook(self) -> Gradebook:
        """A connection to the gradebook; use it in a with statement."""
        return Gradebook(self.directory.db_url, self.directory.course_id)

    def folder(self, kind: str, student: str, assignment: str) -> Path:
        """The folder of a submission; `kind` is source, submitted, autograded or feedback."""
        name = getattr(self.directory, f"{kind}_directory")
        return Path(self.directory.format_path(name, student, assignment))

    def assignment(self, name: str) -> Assignment:
        """Read an assignment and compare it with the gradebook.

        Raises:
            GradingError: It does not exist, cannot be read, or was changed since it was released.
        """
        assignment = self.source(name)
        self._compare(name, assignment.templates)
        return assignment

    def source(self, name: str) -> Assignment:
        """Read an assignment as it stands under source/, released or not.

        Raises:
            GradingError: It does not exist or cannot be read.
        """
        folder = self.folder("source", ".", name)
        notebooks = sorted(folder.glob("*.ipynb"))
        if not notebooks:
            raise GradingError(f"{name!r} is no assignment: {folder} has no notebooks")
        try:
            templates = {path.stem: read_template(path) for path in notebooks}
        except ValueError as error:
            raise GradingError(str(error)) from None
        others = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".ipynb"]
        files = {str(path.relative_to(folder)): path.read_bytes() for path in others if path.parent.name[0] != "."}
        return Assignment(name, templates, files, self.settings.limits(name))

    def students(self, assignment: str) -> list[str]:
        """Who has handed in something, by the folders under submitted/."""
        pattern = Path(self.directory.format_path(self.directory.submitted_directory, "*", assignment))
        if "*" not in pattern.parts:
            raise GradingError(f"no student can be told from folders of the form {pattern}")
        position = pattern.parts.index("*")
        found = sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
        return [path.parts[position] for path in found if path.is_dir() and not bad_name(path.parts[position])]

    def bad_names(self, assignment: str) -> list[str]:
        """Folders under submitted/ that cannot stand for a student, as text that can be printed."""
        pattern = Path(self.directory.format_path(self.directory.submitted_directory, "*", assignment))
        position = pattern.parts.index("*")
        found = sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
        return [ascii(path.parts[position]) for path in found if bad_name(path.parts[position])]

    def is_new(self, student: str, name: str) -> bool:
        """Whether a submission is to be graded: it never was, its grades are stale, or it is newer than they are."""
        done = self.folder("autograded", student, name)
        if not any(done.glob("*.ipynb")) or is_stale(done):
            return True
        old, new = self.timestamp("autograded", student, name), self.timestamp("submitted", student, name)
        if new is not None and (old is None or new > old):
            return True
        return read_digest(done) not in ("", digest(self.folder("submitted", student, name)))

    def timestamp(self, kind: str, student: str, name: str) -> datetime | None:
        """When a submission was handed in, in UTC; None if that cannot be read."""
        return read_timestamp(self.folder(kind, student, name), self.zone)

    @property
    def zone(self) -> str:
        """The time zone in which the exchange writes."""
        return str(self.config.Exchange.get("timezone", "UTC"))

    def remarks(self, student: str, assignment: Assignment) -> str:
        """What the instructor should know of a submission, in a line."""
        folder, found = self.folder("submitted", student, assignment.name), []
        if has_unreadable_timestamp(folder, self.zone):
            found.append("its timestamp.txt cannot be read, so nobody knows whether it is late")
        for name in assignment.templates:
            path = find_notebook(assignment, folder, name)
            if isinstance(path, Path) and path.name != f"{name}.ipynb":
                found.append(f"{path.name!r} was read as {name}.ipynb")
        return "; ".join(found)

    def sandbox(self) -> Sandbox:
        """A fork server with the course's modules.

        Raises:
            SandboxError: There is no sandbox here and the settings do not accept that.
        """
        isolate = not (self.settings.accept_no_sandbox and why_no_sandbox())
        return Sandbox(self.settings.modules, isolate=isolate)

    def _compare(self, name: str, templates: dict[str, Template]) -> None:
        """The points in the gradebook must be those of the source."""
        with self.gradebook() as gradebook:
            try:
                known = gradebook.find_assignment(name).notebooks
            except MissingEntry:
                raise GradingError(f"{name} is not in the gradebook: run nbgrader generate_assignment {name}") from None
            released = {book.name: {cell.name: cell.max_score for cell in book.grade_cells} for book in known}
        current = {
            notebook: {
                settings(cell)["grade_id"]: float(settings(cell)["points"])
                for cell in template.notebook.cells
                if settings(cell).get("grade")
            }
            for notebook, template in templates.items()
        }
        if released != current:
            reason = f"{name} was changed since its release ({_difference(released, current)})"
            raise GradingError(f"{reason}: run python -m course_grader update {name}; no grade is lost")


def _difference(released: dict[str, dict[str, float]], current: dict[str, dict[str, float]]) -> str:
    """What differs between two sets of points, by notebook and cell: cells first, for points alone change less."""
    old = {(book, cell): points for book, cells in released.items() for cell, points in cells.items()}
    new = {(book, cell): points for book, cells in current.items() for cell, points in cells.items()}
    added = [cell for book, cell in new if (book, cell) not in old]
    removed = [cell for book, cell in old if (book, cell) not in new]
    points = [f"{key[1]} {old[key]:g} to {new[key]:g}" for key in old if key in new and old[key] != new[key]]
    what = (("cells added", added), ("cells removed", removed), ("points", points))
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in what if names) or "notebooks"


# By notebook: its content, as bytes or parsed, or a status and a reason where there is none.
HandedIn = dict[str, bytes | dict | tuple[str, str]]


def read_folder(assignment: Assignment, folder: Path) -> HandedIn:
    """What a student handed in, by notebook; nothing of it is parsed here."""
    found: HandedIn = {}
    for name in assignment.templates:
        try:
            path = find_notebook(assignment, folder, name)
            found[name] = path if isinstance(path, tuple) else read_bytes(path)
        except MalformedSubmission as error:
            found[name] = ("malformed", str(error))
    return found


def find_notebook(assignment: Assignment, folder: Path, name: str) -> Path | tuple[str, str]:
    """The file of a notebook: of its name, or else the only one there is, as "a1 (1).ipynb"; or why there is none."""
    path = folder / f"{name}.ipynb"
    if folder.is_symlink():
        return "missing", f"{path.name} was not handed in"
    if os.path.lexists(path):
        return path
    others = sorted(other for other in folder.glob("*.ipynb") if other.is_file() and other.name[0] != ".")
    if len(others) == 1 and len(assignment.templates) == 1:
        return others[0]
    names = ", ".join(repr(other.name) for other in others[:5])
    return "missing", f"{path.name} was not handed in" + (
        f"; there are {names}: rename the one that is meant" * bool(others)
    )


def grade_all(assignment: Assignment, submissions: HandedIn, sandbox: Sandbox) -> dict[str, Graded]:
    """Grade what one student handed in, by notebook; nothing of it but the text of cells is used."""
    results = {}
    for name, template in assignment.templates.items():
        submission = submissions[name]
        if isinstance(submission, bytes):
            try:
                submission = read_apart(sandbox, submission, f"{name}.ipynb")
            except MalformedSubmission as error:
                submission = ("malformed", str(error))
        if isinstance(submission, dict):
            results[name] = grade(template, submission, sandbox, assignment.limits, assignment.files)
        else:
            results[name] = all_tests(template, *submission)
    return results
