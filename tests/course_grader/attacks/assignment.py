"""A small assignment whose tests hostile submissions try to pass: 10 points by tests, 5 by hand."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NAME = "probe"
SECRETS = ("7319", "94621", "8.25", "opossum", "wombat")  # stand in hidden tests alone
HONEST = {
    "add": "def add(a, b):\n    return a + b",
    "center": "def center(values):\n    values = np.asarray(values, dtype=float)\n    return values - values.mean()",
    "label": "def label(n):\n    return 'item ' + str(n)",
    "limit": "limit = 0.5",
    "answer": "Because the mean of the differences is zero.",
}
ANSWER = f"### BEGIN SOLUTION\n{HONEST['answer']}\n### END SOLUTION"
POINTS = {
    "test_add_public": 1,
    "test_add_hidden": 2,
    "test_center_public": 1,
    "test_center_hidden": 3,
    "test_limit_public": 1,
    "test_label_hidden": 2,
}
CHECKS = """def check_equal(actual, expected, hint):
    assert actual == expected, hint


def check_close(actual, expected, hint):
    assert isinstance(actual, np.ndarray) and actual.shape == np.shape(expected), hint
    assert np.allclose(actual, expected), hint


shared = np.array([2.0, -4.5, 7.5, 1.0])"""
TESTS = {
    "test_add_public": 'hint = "Add."\ncheck_equal(add(1, 2), 3, hint)',
    "test_add_hidden": """hint = "Add any two numbers."
### BEGIN HIDDEN TESTS
expected = 7319 + 94621
check_equal(add(7319, 94621), expected, hint)
for got, wanted in zip(map(add, (-4, 3), (2.5, 8)), (-1.5, 11)):
    check_equal(got, wanted, hint)
### END HIDDEN TESTS""",
    "test_center_public": """hint = "Subtract the mean."
check_close(center(shared[:1]), [0.0], hint)
check_close(center(shared), shared - shared.mean(), hint)""",
    "test_center_hidden": """hint = "Subtract the mean of all values."
### BEGIN HIDDEN TESTS
values = np.array([8.25, -1.0, 3.5, 100.0])
check_close(center(values), values - values.mean(), hint)
check_close(center([[1, 2], [3, 6]]), [[-2, -1], [0, 3]], hint)
### END HIDDEN TESTS""",
    "test_limit_public": 'hint = "A half."\ncheck_equal(limit, 0.5, hint)',
    "test_label_hidden": """hint = "The word item, a blank, the number."
### BEGIN HIDDEN TESTS
opossum = "item 12"
check_equal(label(12), opossum, hint)
check_equal(label("wombat"), "item wombat", hint)
### END HIDDEN TESTS""",
}


def _cell(kind: str, name: str, source: str, **settings: object) -> NotebookNode:
    meta = {"grade_id": name, "schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    make = new_code_cell if kind == "code" else new_markdown_cell
    return make(source, id=name, metadata={"nbgrader": {**meta, **settings}})


def _solution(name: str) -> NotebookNode:
    text = HONEST[name]
    head, _, body = text.partition("\n") if text.startswith("def") else ("", "", text)
    indent = "    " if head else ""
    lines = [head] if head else []
    lines += [f"{indent}### BEGIN SOLUTION", *body.split("\n"), f"{indent}### END SOLUTION"]
    return _cell("code", name, "\n".join(lines), solution=True)


def _test(name: str) -> NotebookNode:
    hint = TESTS[name].split('"')[1]
    source = f"# Points: {POINTS[name]}\n# Hint: {hint}\n{TESTS[name]}"
    return _cell("code", name, source, grade=True, locked=True, points=POINTS[name])


def source_notebook() -> NotebookNode:
    """The instructor's notebook."""
    cells = [
        _cell("code", "setup", "import numpy as np", locked=True),
        _cell("code", "checks", CHECKS, locked=True),
        _solution("add"),
        _test("test_add_public"),
        _test("test_add_hidden"),
        _solution("center"),
        _test("test_center_public"),
        _test("test_center_hidden"),
        _solution("limit"),
        _test("test_limit_public"),
        new_code_cell("print(add(2, 2))", id="look"),
        _solution("label"),
        _test("test_label_hidden"),
        _cell("markdown", "answer", ANSWER, solution=True, grade=True, points=5),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


CONFIG = """from course_grader.converter import install
from course_grader.feedback import GradesAndWaiting, ShowVerdicts
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme

c = get_config()
install()
c.CourseDirectory.course_id = "attacks"
c.CourseGrader.modules = ["numpy", "matplotlib.pyplot", "torch"]
c.CourseGrader.memory = 0.5
c.CourseGrader.disk = 0.03
c.CourseGrader.processes = 32
c.CourseGrader.cell_seconds = 4.0
c.CourseGrader.test_seconds = 4.0
c.CourseGrader.notebook_seconds = 15.0
steps = [GradesAndWaiting, ShowVerdicts, ClearHiddenTests, ClearMarkScheme, CSSHTMLHeaderPreprocessor]
c.GenerateFeedback.preprocessors = steps
c.HTMLExporter.filters = {"markdown2html": "course_grader.written.markdown"}
"""


def make_course(root: Path) -> Path:
    """A course root with this assignment's source."""
    folder = root / "source" / NAME
    folder.mkdir(parents=True)
    nbformat.write(source_notebook(), folder / f"{NAME}.ipynb")
    (folder / "data.txt").write_text("17\n")
    (root / "nbgrader_config.py").write_text(CONFIG)
    return root


def as_json(notebook: NotebookNode) -> str:
    """The notebook as a student's file holds it."""
    return json.dumps(notebook, indent=1)
