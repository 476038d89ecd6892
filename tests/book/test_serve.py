"""`make serve` and `make lab` say in one line when they cannot start."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from course_book import serve
from course_book.paths import ROOT


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("command", ["serve", "lab"])
def test_a_taken_port_is_one_line(book, taken, command):
    done = subprocess.run(
        [sys.executable, "-m", "course_book", command, "--port", str(taken)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    wanted = f"error: port {taken} is taken; use another one, as in: make {command} PORT={taken + 1}"
    assert done.stderr.strip() == wanted


@pytest.mark.parametrize("port", [0, -1, 70000])
def test_a_number_that_is_no_port(port):
    with pytest.raises(ValueError, match=f"a port is a number from 1 to 65535, not {port}"):
        serve.require_free(port, "serve")


def test_an_unbuilt_book_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(serve, "HTML", tmp_path)
    with pytest.raises(ValueError, match="not built yet; run: make book"):
        serve.serve(8000)
