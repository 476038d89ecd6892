"""Show the built book, or open JupyterLab, on a port of this machine."""

from __future__ import annotations

import http.server
import os
import socket
import sys
from functools import partial

from course_book.paths import HTML, ROOT


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


def lab(port: int) -> None:
    """Replace this process by JupyterLab at the top of the project.

    Raises:
        ValueError: If the port is taken.
    """
    require_free(port, "lab")
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", f"--port={port}", "--ServerApp.port_retries=0"])
