"""What a student sees of the grading: for each test its name, status, points and the author's hint. Nothing else.

Two preprocessors for nbgrader's generate_feedback. No text that the judge or the student's own process printed gets
into the page: the first could show hidden values, the second could have been handed hidden arguments.
"""

from __future__ import annotations

import html
import re

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor

from course_grader.grade import is_test, settings

EXPLANATIONS = {
    "passed": "",
    "failed": "The result is not the one that was asked for.",
    "error": "Your function raised an error, is not solved yet, or returned something that cannot be read.",
    "timeout": "It took too long and was stopped: a loop without end, or far more work than the text asks for?",
    "out of memory": "It needed more memory than is allowed.",
    "crashed": "The process that ran your code ended before the test was over.",
    "malformed": "The cell could not be read from your notebook.",
    "missing": "The cell is not in your notebook.",
}


class ShowVerdicts(NbGraderPreprocessor):
    """Put the judge's verdict under each test and drop every other output."""

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, index: int) -> tuple:
        meta = settings(cell)
        if meta.get("solution") or not meta.get("locked"):  # the steps that follow would take these words for theirs
            cell.source = re.sub(r"(BEGIN|END) (HIDDEN|MARK)", "\\1\u2060 \\2", cell.source)
        if cell.cell_type == "code":
            verdict = cell.metadata.get("course_grader")
            cell.outputs = [_verdict(cell, verdict)] if is_test(cell) and verdict else []
            cell.execution_count = None
        return cell, resources


def _verdict(cell: NotebookNode, verdict: dict) -> NotebookNode:
    """One line of HTML, and the same as text."""
    name = cell.metadata.nbgrader.grade_id.removeprefix("test_").replace("_", " ")
    points = f"{verdict['points']:g} of {verdict['max_points']:g} points"
    explanation = EXPLANATIONS.get(verdict["status"], "")
    hint = f" Hint: {verdict['hint']}" if verdict["hint"] and verdict["status"] != "passed" else ""
    rest = f"{points}. {explanation}{hint}".strip()
    text = f"{name}: {verdict['status']}, {rest}"
    page = f"<b>{html.escape(name)}: {html.escape(verdict['status'])}</b>, {html.escape(rest)}"
    return new_output("display_data", {"text/plain": text, "text/html": page})
