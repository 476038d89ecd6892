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
# The floors of course_lib, lowest first: a folder imports only itself and folders further down. Every other folder
# is a task that the course teaches; a task imports shared folders and itself.
FLOORS = [{"core"}, {"ops", "optim"}, {"data", "metrics"}, {"networks"}]
SHARED = {folder: set().union(*FLOORS[:floor]) for floor, folders in enumerate(FLOORS) for folder in folders}
PICTURES = "viz"  # for notebooks, and for files of the library that are named `draw`


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


def violations(path: Path, names: set[str]) -> list[str]:
    """The imports of one file of course_lib that its place does not allow; `path` is relative to course_lib."""
    folder = path.parts[0]
    allowed = {folder} | SHARED.get(folder, set(SHARED)) | ({PICTURES} if path.stem == "draw" else set())
    return [n for n in sorted(names) if n.startswith("course_lib.") and n.split(".")[1] not in allowed]


def test_library_folders_import_only_what_their_place_allows():
    for path in files("course_lib"):
        place = path.relative_to(ROOT / "course_lib")
        if place.name == "__init__.py" and len(place.parts) == 1:
            continue
        found = violations(place, imported(ast.parse(path.read_text())))
        assert not found, f"course_lib/{place} imports {', '.join(found)}; what two folders need moves to a shared one"


@pytest.mark.parametrize(
    ("place", "name", "allowed"),
    [
        ("linear/ridge.py", "course_lib.optim.sgd", True),
        ("linear/ridge.py", "course_lib.linear.basis", True),
        ("linear/ridge.py", "course_lib.texture.style", False),
        ("new_task/method.py", "course_lib.networks.unet", True),
        ("new_task/method.py", "course_lib.viz", False),
        ("new_task/draw.py", "course_lib.viz", True),
        ("networks/unet.py", "course_lib.ops.warp", True),
        ("networks/unet.py", "course_lib.new_task.method", False),
        ("ops/warp.py", "course_lib.networks.unet", False),
        ("core/checks.py", "course_lib.ops.warp", False),
        ("data/scenes/render.py", "course_lib.ops.geometry.cameras", True),
    ],
)
def test_the_rule_says_what_it_means(place, name, allowed):
    assert (violations(Path(place), {name}) == []) is allowed


def test_every_file_of_the_library_is_in_a_folder():
    assert [path.name for path in (ROOT / "course_lib").glob("*.py")] == ["__init__.py"]


def test_no_public_name_has_two_homes():
    """Two functions of one name must mean the same; the engine of chapter 3 repeats torch's names on purpose."""
    homes: dict[str, list[str]] = {}
    for path in files("course_lib"):
        if path.parts[-2] == "autograd":
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


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


READS_VALUES = {"check_tensors", "check_labels", "item", "tolist", "any", "all"}


def test_no_forward_pass_reads_values():
    """A GPU would wait at each: shapes and kinds are checked there, values at entry points."""
    for path in files("course_lib/networks"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "forward":
                calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
                named = {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls}
                assert not named & READS_VALUES, f"{path.relative_to(ROOT)}: forward calls {named & READS_VALUES}"
