"""Build the book with Jupyter Book: warnings are errors, and unchanged pages are not built again."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

from course_book.check import stale
from course_book.paths import CHAPTERS, HTML, ROOT

STATIC = CHAPTERS / "_static"


def build(clean: bool = False) -> None:
    """Build `_build/html` from the stored notebooks; nothing is executed and no network is used.

    Args:
        clean: Forget earlier builds first.

    Raises:
        RuntimeError: If a chapter's stored outputs are stale, or Sphinx reports a warning or an error; its words are
            on the terminal.
    """
    if lines := stale():
        raise RuntimeError("\n".join(lines))
    if clean:
        shutil.rmtree(ROOT / "_build", ignore_errors=True)
    tool = str(Path(sys.executable).with_name("jupyter-book"))
    command = [tool, "build", str(ROOT), "-n", "-W", "--keep-going", "-q"]
    if _static_changed():
        command.append(
            "--all"
        )  # Sphinx copies styles and scripts only when it writes a page, which then names their hash
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if finished.returncode or not (HTML / "index.html").exists():
        print(finished.stdout[-6000:], finished.stderr[-6000:], file=sys.stderr)
        raise RuntimeError("the book was not built; the lines above say which page and why")


def _static_changed() -> bool:
    """Whether a style or script of ours differs from the one in the built book, or is not there yet."""
    names = [path.name for path in STATIC.iterdir()]
    _, differ, missing = filecmp.cmpfiles(STATIC, HTML / "_static", names, shallow=False)
    return bool(differ or missing)
