"""The long parts of `make test`, and which of them a run must repeat.

A unit is one chapter under nbval, the grading of one assignment's class, or the attacks on the grader. Its digest sums
up all that could change its result. tests/verified.json, which is committed, holds the digest at which each unit last
passed. A run takes every unit whose digest differs from that, and of the others a fifth, another one after each commit.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path

from course_book.digest import digest
from course_book.paths import ROOT, all_chapters

VERIFIED = ROOT / "tests" / "verified.json"
FIFTH = 5
ATTACKS = "attacks"
LOCK = "requirements.lock"
# What compares a chapter's outputs, and what grades.
COMPARING = ("chapters/conftest.py", "course_book/nbval_plugin.py", "course_book/tolerance.py",
             "course_book/surroundings.py")  # fmt: skip
GRADING = ("tests/conftest.py", "course_grader/**/*.py")


def units() -> dict[str, str]:
    """Every unit with today's digest: "chapter NAME", "class NAME", "attacks"."""
    found = {f"chapter {name}": _chapter(name) for name in all_chapters()}
    found |= {f"class {name}": _class(name) for name in assignments()}
    return found | {ATTACKS: _summary(_files(*GRADING, "tests/course_grader/**/*"))}


def verified() -> dict[str, str]:
    """The digest at which each unit last passed; units that never did are missing."""
    return json.loads(VERIFIED.read_text(encoding="utf-8")) if VERIFIED.exists() else {}


def choose(today: dict[str, str], passed: dict[str, str], turn: int | None) -> tuple[list[str], list[str]]:
    """What to run, and what to leave to later runs.

    Args:
        today, passed: Digests by unit, now and when it last passed.
        turn: Counts commits; with None, everything runs.

    Returns:
        The names of both, in order.
    """
    names = sorted(today)
    chosen = [
        name
        for place, name in enumerate(names)
        if turn is None or today[name] != passed.get(name) or (place + turn) % FIFTH == 0
    ]
    return chosen, [name for name in names if name not in chosen]


def commits() -> int | None:
    """A number that the next commit changes: how many there are, or the last one's name where history is cut short.

    None in a tree without git.
    """
    if _git("rev-parse", "--is-shallow-repository") == "false":
        return int(_git("rev-list", "--count", "HEAD") or 0)
    name = _git("rev-parse", "HEAD")
    return int(name, 16) if name else None


def record(names: Iterable[str], digests: dict[str, str]) -> None:
    """Note that units have passed, and forget those that are no more."""
    table = verified() | {name: digests[name] for name in names}
    known = {name: value for name, value in sorted(table.items()) if name in digests}
    VERIFIED.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def class_files(name: str) -> list[Path]:
    """The files of tests/assignments that belong to one assignment, such as test_a1_margins.py, or to all of them."""
    own = name.split("_")[0]
    found = _files("tests/assignments/**/*")
    return [path for path in found if set(re.findall(r"(?:^|_)(a\d)(?=_|$)", path.stem)) <= {own}]


def notebook_code(path: Path) -> list[str]:
    """The sources of a notebook's code cells."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def assignments() -> list[str]:
    """The names of the assignments, such as a1_linear_fitting."""
    return sorted(path.name for path in (ROOT / "assignments" / "source").iterdir() if path.is_dir())


def assignment_digests() -> dict[str, str]:
    """For each assignment a digest of what its notebooks use of the library."""
    return {name: _used_by(name) for name in assignments()}


def _used_by(name: str) -> str:
    notebooks = sorted((ROOT / "assignments" / "source" / name).glob("*.ipynb"))
    return digest(source for path in notebooks for source in notebook_code(path))


def _chapter(name: str) -> str:
    """All that decides whether nbval passes: code, tags, stored outputs but pictures, the library, the comparison."""
    path = ROOT / "chapters" / f"{name}.ipynb"
    if not path.exists():
        return "not executed"
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    seen = []
    for cell in cells:
        outputs = [{**output, "metadata": {}} for output in cell["outputs"]]
        for output in outputs:
            output["data"] = {k: v for k, v in output.get("data", {}).items() if not k.startswith("image/")}
        seen.append([cell["source"], cell["metadata"].get("tags", []), outputs])
    library = digest(notebook_code(path))
    return _summary(_files(*COMPARING), json.dumps(seen, sort_keys=True), library)


def _class(name: str) -> str:
    """All that decides the points of an assignment's class."""
    files = class_files(name)
    library = digest([path.read_text(encoding="utf-8") for path in files if path.suffix == ".py"])
    source = _files(f"assignments/source/{name}/**/*", "assignments/nbgrader_config.py")
    return _summary([*_files(*GRADING), *files, *source], library, _used_by(name))


def _files(*patterns: str) -> list[Path]:
    """Files by pattern, without what Python and Jupyter leave behind."""
    found = sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())
    return [path for path in found if not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)]


def _summary(files: Iterable[Path], *words: str) -> str:
    """A digest of files and words, and of what every test is run with."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
    summary = hashlib.sha256("\n".join([json.dumps(settings), *words]).encode())
    for path in [ROOT / LOCK, *files]:
        summary.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return summary.hexdigest()[:16]


def _git(*arguments: str) -> str:
    """What git says, or nothing."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
