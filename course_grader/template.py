"""An assignment as it is graded: the source notebook without its solutions, with its hidden tests.

template = read_template("source/a1_linear_fitting/a1_linear_fitting.ipynb")
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import compute_checksum

from course_grader.notebooks import read_notebook, solution_sources


@dataclass(frozen=True)
class Template:
    """One notebook of an assignment.

    Attributes:
        notebook: The release's cells, with the hidden tests.
        names: By solution cell, the names that the instructor's solution defines: "call" or "value".
    """

    notebook: NotebookNode
    names: dict[str, dict[str, str]]


def read_template(path: str | Path) -> Template:
    """Read an assignment's source.

    Raises:
        ValueError: One line, if it cannot be read or a solution is no Python.
    """
    source = read_notebook(path)
    kinds = {cell.metadata.nbgrader.grade_id: cell.cell_type for cell in source.cells if "nbgrader" in cell.metadata}
    names = {}
    for grade_id, text in solution_sources(source).items():
        try:
            names[grade_id] = defined_names(text) if kinds[grade_id] == "code" else {}
        except SyntaxError as error:
            raise ValueError(f"{path}: the solution in cell {grade_id!r} is no Python: {error.msg}") from None
    notebook, _ = ClearSolutions().preprocess(copy.deepcopy(source), {})
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.metadata.nbgrader["checksum"] = compute_checksum(cell)  # tells a cell that was left as it was
    return Template(notebook, names)


def defined_names(source: str) -> dict[str, str]:
    """Names that a cell defines at its top level: "call" for functions and classes, "value" for the others."""
    names: dict[str, str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names[node.name] = "call"
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                names |= {part.id: "value" for part in ast.walk(target) if isinstance(part, ast.Name)}
    return names
