"""The two long commands: `make course` shows that everything works, `make test` checks that it does.

Each step is a child process whose words go to the terminal. A failing step ends the run with its name; but behind a
failing step of tests the other tests still run, so that one run of `make test` says everything that fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from course_book.check import faults
from course_book.paths import HTML, ROOT
from course_book.units import ATTACKS, VERIFIED, assignment_digests, choose, commits, record, units, verified

# Threads of torch that wait for each other sleep instead of spinning: on a busy machine a chapter then takes as much
# longer as its share of the machine is smaller, and not ten times as long. Results do not change.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
GRADING = ("tests/course_grader", "tests/assignments")
PYTEST = ("pytest", "-q", "--durations=10")
BOTH = ("-n", "2", "--dist", "loadscope")  # two processes, a file or a notebook stays in one of them


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


@contextlib.contextmanager
def _going_on(failures: list[str]) -> Iterator[None]:
    """Note the RuntimeError of a step that fails in the body, instead of ending the run."""
    try:
        yield
    except RuntimeError as error:
        failures.append(str(error))


def run_tests(everything: bool = False) -> None:
    """Lint, check the pairs, build the book, then all tests; the chapters and the grading in rotation (`units.py`).

    Two processes work at a time, each with one thread. The tests that grade come last and alone: they watch clocks.

    Args:
        everything: Leave nothing to rotation.

    Raises:
        RuntimeError: At the first step that fails; for tests at the end, with every step that failed.
    """
    today = units()
    chosen, left = choose(today, verified(), None if everything else commits())
    print(f"run:              {', '.join(chosen)}\nleft to rotation: {', '.join(left) or 'nothing'}", flush=True)
    seconds = {
        "ruff": _run("ruff", "ruff", "check", "."),
        "format": _run("format", "ruff", "format", "--check", "--quiet", "."),
    }
    if found := faults():
        raise RuntimeError("\n".join(found))
    with _beside("mypy", seconds, "mypy"):
        seconds["book"] = _run("book", "course_book", "build")
    failures: list[str] = []
    chapters, graded = [name for name in chosen if name.startswith("chapter")], False
    if chapters:
        notebooks = [f"chapters/{name}.ipynb" for name in _of_kind("chapter", chapters)]
        with _going_on(failures):
            seconds["chapters (nbval)"] = _run("chapters (nbval)", *PYTEST, *BOTH, "--nbval", *notebooks, **WAITING)
    passed = [] if failures else list(chapters)
    others = [f"--ignore={folder}" for folder in GRADING]
    with _going_on(failures):
        seconds["other tests"] = _run("other tests", *PYTEST, *BOTH, "tests", *others, **WAITING)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "grading.xml"
        with _going_on(failures):
            seconds["tests of grading"] = _run(
                "tests of grading", *grading_command(left), f"--junitxml={report}", **WAITING
            )
            graded = classes_were_graded(report)
            if not graded:
                print("\nno class was graded on this machine, so no test of grading counts as passed")
    passed += [name for name in chosen if graded and name not in chapters]
    record(passed, today)
    print(f"\npassed and noted in {VERIFIED.relative_to(ROOT)}: {', '.join(passed)}", flush=True)
    if failures:
        raise RuntimeError("\n".join(failures))
    _print_times(seconds)


def classes_were_graded(report: Path) -> bool:
    """Whether no class of submissions or attacks was skipped, as all are where there is no sandbox.

    Other tests of the grader may be: those that need PostgreSQL, control groups, or root.

    Args:
        report: What pytest wrote, as JUnit's XML.
    """
    cases = ElementTree.parse(report).iter("testcase")
    skipped = [case.get("classname", "") for case in cases if case.find("skipped") is not None]
    return not any(name.startswith(("tests.assignments", "tests.course_grader.attacks")) for name in skipped)


def grading_command(left: list[str]) -> list[str]:
    """The tests that grade, without the units that are left to rotation.

    Args:
        left: Units; those that are not graded do not matter.
    """
    command = [*PYTEST, *BOTH, "tests/assignments"]
    if ATTACKS not in left:
        command.append("tests/course_grader")
    for number in (name.split("_")[0] for name in _of_kind("class", left)):
        command.append(f"--ignore=tests/assignments/test_{number}_margins.py")
        command.append(f"--deselect=tests/assignments/test_submissions.py::Test{number.upper()}")
    return command


def _of_kind(kind: str, names: list[str]) -> list[str]:
    """The chapters or assignments among units."""
    return [name.removeprefix(f"{kind} ") for name in names if name.startswith(f"{kind} ")]


def run_course() -> None:
    """Build the book, release the assignments, grade the sample class, and say where everything is.

    Raises:
        RuntimeError: At the first step that fails.
    """
    seconds = {"book": _run("book", "course_book", "build")}
    library = f"--library={json.dumps(assignment_digests())}"
    title = "assignments and sample class"
    seconds[title] = _run(title, "course_grader.sample_class", library)
    _print_times(seconds)
    print(f"""
The book:      {HTML / "index.html"}   or: make serve
JupyterLab:    make lab, then open chapters/ or assignments/release/ (copies, in _lab/)
The feedback:  {ROOT / "assignments" / "feedback"}
""")


def _print_times(seconds: dict[str, float]) -> None:
    """One line a step, and the size of what was built."""
    print("\nstep                             seconds")
    for name, value in seconds.items():
        print(f"{name:32s} {value:7.1f}")
    size = sum(path.stat().st_size for path in HTML.rglob("*") if path.is_file())
    print(f"{'size of the book':32s} {size / 1e6:7.1f} MB")
