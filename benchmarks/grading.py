"""Grading a class whose notebook imports torch: submissions a second, ours against stock nbgrader, in one run.

`python -m benchmarks.grading [STUDENTS]`; it is no part of `python -m benchmarks`, because it takes minutes. Above 100
students only our command for classes runs, to see that its memory stays flat.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook

NAME = "speed"
LARGE = 100  # students
SETTLED = 10.0  # seconds of life after which a process counts as one that stays
STOCK = 'c = get_config()\nc.CourseDirectory.course_id = "speed"\n'
OURS = STOCK + (
    "from course_grader.converter import install\ninstall()\n"
    'c.CourseGrader.modules = ["numpy", "torch", "matplotlib.pyplot"]\n'
)
SOLUTION = "def scale(x, a):\n    ### BEGIN SOLUTION\n    return a * x\n    ### END SOLUTION"
TEST = "assert torch.equal(scale(torch.arange(3), {n}), {n} * torch.arange(3))"


def _cell(name: str, source: str, **settings: object) -> nbformat.NotebookNode:
    flags = {"grade_id": name, "schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    return new_code_cell(source, id=name, metadata={"nbgrader": {**flags, **settings}})


def _make(root: Path, config: str, students: int) -> dict[str, str]:
    """A released course with a class; the environment for its commands."""
    tests = [_cell(f"test_{n}", TEST.format(n=n), grade=True, locked=True, points=1) for n in range(4)]
    cells = [_cell("setup", "import numpy as np\nimport torch", locked=True), _cell("scale", SOLUTION, solution=True)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = new_notebook(cells=[*cells, *tests], metadata=kernel)
    (root / "source" / NAME).mkdir(parents=True)
    nbformat.write(notebook, root / "source" / NAME / f"{NAME}.ipynb")
    (root / "nbgrader_config.py").write_text(config)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", NAME]
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    release = nbformat.read(root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    release.cells[1].source = "def scale(x, a):\n    return a * x"
    for student in range(students):
        folder = root / "submitted" / f"s{student:03d}" / NAME
        folder.mkdir(parents=True)
        nbformat.write(release, folder / f"{NAME}.ipynb")
    return environment


def _seconds(root: Path, environment: dict[str, str], command: list[str]) -> tuple[float, list[float]]:
    """Wall time of a command, and the memory of its processes that stay, in MiB, sampled every second."""
    start, memory = time.perf_counter(), []
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    watched = psutil.Process(process.pid)
    while True:
        try:
            _, said = process.communicate(timeout=1.0)
            break
        except subprocess.TimeoutExpired:
            memory.append(_memory(watched) / 2**20)
    if process.returncode:
        raise RuntimeError(said.decode()[-2000:])
    return time.perf_counter() - start, memory


def _memory(command: psutil.Process) -> int:
    """Bytes of a command and its children, without those of single submissions, which live for a second or two."""
    total = 0
    for process in [command, *command.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            old = time.time() - process.create_time() > SETTLED
            total += process.memory_full_info().pss if old else 0
    return total


def run(students: int = 40) -> None:
    """Time the ways and print a row for each."""
    python = sys.executable
    ways = {
        "nbgrader autograde, stock": (STOCK, [python, "-m", "nbgrader", "autograde", NAME]),
        "nbgrader autograde, ours": (OURS, [python, "-m", "nbgrader", "autograde", NAME]),
        "course_grader autograde, 2 workers": (OURS, [python, "-m", "course_grader", "autograde", NAME, "--root", "."]),
    }
    if students > LARGE:
        ways = dict(list(ways.items())[-1:])
    print(f"{students} submissions of a notebook that imports torch")
    stock = None
    for way, (config, command) in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "course"
            environment = _make(root, config, students)
            seconds, memory = _seconds(root, environment, command)
        stock = stock or seconds
        quarter = len(memory) // 4
        early, late = (statistics.median(memory[k * quarter : (k + 1) * quarter + 1]) for k in (1, 3))
        row = f"  {way:36s}{seconds:8.1f} s{students / seconds:8.2f} a second"
        row += "" if students > LARGE else f"{stock / seconds:7.1f} times stock"
        print(f"{row}   memory {early:.0f} MiB in the second quarter, {late:.0f} in the last", flush=True)


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
