"""A student's and a reader's first minutes in JupyterLab.

The student: open the released assignment in JupyterLab, run all, press Validate, see what fails. The reader: open a
copy of a chapter.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from course_book.paths import ROOT, notebook_path, text_path
from course_book.serve import copy_for_lab

ASSIGNMENT = "a1_linear_fitting"
# JupyterLab draws only the cells in sight unless it is told to draw them all.
ALL_CELLS = '{"windowingMode": "none"}'
IDLE = "text=Python 3 (ipykernel) | Idle"
FUSE = 300_000  # milliseconds; a machine with other work may need long


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the students' release of assignment 1 in it."""
    root = tmp_path_factory.mktemp("lab")
    shutil.copy(ROOT / "assignments" / "nbgrader_config.py", root)
    shutil.copytree(ROOT / "assignments" / "source" / ASSIGNMENT, root / "source" / ASSIGNMENT)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", ASSIGNMENT]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic by name
    subprocess.run(command, cwd=root, check=True, capture_output=True, env={**os.environ, "PATH": path})
    return root / "release" / ASSIGNMENT


@contextmanager
def lab_of(root: Path, home: Path) -> Iterator[str]:
    """Address of a JupyterLab that shows a folder; a student's Jupyter with settings of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = home / "config" / "lab" / "user-settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(ALL_CELLS)
    environment = {**os.environ, "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "config"),
                   "JUPYTER_DATA_DIR": str(home / "data"), "IPYTHONDIR": str(home / "ipython")}  # fmt: skip
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1",
               "--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={root}",
               "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api/status", timeout=2)
                break
            except OSError:
                assert server.poll() is None, (home / "log").read_text()[-2000:]
                time.sleep(0.5)
        try:
            yield address
        finally:
            server.terminate()
            try:
                server.wait(60)  # it first shuts its kernels down
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture(scope="module")
def lab(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a JupyterLab that shows the release."""
    with lab_of(release, tmp_path_factory.mktemp("home")) as address:
        yield address


def test_run_all_and_validate_show_the_failing_tests(lab, wide):
    page = wide.new_page()
    page.set_default_timeout(FUSE)
    page.goto(f"{lab}/lab/tree/{ASSIGNMENT}.ipynb")
    page.wait_for_selector(".jp-NotebookPanel-toolbar >> text=Validate")
    page.wait_for_selector(IDLE)  # without a kernel, Run would do nothing and not say so

    page.click(".lm-MenuBar-itemLabel:text-is('Run')")
    page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")
    page.wait_for_selector(".jp-OutputArea-output:has-text('NotImplementedError')")

    page.click(".jp-NotebookPanel-toolbar >> text=Validate")
    page.wait_for_selector(".jp-Dialog >> text=/failed|error/i")
    words = page.inner_text(".jp-Dialog")
    assert "NotImplementedError" in words or "failed" in words.lower(), words
    assert "HIDDEN" not in words


@pytest.fixture
def copies() -> Iterator[Path]:
    """What `make lab` shows, in the place where it lies: inside the project, in a folder that git ignores."""
    folder = ROOT / "_build" / "lab-of-a-test"
    shutil.rmtree(folder, ignore_errors=True)
    copy_for_lab(folder)
    yield folder
    shutil.rmtree(folder)


def test_a_chapter_is_rendered_and_folded_and_saving_it_changes_no_source(copies, wide, tmp_path):
    name = "05_filters_and_pyramids"
    sources = [text_path(name), notebook_path(name)]
    before = [path.read_bytes() for path in sources]
    copy = copies / "chapters" / f"{name}.ipynb"
    with lab_of(copies, tmp_path) as address:
        page = wide.new_page()
        page.set_default_timeout(FUSE)
        page.goto(f"{address}/lab/tree/chapters/{name}.ipynb")
        page.wait_for_selector(IDLE)
        page.wait_for_selector(".jp-MarkdownCell h2:has-text('Convolution')")
        words = page.inner_text(".jp-Notebook")
        assert "{term}`" not in words, "roles are rendered"
        assert ":class: dropdown" not in words, "folds are rendered"
        folded = [
            c for c in nbformat.read(copy, 4).cells if {"hide-input", "hide-cell"} & set(c.metadata.get("tags", []))
        ]
        assert page.locator(".jp-CodeCell .jp-InputPlaceholder").count() == len(folded) > 10
        solutions = [cell for cell in folded if "hide-cell" in cell.metadata.tags and cell.outputs]
        assert page.locator(".jp-CodeCell .jp-OutputPlaceholder").count() == len(solutions) > 2

        stamp = copy.stat().st_mtime_ns
        page.click(".jp-MarkdownCell >> nth=1")
        page.keyboard.press("b")  # a cell below: the notebook has changed
        page.keyboard.press("Control+s")
        for _ in range(200):
            if copy.stat().st_mtime_ns != stamp:
                break
            page.wait_for_timeout(100)
    assert copy.stat().st_mtime_ns != stamp, "the copy was not saved"
    assert [path.read_bytes() for path in sources] == before
    assert sorted(path.name for path in copies.rglob("*.md") if path.stem[:2] == "05") == []
