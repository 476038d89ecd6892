"""Which way imports may go: chapters, recipes and assignments call course_lib; nothing there calls back."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"course_lib", "course_book", "course_grader", "recipes", "benchmarks", "tests"}
MAY_IMPORT = {
    "course_lib": {"course_lib"},
    "course_book": {"course_book"},
    "course_grader": {"course_grader"},
    "recipes": {"recipes", "course_lib"},
    "benchmarks": {"benchmarks", "course_lib", "course_grader"},
}
# course_lib folders that hold one task's methods; the rest of course_lib is shared.
SHARED = {
    "autograd", "checks", "data", "device", "filters", "layers", "metrics",
    "neighbours", "optim", "pyramids", "seeding", "show_source", "training", "viz", "weights",
}  # fmt: skip


def imported(tree: ast.AST) -> set[str]:
    """Full names of all modules that a syntax tree imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_packages_import_only_what_they_may(folder):
    assert files(folder), f"{folder} is empty"
    for path in files(folder):
        tops = {name.split(".")[0] for name in imported(ast.parse(path.read_text()))} & OURS
        assert tops <= MAY_IMPORT[folder], f"{path.relative_to(ROOT)} imports {tops - MAY_IMPORT[folder]}"


def test_library_tasks_do_not_import_each_other():
    for path in files("course_lib"):
        task = path.relative_to(ROOT / "course_lib").parts[0].removesuffix(".py")
        if task in SHARED:
            continue
        for name in imported(ast.parse(path.read_text())):
            if name.startswith("course_lib."):
                other = name.split(".")[1]
                assert other in SHARED | {task}, f"{path.relative_to(ROOT)} imports the other task {other}"


def test_no_star_imports_and_no_relative_imports():
    for folder in MAY_IMPORT:
        for path in files(folder):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom):
                    assert node.level == 0, f"{path.relative_to(ROOT)}: relative import"
                    assert node.names[0].name != "*", f"{path.relative_to(ROOT)}: star import"


@pytest.mark.parametrize("pattern", ["chapters/*.ipynb", "assignments/source/*/*.ipynb"])
def test_notebooks_import_only_the_library(pattern):
    paths = sorted(ROOT.glob(pattern))
    assert paths, f"no notebook at {pattern}"
    for path in paths:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            source = re.sub(r"^[%!].*$", "pass", cell.source, flags=re.MULTILINE)
            names = imported(ast.parse(source))
            tops = {name.split(".")[0] for name in names} & OURS
            allowed = {"course_lib", "course_grader"} if cell.id == "self_check" else {"course_lib"}
            assert tops <= allowed, f"{path.name} imports {tops}"
            assert not any(name.endswith(".*") for name in names), f"{path.name}: star import"


def test_library_prints_nothing():
    for path in files("course_lib"):
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        printed = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
        assert not printed, f"{path.relative_to(ROOT)} prints"
