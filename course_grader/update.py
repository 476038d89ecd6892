"""Bring a changed assignment to the gradebook after students have handed it in; every grade and submission stays.

    python -m course_grader update a1_linear_fitting

nbgrader can change points then, but neither add nor remove a cell. Here the rows of new cells are added, also to what
was handed in before; those of removed cells go, unless a person gave points or wrote a comment there. The release is
then made anew, and all grades are marked as stale, so that the next `autograde` grades everybody by the new tests.
Points given by hand stay. The command can be stopped at any moment and repeated.
"""

from __future__ import annotations

from collections.abc import Iterable

from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    SolutionCell,
    SourceCell,
    TaskCell,
)

from course_grader.course import Course, GradingError
from course_grader.grade import settings
from course_grader.record import mark_stale
from course_grader.sample_class import environment, release_assignment
from course_grader.template import Template

REASON = "the assignment was changed after these grades were given"


def update(course: Course, name: str) -> list[str]:
    """Bring the gradebook and the release up to date with source/.

    Returns:
        What was added and removed, and what to do next; a line each.

    Raises:
        GradingError: It is no assignment, a notebook was added or removed, or a removed cell has points of a person.
    """
    templates = course.source(name).templates
    with environment(), course.gradebook() as gradebook:
        try:
            lines = _update_cells(gradebook, name, templates)
            for student in course.students(name):
                mark_stale(course.folder("autograded", student, name), REASON)
            gradebook.db.commit()
        except BaseException:
            gradebook.db.rollback()
            raise
    with environment():
        release_assignment(course.root, name)
    return [
        *lines,
        f"release/{name} is new: hand it out to those who have not begun",
        f"next: python -m course_grader autograde {name}",
    ]


def _update_cells(gradebook: Gradebook, name: str, templates: dict[str, Template]) -> list[str]:
    """Add and remove cells in all notebooks, in one transaction that the caller ends."""
    found = gradebook.db.query(Assignment).filter(Assignment.name == name).one_or_none()
    if found is None or not found.submissions:
        return []  # nbgrader does all of it
    books = {book.name: book for book in found.notebooks}
    if set(books) != set(templates):
        changed = ", ".join(sorted(set(books) ^ set(templates)))
        raise GradingError(f"{name}: the notebook {changed} was added or removed; make it a new assignment instead")
    lines = []
    for notebook, template in templates.items():
        lines += _update_notebook(gradebook, books[notebook], _wanted(template.notebook.cells))
    return lines


def _wanted(cells: Iterable[NotebookNode]) -> dict[type, dict[str, NotebookNode]]:
    """The cells of a source by the kind of their row, as nbgrader sorts them."""
    kinds: dict[type, dict[str, NotebookNode]] = {GradeCell: {}, SolutionCell: {}, TaskCell: {}, SourceCell: {}}
    for cell in cells:
        meta = settings(cell)
        of = {GradeCell: meta.get("grade"), SolutionCell: meta.get("solution"), TaskCell: meta.get("task")}
        of[SourceCell] = any(of.values()) or meta.get("locked")
        for kind, is_one in of.items():
            if is_one:
                kinds[kind][meta["grade_id"]] = cell
    return kinds


def _update_notebook(gradebook: Gradebook, book: Notebook, wanted: dict[type, dict[str, NotebookNode]]) -> list[str]:
    """Add and remove the cells of one notebook."""
    present = {
        GradeCell: book.grade_cells,
        SolutionCell: book.solution_cells,
        TaskCell: book.task_cells,
        SourceCell: book.source_cells,
    }
    added, removed = [], []
    for kind, cells in wanted.items():
        rows = {row.name: row for row in present[kind]}
        for name in sorted(set(rows) - set(cells)):
            _remove(gradebook, book, rows[name])
            removed.append(name)
        for name in sorted(set(cells) - set(rows)):
            _add(gradebook, book, kind, name, cells[name])
            added.append(name)
    gradebook.db.flush()
    what = (("added", added), ("removed", removed))
    return [f"{book.name}: {word} {', '.join(dict.fromkeys(names))}" for word, names in what if names]


def _add(gradebook: Gradebook, book: Notebook, kind: type, name: str, cell: NotebookNode) -> None:
    """The row of a new cell, and its place in each submission; the release that follows fills in the rest."""
    database, meta = gradebook.db, settings(cell)
    values: dict = {"name": name}
    if kind is not SolutionCell:
        values["cell_type"] = cell.cell_type
    if kind in (GradeCell, TaskCell):
        values["max_score"] = float(meta["points"])
    if kind is SourceCell:
        database.add(kind(notebook_id=book.id, **values))
        return
    row = kind(notebook_id=book.id, **values)
    database.add(row)
    database.flush()
    for submitted in book.submissions:
        if kind in (GradeCell, TaskCell):
            database.add(Grade(cell_id=row.id, notebook_id=submitted.id))
        if kind in (SolutionCell, TaskCell):
            database.add(Comment(cell_id=row.id, notebook_id=submitted.id))


def _remove(gradebook: Gradebook, book: Notebook, row: BaseCell | SourceCell) -> None:
    """Remove a cell's row with its grades and comments, unless a person has made one of them."""
    if isinstance(row, BaseCell):
        by_hand = [g.notebook for g in row.grades if g.manual_score is not None or g.extra_credit]
        by_hand += [comment.notebook for comment in row.comments if comment.manual_comment]
        if by_hand:
            who = ", ".join(sorted({submitted.student.id for submitted in by_hand})[:3])
            reason = f"{row.name} was removed from {book.name}, but has points or comments given by hand ({who})"
            raise GradingError(f"{reason}: put the cell back, or remove those in the formgrader first")
        for one in (*row.grades, *row.comments):
            gradebook.db.delete(one)
        gradebook.db.flush()
    gradebook.db.delete(row)
