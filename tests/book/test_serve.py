"""`make serve` and `make lab` say in one line when they cannot start."""

from __future__ import annotations

import socket
import subprocess
import sys

import nbformat
import pytest

from course_book import serve
from course_book.paths import ROOT, all_chapters


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


@pytest.fixture
def original(tmp_path, monkeypatch):
    """A project with one small file to copy, and the folder for the copies."""
    content = {"chapters/01_a.ipynb": b"first"}
    monkeypatch.setattr(serve, "_originals", lambda: content)
    return content, tmp_path / "lab" / "chapters" / "01_a.ipynb"


def test_a_copy_is_renewed_until_a_reader_changes_it(original, tmp_path):
    content, copy = original
    assert serve.copy_for_lab(tmp_path / "lab").startswith("1 fresh copies")
    content["chapters/01_a.ipynb"] = b"second"
    serve.copy_for_lab(tmp_path / "lab")
    assert copy.read_bytes() == b"second"
    copy.write_bytes(b"mine")
    for _ in range(2):  # also when it was kept once already
        said = serve.copy_for_lab(tmp_path / "lab")
        assert copy.read_bytes() == b"mine"
        assert "left as you changed them: chapters/01_a.ipynb" in said
    copy.unlink()
    serve.copy_for_lab(tmp_path / "lab")
    assert copy.read_bytes() == b"second"


def test_the_copies_are_all_chapters_folded_and_what_they_read():
    files = serve._originals()
    notebooks = {name: nbformat.reads(files[f"chapters/{name}.ipynb"].decode(), 4) for name in all_chapters()}
    assert notebooks
    for notebook in notebooks.values():
        assert "jupytext" not in notebook.metadata
        for cell in notebook.cells:
            tags = set(cell.metadata.get("tags", ()))
            folded = cell.metadata.get("jupyter", {})
            assert bool(folded.get("source_hidden")) == bool(tags & {"hide-input", "hide-cell"})
            assert bool(folded.get("outputs_hidden")) == ("hide-cell" in tags)
    assert "chapters/cards/02_costs.json" in files
