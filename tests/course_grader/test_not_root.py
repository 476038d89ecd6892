"""A grader that is not root: the same grades, and the same attacks stopped. Everybody else's tests are that already."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .attacks.assignment import NAME
from .conftest import hand_in, needs_sandbox, scores

NOBODY = 65534
# In a mount namespace of its own, a home that only root may enter is replaced by one that holds just this Python.
OPEN = """set -e
if [ "$CLOSED" ]; then
    mount --bind "$PYTHON" "$HELD"; mount -t tmpfs -o mode=755 tmpfs "$CLOSED"
    mkdir -p "$PYTHON"; mount --bind "$HELD" "$PYTHON"
fi
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
"""

pytestmark = [
    needs_sandbox,
    pytest.mark.skipif(os.geteuid() != 0, reason="this is no test of root"),
    pytest.mark.skipif(not (shutil.which("unshare") and shutil.which("setpriv")), reason="no unshare and setpriv"),
]


@pytest.fixture
def mine(course: Path) -> Iterator[Path]:
    """The course where nobody can reach it, and as nobody's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        copied = shutil.copytree(course, Path(folder, "course"))
        yield copied


def closed() -> str:
    """The folder above this Python that only root may enter; empty if there is none."""
    above = [path for path in Path(sys.base_prefix).parents if not path.stat().st_mode & 0o001]
    return str(above[-1]) if above else ""


def test_a_class_is_graded_by_somebody_who_is_not_root(mine, programs):
    students = {"ann": "honest_a", "bob": "fork_bomb", "cem": "shared_memory", "dia": "lowers_its_group"}
    students |= {"eve": "fills_the_connection_folder", "fay": "buffers_of_sockets", "zoe": "honest_z"}
    hand_in(mine, students)
    for path in (mine, *mine.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    own = [sys.executable, "-m", "course_grader", "autograde", NAME, "--root", str(mine), "--workers", "1"]
    held = mine.parent / "held"
    held.mkdir()
    named = {"CLOSED": closed(), "PYTHON": sys.base_prefix, "HELD": str(held), "HOME": str(mine)}
    run = ["unshare", "--mount", "sh", "-c", OPEN, "sh", *own]
    done = subprocess.run(run, env={**programs, **named}, capture_output=True, text=True)
    assert "7 of 7 graded" in done.stdout, done.stdout + done.stderr
    assert scores(mine) == {"ann": 10, "bob": 8, "cem": 8, "dia": 7, "eve": 8, "fay": 8, "zoe": 10}
    assert (mine / "gradebook.db").stat().st_uid == NOBODY
