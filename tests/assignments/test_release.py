"""The sources and releases of all assignments: form, points, hints, and nothing that students must not see."""

from __future__ import annotations

import re

import nbformat
import pytest

from course_grader.notebooks import read_notebook, solution_sources

from .conftest import ASSIGNMENTS, NAMES


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def source(name):
    return read_notebook(ASSIGNMENTS / "source" / name / f"{name}.ipynb")


@pytest.fixture(scope="module")
def release(released, name):
    return read_notebook(released(name) / "release" / name / f"{name}.ipynb")


def meta(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def test_source_is_clean(source):
    nbformat.validate(source)
    assert (source.nbformat, source.nbformat_minor) == (4, 5)
    assert source.metadata.kernelspec.name == "python3"
    for cell in source.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_every_nbgrader_cell_has_one_stable_name(source):
    names = [meta(cell)["grade_id"] for cell in source.cells if meta(cell)]
    assert len(names) == len(set(names))
    for cell in source.cells:
        assert re.fullmatch(r"[a-z][a-z0-9_]+", cell.id)
        assert meta(cell).get("schema_version", 3) == 3
        assert meta(cell).get("grade_id", cell.id) == cell.id


def test_points_are_100_with_one_written_question(source):
    graded = [meta(cell) for cell in source.cells if meta(cell).get("grade")]
    by_hand = [cell for cell in graded if cell["solution"]]
    assert sum(cell["points"] for cell in graded) == 100
    assert [(cell["grade_id"], cell["points"]) for cell in by_hand] == [("written_answer", 10)]


def test_points_in_the_headings_are_those_of_the_cells(source):
    heading, sums = None, {}
    for cell in source.cells:
        if found := re.search(r"^## Exercise \d+:.*\((\d+) points", cell.source, re.MULTILINE):
            heading = found.group(0)
            sums[heading] = [int(found.group(1)), 0]
        if meta(cell).get("grade"):
            sums[heading][1] += meta(cell)["points"]
    assert len(sums) >= 5
    assert all(said == summed for said, summed in sums.values()), sums


def test_every_test_cell_says_its_points_and_its_hint(release):
    cells = [cell for cell in release.cells if meta(cell).get("grade") and not meta(cell)["solution"]]
    assert cells
    for cell in cells:
        points, hint, variable = cell.source.splitlines()[:3]
        assert points == f"# Points: {meta(cell)['points']}"
        assert re.fullmatch(r"# Hint: [^\"]+[.?]", hint)
        assert variable == f'hint = "{hint.removeprefix("# Hint: ")}"'
        assert re.search(r"\bhint\b", "\n".join(cell.source.splitlines()[3:])), f"{cell.id} does not use its hint"


def test_every_function_is_introduced_with_an_example(source):
    """The last text that calls the function before its cell has an example worked by hand."""
    text = {}
    for cell in source.cells:
        if cell.cell_type == "markdown":
            text |= dict.fromkeys(re.findall(r"`(\w+)\(", cell.source), cell.source)
        elif meta(cell).get("solution"):
            assert re.search(r"\*\*By hand\b", text[cell.id]), f"{cell.id} has no example"


def test_readme_lists_points_and_time(name, source):
    row = next(
        line for line in (ASSIGNMENTS.parent / "README.md").read_text("utf-8").splitlines() if f"`{name}`" in line
    )
    columns = [column.strip() for column in row.strip("| ").split("|")]
    assert len(columns) == 6
    about = "\n".join(cell.source for cell in source.cells[:1])
    assert f"| **Time** | {columns[3]} |" in about
    assert f"| **Points** | {columns[4]}: 90 by automatic tests, 10 for a written answer" in about
    assert all(f"hapter {number}" in about or f"chapter {number}" in about for number in columns[5].split(", "))


def test_release_has_no_solution_no_hidden_test_and_no_rubric(source, release):
    text = "\n".join(cell.source for cell in release.cells)
    for marker in ("BEGIN", "END SOLUTION", "HIDDEN TESTS", "MARK SCHEME", "For the grader", "Half |", "reference_"):
        assert marker not in text
    for solution in solution_sources(release).values():
        assert "raise NotImplementedError()" in solution or solution == "YOUR ANSWER HERE"
    secret = [
        line
        for cell in source.cells
        for region in re.findall(r"### BEGIN [A-Z ]+\n(.*?)### END", cell.source, re.DOTALL)
        for line in region.splitlines()
        if len(line.strip()) > 25
    ]
    assert len(secret) > 100
    visible = set(map(str.strip, text.splitlines()))
    assert {line.strip() for line in secret} & visible == set()


def test_release_keeps_every_cell_of_the_source(source, release):
    assert [cell.id for cell in release.cells] == [cell.id for cell in source.cells]
    assert list(solution_sources(release)) == list(solution_sources(source))


def test_test_cells_ask_nothing_about_the_code_itself(source):
    """Student functions are called; how they are written, and of which type they are, is nobody's business."""
    for cell in source.cells:
        if meta(cell).get("grade") and cell.cell_type == "code":
            assert not re.search(r"\binspect\b|__code__|getsource|\bIn\[|globals\(|\bis not None\b", cell.source)


def test_lines_are_at_most_120_characters(source):
    for cell in source.cells:
        for line in cell.source.splitlines():
            assert len(line) <= 120 or line.startswith("|"), f"{cell.id}: {line}"
