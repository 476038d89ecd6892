"""Lines that an editor needed cost neither the cell nor its time; neighbours are as they were."""

from __future__ import annotations

import json

import pytest

from course_grader.course import Course
from course_grader.habits import INSTALLERS

from .attacks.assignment import NAME
from .attacks.second import HABITS
from .conftest import hand_in, needs_sandbox, scores


@needs_sandbox
def test_lines_of_an_editor_cost_nothing(course, grade_here):
    """The limit of a cell, four seconds, is the fuse: pip alone would wait longer for its network."""
    students = {"ann": "honest_a", **{attack.name: attack.name for attack in HABITS}, "zoe": "honest_z"}
    hand_in(course, students)
    grade_here(Course(course))
    assert scores(course) == dict.fromkeys(students, 10)
    path = course / "autograded" / "lines_of_an_editor" / NAME / f"{NAME}.ipynb"
    (cell,) = [cell for cell in json.loads(path.read_text())["cells"] if cell.get("id") == "add"]
    assert "%matplotlib widget" in "".join(cell["source"])  # the instructor sees what was handed in
    assert [output["output_type"] for output in cell["outputs"] if output["output_type"] == "error"] == []
    assert any("image/png" in output.get("data", {}) for output in cell["outputs"])  # and the figure, drawn inline
    shown = "".join("".join(output.get("text", "")) for output in cell["outputs"])
    assert shown.count("[left out: nothing is installed") == 6
    assert "still here" in shown
    path = course / "autograded" / "installs_in_a_script" / NAME / f"{NAME}.ipynb"
    (cell,) = [cell for cell in json.loads(path.read_text())["cells"] if cell.get("id") == "added-1"]
    assert [output["output_type"] for output in cell["outputs"]] == ["stream"]
    lines = "".join(cell["outputs"][0]["text"]).splitlines()
    assert [line[:9] for line in lines] == ["[left out", "[left out", "42"]


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("pip install einops", True),
        ("  pip3 install -q x", True),
        ("/usr/bin/python3.11 -m pip install x", True),
        ("uv pip install x", True),
        ("conda install -y x", True),
        ("echo pip install", False),
        ("pipx-like-tool run", False),
        ("python -m pipeline", False),
        ("ls", False),
    ],
)
def test_commands_that_install_are_told_from_others(command, found):
    assert bool(INSTALLERS.match(command)) is found
