"""The two long commands: `make course` shows that everything works, `make test` checks that it does.

Each step is a child process whose words go to the terminal; a failing step ends the run with its name.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from course_book.check import faults
from course_book.paths import HTML, ROOT, all_chapters

# Threads of torch that wait for each other sleep instead of spinning: on a busy machine a chapter then takes as much
# longer as its share of the machine is smaller, and not ten times as long. Results do not change.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
GRADING = ("tests/course_grader", "tests/assignments")


def _command(*command: str) -> list[str]:
    """A module of this Python, as in `python -m`."""
    return [sys.executable, "-m", *command]


def _run(title: str, *command: str, **environment: str) -> float:
    """Run one step from the top of the project and return its seconds.

    Raises:
        RuntimeError: If the step fails.
    """
    print(f"\n=== {title}", flush=True)
    started = time.perf_counter()
    if subprocess.run(_command(*command), cwd=ROOT, env={**os.environ, **environment}, check=False).returncode:
        raise RuntimeError(f"{title}: failed, see above; alone it is: python -m {' '.join(command)}")
    return time.perf_counter() - started


@contextlib.contextmanager
def _beside(title: str, seconds: dict[str, float], *command: str, **environment: str) -> Iterator[None]:
    """Run one step in another process while the body runs; its words come at the end, also if the body fails.

    Args:
        title: Of the step.
        seconds: Gets the step's seconds.
        *command: Arguments of `python -m`.
        **environment: Further variables.

    Raises:
        RuntimeError: If the step fails.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile() as words:
        everything = {**os.environ, **environment}
        step = subprocess.Popen(_command(*command), cwd=ROOT, env=everything, stdout=words, stderr=subprocess.STDOUT)
        try:
            yield
        except KeyboardInterrupt:
            step.terminate()
            raise
        finally:
            failed = step.wait()
            seconds[title] = time.perf_counter() - started
            words.seek(0)
            print(f"\n=== {title} (ran beside the others)\n{words.read().decode(errors='replace')}", flush=True)
    if failed:
        raise RuntimeError(f"{title}: failed, see above; alone it is: python -m {' '.join(command)}")


def run_tests() -> None:
    """Lint, check the pairs, build the book, then all tests, with nbval over every notebook.

    The tests that grade run beside the others. They watch the clock, so they have priority; and they stay together,
    because one of them counts the processes that grading leaves.

    Raises:
        RuntimeError: At the first step that fails.
    """
    seconds = {
        "ruff": _run("ruff", "ruff", "check", "."),
        "format": _run("format", "ruff", "format", "--check", "."),
        "mypy": _run("mypy", "mypy"),
    }
    if found := faults():
        raise RuntimeError("\n".join(found))
    seconds["book"] = _run("book", "course_book", "build")
    notebooks = [f"chapters/{name}.ipynb" for name in all_chapters()]
    pytest = ("pytest", "-q", "--durations=10")
    with _beside("tests of grading", seconds, *pytest, *GRADING, **WAITING):
        if hasattr(os, "nice"):
            os.nice(10)
        seconds["chapters (nbval)"] = _run(
            "chapters (nbval)", "pytest", "-q", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=600",
            *notebooks, COURSE_STATIC="1", COURSE_DEVICE="cpu", **WAITING,
        )  # fmt: skip
        others = [f"--ignore={folder}" for folder in GRADING]
        seconds["other tests"] = _run("other tests", *pytest, "tests", *others, **WAITING)
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
