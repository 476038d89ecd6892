"""Name the tests of an assignment that are too easy to pass.

    python -m course_grader lint a4_texture_synthesis

Two looks at each test. One reads it: a comparison such as np.allclose(actual, expected) broadcasts, so that an empty
array, or one number, can agree with everything; the shape belongs beside it. The other runs it, with functions that
know nothing: each returns the same constant, or what it was given. A test that gives points to these is weak, or says
by a line "# Lint: ..." why it may.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass

import nbformat

from course_grader.course import Assignment, grade_all
from course_grader.grade import is_shared, is_test, settings
from course_grader.notebooks import build_submission
from course_grader.sandbox import Sandbox
from course_grader.template import Template

BROADCASTING = ("allclose", "isclose", "assert_allclose", "assert_almost_equal", "assert_array_almost_equal")
SHAPES = ("shape", "size", "numel", "ndim", "len", "float", "item")  # whoever names one of these looks at the shape
ACCEPTED = "# Lint:"
IGNORANT = {
    "None": "None",
    "0": "0.0",
    "True": "True",
    "NaN": "float('nan')",
    "an empty list": "[]",
    "an empty dict": "{}",
    "an empty array": "first.new_zeros(0) if hasattr(first, 'new_zeros') else numpy.zeros(0)",
    "an array of no rows": "first[:0] if hasattr(first, 'shape') and len(first.shape) else numpy.zeros((0, 1))",
    "zeros of the first argument's shape": "first * 0 if hasattr(first, 'shape') else numpy.zeros(numpy.shape(first))",
    "the first argument": "first",
}
FUNCTION = """def {name}(*arguments, **named):
    import numpy
    first = next(iter([*arguments, *named.values()]), 0.0)
    return {value}
"""


@dataclass(frozen=True)
class Finding:
    """One reason to look at a cell again; `where` is its grade_id."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


def report(found: list[Finding]) -> str:
    """The findings as text."""
    if not found:
        return "no test is too easy to pass, as far as can be seen: what wrong submissions get is yours to test"
    return "\n".join(map(str, found))


def lint(assignment: Assignment, sandbox: Sandbox) -> list[Finding]:
    """What both looks find, in the order of the cells."""
    found = []
    for template in assignment.templates.values():
        found += read_tests(template)
    found += run_tests(assignment, sandbox)
    order = [settings(cell).get("grade_id") for t in assignment.templates.values() for cell in t.notebook.cells]
    return sorted(found, key=lambda finding: order.index(finding.where))


def read_tests(template: Template) -> list[Finding]:
    """Comparisons that broadcast, in a test or a helper of the tests in which nothing looks at a shape."""
    found = []
    for cell in template.notebook.cells:
        if not (is_test(cell) or is_shared(cell)) or ACCEPTED in cell.source:
            continue
        for scope in _scopes(ast.parse("\n".join(line for line in cell.source.split("\n") if line[:1] not in "%!"))):
            names = {_name(node) for node in _inside(scope)}
            for name in sorted(names & set(BROADCASTING)) if not names & set(SHAPES) else ():
                reason = (
                    f"{name} agrees with an array of another shape, also with an empty one; compare the shape first"
                )
                found.append(Finding(settings(cell)["grade_id"], reason))
    return found


def run_tests(assignment: Assignment, sandbox: Sandbox) -> list[Finding]:
    """Tests that give points to functions that know nothing."""
    points: dict[str, tuple[float, list[str]]] = {}
    for what, value in IGNORANT.items():
        sources = {name: _ignorant(template, value) for name, template in assignment.templates.items()}
        handed_in = {
            name: json.loads(nbformat.writes(build_submission(template.notebook, sources[name])))
            for name, template in assignment.templates.items()
        }
        for graded in grade_all(assignment, handed_in, sandbox).values():
            for verdict in graded.verdicts:
                if verdict.points:
                    points.setdefault(verdict.test, (verdict.max_points, []))[1].append(what)
    accepted = {
        settings(cell)["grade_id"]
        for template in assignment.templates.values()
        for cell in template.notebook.cells
        if is_test(cell) and ACCEPTED in cell.source
    }
    return [
        Finding(test, f"gives of its {most:g} points to functions that return {', or '.join(whats)}")
        for test, (most, whats) in points.items()
        if test not in accepted
    ]


def _ignorant(template: Template, value: str) -> dict[str, str]:
    """Sources of the solution cells in which every function returns one value, and every name holds it."""
    sources = {}
    for grade_id, names in template.names.items():
        lines = [FUNCTION.format(name=name, value=value) for name, kind in names.items() if kind == "call"]
        lines += [f"import numpy\nfirst = 0.0\n{name} = {value}" for name, kind in names.items() if kind == "value"]
        if lines:
            sources[grade_id] = "\n".join(lines)
    return sources


def _scopes(tree: ast.AST) -> list[ast.AST]:
    """The cell itself, and each function in it."""
    return [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]


def _inside(scope: ast.AST) -> list[ast.AST]:
    """The nodes of a scope, without those of the functions in it."""
    found, waiting = [], list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)
    return found


def _name(node: ast.AST) -> str:
    """What a node calls or reads: `allclose` of np.allclose, `shape` of x.shape."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
