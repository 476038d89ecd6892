"""Show the built book, or open JupyterLab or the formgrader, on a port of this machine."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import socket
import sys
from functools import partial
from pathlib import Path

import nbformat

from course_book.execute import fold
from course_book.paths import CHAPTERS, HTML, LAB, ROOT, all_chapters, notebook_path


def require_free(port: int, command: str) -> None:
    """Make sure that a port can be used.

    Raises:
        ValueError: If something listens there already, or the number is no port.
    """
    if not 1 <= port <= 65535:
        raise ValueError(f"a port is a number from 1 to 65535, not {port}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ValueError(f"port {port} is taken; use another one, as in: make {command} PORT={port + 1}") from error


def serve(port: int) -> None:
    """Serve the built book on localhost until interrupted.

    Raises:
        ValueError: If the book is not built or the port is taken.
    """
    if not (HTML / "index.html").exists():
        raise ValueError("the book is not built yet; run: make book")
    require_free(port, "serve")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"The book is at http://localhost:{port} (Ctrl+C ends it)", flush=True)
        server.serve_forever()


def lab(port: int, edit: bool = False) -> None:
    """Replace this process by JupyterLab: with copies of the chapters and assignments, or at the top of the project.

    Args:
        port: Of this machine.
        edit: For authors: open the chapters themselves; saving one there changes the book's sources.

    Raises:
        ValueError: If the port is taken.
    """
    require_free(port, "lab")
    if not edit:
        print(copy_for_lab(LAB), flush=True)
    os.chdir(ROOT if edit else LAB)
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", f"--port={port}", "--ServerApp.port_retries=0"])


def grade(port: int, course: Path) -> None:
    """Replace this process by nbgrader's formgrader, started where it finds the course.

    Args:
        port: Of this machine.
        course: The course's folder, with nbgrader_config.py and a gradebook.

    Raises:
        ValueError: If there is no course or nothing in it yet, or the port is taken.
    """
    if not (course / "nbgrader_config.py").exists():
        raise ValueError(f"{course} is no course: there is no nbgrader_config.py in it")
    if not (course / "gradebook.db").exists():
        raise ValueError(f"{course} has no gradebook yet; run: make course, or release an assignment")
    require_free(port, "grade")
    os.chdir(course)
    os.execv(
        sys.executable,
        [
            sys.executable,
            "-m",
            "jupyterlab",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            "--LabApp.default_url=/formgrader",
        ],
    )


def copy_for_lab(folder: Path) -> str:
    """Copy the chapters, and the assignments that are released, into a folder that git ignores.

    What a reader has changed there stays: a copy is renewed only while it is as it was copied, or where there is none.

    Args:
        folder: Where to.

    Returns:
        A sentence on what is there.
    """
    record = folder / ".copied.json"
    known = json.loads(record.read_text()) if record.exists() else {}
    copies, kept = {}, []
    for place, content in sorted(_originals().items()):
        path = folder / place
        mine = path.read_bytes() if path.exists() else None
        if mine is None or _mark(mine) == known.get(place):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            copies[place] = _mark(content)
        else:
            kept.append(place)
            copies[place] = known.get(place, "")
    record.write_text(json.dumps(copies, indent=1))
    words = f"{len(copies) - len(kept)} fresh copies in {folder}"
    return words + (f"; left as you changed them: {', '.join(kept)} (delete one to start afresh)" if kept else "")


def _originals() -> dict[str, bytes]:
    """What is copied, by its place in the folder: notebooks folded as the book is, their data, and the releases."""
    found = {}
    for name in all_chapters():
        notebook = nbformat.read(notebook_path(name), as_version=4)
        notebook.metadata.pop("jupytext", None)  # a copy has no text beside it
        fold(notebook)
        found[f"chapters/{name}.ipynb"] = nbformat.writes(notebook).encode()
    files = [path for kind in ("*.md", "cards/*", "images/*") for path in CHAPTERS.glob(kind)]
    files += (ROOT / "assignments" / "release").rglob("*")
    return found | {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in files if path.is_file()}


def _mark(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
