"""The two long commands: `make course` shows that everything works, `make test` checks that it does.

Each step is a child process whose words go to the terminal; a failing step ends the run with its name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from course_book.check import faults
from course_book.paths import HTML, ROOT, all_chapters

# Threads of torch that wait for each other sleep instead of spinning: on a busy machine a chapter then takes as much
# longer as its share of the machine is smaller, and not ten times as long. Results do not change.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}


def _run(title: str, *command: str, **environment: str) -> float:
    """Run one step from the top of the project and return its seconds.

    Raises:
        RuntimeError: If the step fails.
    """
    print(f"\n=== {title}", flush=True)
    started = time.perf_counter()
    python = [sys.executable, "-m", *command]
    if subprocess.run(python, cwd=ROOT, env={**os.environ, **environment}, check=False).returncode:
        raise RuntimeError(f"{title}: failed, see above; alone it is: python -m {' '.join(command)}")
    return time.perf_counter() - started


def run_tests() -> None:
    """Lint, check the pairs, build the book, then all tests, with nbval over every notebook.

    Raises:
        RuntimeError: At the first step that fails.
    """
    seconds = {"ruff": _run("ruff", "ruff", "check", "."), "mypy": _run("mypy", "mypy")}
    if found := faults():
        raise RuntimeError("\n".join(found))
    seconds["book"] = _run("book", "course_book", "build")
    notebooks = [f"chapters/{name}.ipynb" for name in all_chapters()]
    seconds["chapters (nbval)"] = _run(
        "chapters (nbval)", "pytest", "-q", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=300", *notebooks,
        COURSE_STATIC="1", COURSE_DEVICE="cpu", **WAITING,
    )  # fmt: skip
    seconds["tests"] = _run("tests", "pytest", "-q", "tests", "--durations=10", **WAITING)
    _print_times(seconds)


def run_course() -> None:
    """Build the book, release the assignments, grade the sample class, and say where everything is.

    Raises:
        RuntimeError: At the first step that fails.
    """
    seconds = {"book": _run("book", "course_book", "build")}
    seconds["assignments and sample class"] = _run("assignments and sample class", "course_grader.sample_class")
    _print_times(seconds)
    print(f"""
The book:      {HTML / "index.html"}   or: make serve
JupyterLab:    make lab, then open chapters/ or assignments/release/
The feedback:  {ROOT / "assignments" / "feedback"}
""")


def _print_times(seconds: dict[str, float]) -> None:
    """One line a step, and the size of what was built."""
    print("\nstep                             seconds")
    for name, value in seconds.items():
        print(f"{name:32s} {value:7.1f}")
    size = sum(path.stat().st_size for path in HTML.rglob("*") if path.is_file())
    print(f"{'size of the book':32s} {size / 1e6:7.1f} MB")
