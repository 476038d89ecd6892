"""What a student sees of the grading: for each test its name, status, points, the kind of mistake and the author's
hint. Nothing else.

Preprocessors for nbgrader's generate_feedback, and the page they fill (templates/feedback_page). No text that the judge
or the student's own process printed gets into the page: the first could show hidden values, the second could have been
handed hidden arguments. `details.py` says what may be said of a mistake.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor

from course_grader.details import UNSOLVED, syntax_error
from course_grader.grade import is_test, settings

TEMPLATES = Path(__file__).with_name("templates")
EXPLANATIONS = {
    "passed": "",
    "failed": "The result is not the one that was asked for.",
    "error": "Your function raised an error, or returned something that cannot be read.",
    "timeout": "It took too long and was stopped: a loop without end, or far more work than the text asks for?",
    "out of memory": "It needed more memory than is allowed.",
    "crashed": "The process that ran your code ended before the test was over.",
    "malformed": "The cell could not be read from your notebook.",
    "missing": "The cell is not in your notebook.",
}
OPEN = "not graded yet"


class GradesAndWaiting(GetGrades):
    """nbgrader's points and comments, and whether a person has still to give points."""

    def _get_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        super()._get_score(cell, resources)
        found = self.gradebook.find_grade(
            cell.metadata.nbgrader.grade_id, self.notebook_id, self.assignment_id, self.student_id
        )
        cell.metadata.nbgrader["waiting"] = bool(found.needs_manual_grade)


class ShowVerdicts(NbGraderPreprocessor):
    """Put the judge's verdict under each test, drop every other output, and list what the page's contents show."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple:
        nb, resources = super().preprocess(nb, resources)
        resources.setdefault("nbgrader", {})["exercises"] = exercises(nb)
        return nb, resources

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, index: int) -> tuple:
        meta = settings(cell)
        if meta.get("solution") or not meta.get("locked"):  # the steps that follow would take these words for theirs
            cell.source = re.sub(r"(BEGIN|END) (HIDDEN|MARK)", "\\1\u2060 \\2", cell.source)
        if cell.cell_type == "code":
            verdict = cell.metadata.get("course_grader")
            told = (
                is_test(cell)
                and verdict
                and (verdict["status"], verdict["points"]) != ("passed", verdict["max_points"])
            )
            cell.outputs = [_verdict(cell, verdict)] if told else []  # of a passed one, the heading says all
            if meta.get("solution") and (reason := syntax_error(cell.source)):
                cell.outputs = [_line(reason, "nothing in this cell could run")]
            cell.execution_count = None
        return cell, resources


def exercises(notebook: NotebookNode) -> list[dict]:
    """The notebook's parts that give points, each with its tests, for the contents.

    Returns:
        title, points, most, and tests: a list of id, name, word (status), look (passed, failed or open), points, most.
    """
    parts: list[dict] = []
    title = ""
    for cell in notebook.cells:
        meta = settings(cell)
        if cell.cell_type == "markdown" and not meta.get("solution") and (found := re.match(r"#+ +(.+)", cell.source)):
            title = re.sub(r"\s*\([^)]*points[^)]*\)$", "", found.group(1).strip())
        if not meta.get("grade"):
            continue
        if not parts or parts[-1]["title"] != title:
            parts.append({"title": title, "points": 0.0, "most": 0.0, "tests": []})
        test = _entry(cell, meta)
        parts[-1]["tests"].append(test)
        parts[-1]["points"] += test["points"]
        parts[-1]["most"] += test["most"]
    return parts


def _entry(cell: NotebookNode, meta: dict) -> dict:
    """One line of the contents; it is noted in the cell as well, for the heading there."""
    points, most = float(meta.get("score") or 0.0), float(meta.get("points") or 0.0)
    verdict = cell.metadata.get("course_grader")
    if meta.get("waiting"):
        word, look = OPEN, "open"
    elif verdict is None or verdict["points"] != points:  # a person has given points
        word, look = "graded by a person", "passed" if points == most else "failed" if points == 0 else "partly"
    else:
        word = UNSOLVED if verdict.get("detail") == UNSOLVED else verdict["status"]
        look = "failed" if word != "passed" else "passed" if points == most else "partly"
    meta["word"], meta["look"] = word, look
    return {"id": meta["grade_id"], "name": _name(cell), "word": word, "look": look, "points": points, "most": most}


def _name(cell: NotebookNode) -> str:
    return settings(cell)["grade_id"].removeprefix("test_").replace("_", " ")


def _verdict(cell: NotebookNode, verdict: dict) -> NotebookNode:
    """What the judge found, in a line."""
    detail, status = verdict.get("detail", ""), verdict["status"]
    explanation = f"{detail[0].upper()}{detail[1:]}." if detail else EXPLANATIONS.get(status, "")
    hint = f" Hint: {verdict['hint']}" if verdict["hint"] and status != "passed" else ""
    rest = f"{verdict['points']:g} of {verdict['max_points']:g} points. {explanation}{hint}".strip()
    return _line(f"{_name(cell)}: {status}", rest)


def _line(head: str, rest: str) -> NotebookNode:
    """One line of HTML, and the same as text."""
    page = f"<b>{html.escape(head)}</b>, {html.escape(rest)}"
    return new_output("display_data", {"text/plain": f"{head}, {rest}", "text/html": page})
