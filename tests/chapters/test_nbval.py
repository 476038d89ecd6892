"""nbval with our hooks, on a notebook whose stored outputs are wrong in many ways: what must fail says why."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import nbformat
import pytest

# Source, tags, stored output, and what the failure says; nothing for a cell that must pass.
CELLS = [
    ("print('a 1.0')", [], "a 1.0\n", ""),
    ("print('a 1.1')", [], "a 1.0\n", "Cell outputs differ"),
    ("print('a 1.2')", ["tolerance-2"], "a 1.0\n", ""),
    ("print('a 1.3')", ["tolerance-2"], "a 1.0\n", "stdout, line 1: 1.3, expected 1.0, may differ by 0.2 (toler"),
    ("print('b 1.0')", ["tolerance-2"], "a 1.0\n", "line 1: 'b 1.0', expected 'a 1.0'; only numbers may differ"),
    ("print('a nan')", ["tolerance-5%"], "a 1.0\n", "line 1: 'a nan', expected 'a 1.0'; only numbers may differ"),
    ("print('a 1.0')", ["tolerance-2"], "a 1.0\nb 2.0\n", "1 lines, expected 2; only numbers may differ"),
    ("pass", ["tolerance-2"], "a 1.0\n", "Missing output fields"),
    ("1.0", ["tolerance-2"], "a 1.0\n", "Missing output fields"),
    ("print('a 1.0'); import sys; print('careful', file=sys.stderr)", ["tolerance-2"], "a 1.0\n", "on stderr: careful"),
    ("import os; print(os.environ['COURSE_STATIC'], os.environ['COURSE_DEVICE'])", [], "1 cpu\n", ""),
    ("print(os.environ['OMP_NUM_THREADS'], os.environ['HOME'] == '/proc/nothing')", [], "1 False\n", ""),
    ("import matplotlib.figure", [], "", ""),
]  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What a run of nbval over all cells says of each cell, in a folder where a home cannot be written."""
    folder = tmp_path_factory.mktemp("nbval")
    cells = []
    for source, tags, stored, _ in CELLS:
        outputs = [nbformat.v4.new_output("stream", name="stdout", text=stored)] if stored else []
        metadata = {"tags": tags}
        cells.append(nbformat.v4.new_code_cell(source, metadata=metadata, outputs=outputs, execution_count=1))
    kernel = {"name": "no such kernel", "display_name": "", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "small.ipynb")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COURSE", "OMP", "PYTEST"))}
    environment |= {"HOME": "/proc/nothing", "MPLCONFIGDIR": "/proc/nothing", "JUPYTER_RUNTIME_DIR": "/proc/nothing"}
    command = [sys.executable, "-m", "pytest", "--nbval", "-p", "course_book.nbval_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-rA", "--color=no", "small.ipynb"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("number", range(len(CELLS)))
def test_a_cell_fails_when_it_must(said, number):
    wanted = CELLS[number][3]
    verdict = re.search(rf"^(PASSED|FAILED) small.ipynb::Cell {number}\b", said, re.MULTILINE)
    assert verdict, said
    assert verdict[1] == ("FAILED" if wanted else "PASSED"), said
    if wanted:
        block = re.search(rf"^Cell {number}: .*?(?=^_____|^=====)", said, re.MULTILINE | re.DOTALL)
        assert wanted in block[0]


def test_outputs_in_another_order_fail():
    """Two tables whose numbers are near each other, swapped."""
    from course_book.nbval_plugin import _settle
    from course_book.tolerance import tolerance_of

    def tables(*texts):
        return [nbformat.v4.new_output("display_data", data={"text/markdown": text}) for text in texts]

    stored = tables("| a |\n| 1.0 |", "| b |\n| 1.1 |")
    settled, found = _settle(tables("| a |\n| 1.1 |", "| b |\n| 1.0 |"), stored, tolerance_of(["tolerance-1"]))
    assert settled == stored
    assert found == []
    settled, found = _settle(stored[::-1], stored, tolerance_of(["tolerance-1"]))
    assert settled != stored
    assert "text/markdown, line 1: '| b |', expected '| a |'; only numbers may differ" in found
