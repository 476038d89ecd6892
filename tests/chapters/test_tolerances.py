"""The proposal of a tag is twice what was seen, and says so where no tag helps."""

from __future__ import annotations

import nbformat
import pytest

from course_book import tolerances
from course_book.tolerance import differences, tolerance_of


def cell(text: str, tags: list[str] | None = None, kind: str = "stdout") -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("stream", name=kind, text=text)] if text else []
    return nbformat.v4.new_code_cell("print(x)", outputs=outputs, metadata={"tags": tags or []})


PROPOSALS = {
    "nothing": ("a 1.0", "a 1.0", ""),
    "one unit": ("a 1.0", "a 1.1", "differs by up to 1 printed units, 10.0 %, with way: tolerance-2"),
    "the largest": ("1.0 2.0 3.00", "1.1 2.3 3.01", "up to 3 printed units, 15.0 %, with way: tolerance-6"),
    "many units": ("1234.5678", "1234.6678", "up to 1000 printed units, 0.0 %, with way: tolerance-1%"),
    "many units of nought": ("0.000", "0.050", "tolerance-100"),
    "a sign of nought": ("0.0", "-0.0", "tolerance-1"),
    "a word": ("deep 1.0", "plain 1.0", "words differ with way, which no tolerance allows"),
    "an output": ("a 1.0", "", "words differ with way"),
}


@pytest.mark.parametrize("what", PROPOSALS)
def test_proposal(what):
    stored, new, wanted = PROPOSALS[what]
    said = tolerances.proposal(cell(stored), {"way": cell(new)})
    assert wanted in said
    assert bool(said) == bool(wanted)


@pytest.mark.parametrize("what", ["one unit", "the largest", "many units", "many units of nought", "a sign of nought"])
def test_the_proposed_tag_lets_the_difference_pass(what):
    stored, new, _ = PROPOSALS[what]
    tag = tolerances.proposal(cell(stored), {"way": cell(new)}).split()[-1]
    assert differences(stored, new, tolerance_of([tag])) == []


def test_the_ways_that_differ_and_the_tag_that_is_there_are_named():
    others = {"one": cell("1.0"), "two": cell("1.1"), "three": cell("1.3")}
    said = tolerances.proposal(cell("1.0", ["tolerance-2"]), others)
    assert said == "differs by up to 3 printed units, 30.0 %, with two and three: tolerance-6 (it has tolerance-2)"


def test_a_chapter_is_executed_three_ways(monkeypatch, capsys):
    """Executions are replaced by outputs that depend on the variables."""
    asked = []

    def execute(name, notebook, **variables):
        asked.append(variables)
        notebook.cells = [cell("same"), cell("1.0" if variables == {} else "1.2")]

    monkeypatch.setattr(tolerances, "read_text", lambda name: nbformat.v4.new_notebook())
    monkeypatch.setattr(tolerances, "execute", execute)
    (line,) = tolerances.tolerances("02_optimization")
    assert line.startswith("code cell 1 (print(x)): differs by up to 2 printed units")
    assert "two threads and an older CPU: tolerance-4" in line
    assert asked == [{}, {"COURSE_THREADS": "2"}, tolerances.OLDER]
    assert capsys.readouterr().out.splitlines()[-1] == "02_optimization: an older CPU"
