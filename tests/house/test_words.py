"""What README and CONTRIBUTING promise exists: make targets, files, and the commands they name."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_is_named_exists(page):
    named = set(re.findall(r"[` ]make ([a-z]+)\b(?=[` \n])", PAGES[page])) - {"brings"}
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert named
    assert named <= targets, named - targets


def test_make_help_lists_every_target():
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^  make (\w+)", said, re.MULTILINE))
    assert listed == set(re.search(r"\.PHONY: (.*)", MAKEFILE)[1].split())


@pytest.mark.parametrize("page", PAGES)
def test_linked_files_exist(page):
    for target in re.findall(r"\]\(([^)#]+)\)", PAGES[page]):
        if "://" not in target:
            assert (ROOT / target).exists(), f"{page} links to {target}"


def test_the_assignment_table_is_complete():
    rows = set(re.findall(r"^\| `(a\d_\w+)`", PAGES["README.md"], re.MULTILINE))
    assert rows == {path.name for path in (ROOT / "assignments" / "source").iterdir() if path.is_dir()}


def test_continuous_integration_runs_the_test_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert "make test" in PAGES["README.md"]
