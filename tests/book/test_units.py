"""Nothing that a change touches is left out of a run, and what nothing touches comes round in rotation."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from course_book import digest, units
from course_book.paths import ROOT
from course_book.run import classes_were_graded, grading_command

KEPT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.png")
CHAPTERS = ("05_filters_and_pyramids", "07_understanding_cnns")


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of what the digests read."""
    root = tmp_path_factory.mktemp("course")
    for folder in ("course_lib", "course_grader", "course_book", "assignments/source", "tests/assignments",
                   "tests/course_grader", "chapters/cards"):  # fmt: skip
        shutil.copytree(ROOT / folder, root / folder, ignore=KEPT)
    for file in ("requirements.lock", "pyproject.toml", "tests/conftest.py", "chapters/conftest.py",
                 "assignments/nbgrader_config.py", *(f"chapters/{name}.ipynb" for name in CHAPTERS)):  # fmt: skip
        shutil.copy(ROOT / file, root / file)
    return root


@pytest.fixture
def tree(copied, monkeypatch):
    monkeypatch.setattr(units, "ROOT", copied)
    monkeypatch.setattr(units, "all_chapters", lambda: list(CHAPTERS))
    monkeypatch.setattr(units, "digest", lambda sources: digest.digest(sources, copied))
    return copied


EVERY = {"chapters", "classes", "attacks"}
A1, A2 = "class a1_linear_fitting", "class a2_image_retrieval"
# A file, something in it and what stands there instead, and the units that must run.
TOUCHED = {
    "course_book/tolerance.py": ("import re", "import re  # here", {"chapters"}),
    "course_book/nbval_plugin.py": ("import copy", "import copy  # here", {"chapters"}),
    "course_book/surroundings.py": ('"1"', '"2"', {"chapters"}),
    "chapters/conftest.py": ("import", "import ", {"chapters"}),
    "chapters/cards/05_costs.json": ("{", "{ ", {"chapter 05_filters_and_pyramids"}),
    "course_grader/judge.py": ("import", "import ", {"classes", "attacks"}),
    "tests/conftest.py": ("import", "import ", {"classes", "attacks"}),
    "tests/course_grader/attacks/submissions.py": ("import", "import ", {"attacks"}),
    "tests/assignments/test_submissions.py": ("import", "import ", {"classes"}),
    "tests/assignments/submissions/case.py": ("import", "import ", {"classes"}),
    "tests/assignments/submissions/a1_variants.py": ("import", "import ", {A1}),
    "tests/assignments/test_a2_margins.py": ("import", "import ", {A2}),
    "tests/assignments/MARGINS_a1.md": ("1", "2", {A1}),
    "assignments/source/a1_linear_fitting/a1_linear_fitting.ipynb": ('"cells"', '"cells" ', {A1}),
    "assignments/nbgrader_config.py": ("c", "c ", {"classes"}),
    "requirements.lock": ("nbval==", "nbval==9.", EVERY),
    "pyproject.toml": ("--strict-markers", "--strict-markers -x", EVERY),
    "course_book/run.py": ("import", "import ", set()),
}


@pytest.mark.parametrize("path", TOUCHED)
def test_a_change_runs_what_it_touches_and_nothing_else(tree, path):
    old, new, wanted = TOUCHED[path]
    before, file = units.units(), tree / path
    text = file.read_text()
    assert old in text
    try:
        file.write_text(text.replace(old, new, 1))
        after = units.units()
    finally:
        file.write_text(text)
    changed = {name for name in before if after[name] != before[name]}
    groups = {"chapters": "chapter ", "classes": "class ", "attacks": "attacks"}
    assert changed == {n for n in before for w in wanted if n == w or (w in groups and n.startswith(groups[w]))}


def edited(tree, name, edit) -> bool:
    """Whether an edit of a chapter's notebook makes it run."""
    path = tree / "chapters" / f"{name}.ipynb"
    text, before = path.read_text(), units.units()
    try:
        notebook = json.loads(text)
        edit(notebook["cells"])
        path.write_text(json.dumps(notebook))
        return units.units() != before
    finally:
        path.write_text(text)


def of_kind(cells, kind, wanted=lambda cell: True):
    return next(cell for cell in cells if cell["cell_type"] == kind and wanted(cell))


def printing(cell):
    return any("text" in output for output in cell["outputs"])


def drawing(cell):
    return any("image/png" in output.get("data", {}) for output in cell["outputs"])


def test_prose_and_pictures_run_nothing_but_code_tags_and_outputs_do(tree):
    def picture(cells):
        output = next(o for o in of_kind(cells, "code", drawing)["outputs"] if "image/png" in o.get("data", {}))
        output["data"]["image/png"] += "AAAA"

    assert not edited(tree, CHAPTERS[0], lambda cells: of_kind(cells, "markdown")["source"].append("More."))
    assert not edited(tree, CHAPTERS[0], picture)
    assert edited(tree, CHAPTERS[0], lambda cells: of_kind(cells, "code")["source"].append("\nx = 1"))
    assert edited(tree, CHAPTERS[0], lambda cells: of_kind(cells, "code")["metadata"].update(tags=["tolerance-2"]))
    assert edited(tree, CHAPTERS[0], lambda cells: of_kind(cells, "code", printing)["outputs"][0]["text"].append("x"))


def test_choice():
    today = {f"u{n}": "new" for n in range(10)}
    assert units.choose(today, today, None) == (sorted(today), [])
    assert units.choose(today, {}, 0) == (sorted(today), [])
    chosen, left = units.choose(today, {**today, "u3": "old"}, 0)
    assert chosen == ["u0", "u3", "u5"]
    assert sorted(chosen + left) == sorted(today)


def test_five_commits_run_everything():
    today = {f"u{n}": "same" for n in range(13)}
    runs = [units.choose(today, today, turn)[0] for turn in range(70, 75)]
    assert sorted(name for run in runs for name in run) == sorted(today)
    assert all(2 <= len(run) <= 3 for run in runs)


def git(folder, *arguments):
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@e", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def test_each_commit_counts_also_where_history_is_cut_short(tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setattr(units, "ROOT", whole)
    assert units.commits() is None
    git(whole, "init", "-q")
    turns = []
    for number in range(3):
        git(whole, "commit", "-q", "--allow-empty", "-m", str(number))
        turns.append(units.commits())
    assert turns == [1, 2, 3]
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{whole}", str(cut))
    monkeypatch.setattr(units, "ROOT", cut)
    first = units.commits()
    git(cut, "commit", "-q", "--allow-empty", "-m", "more")
    assert first != units.commits() is not None


def test_what_passed_is_noted_and_what_is_gone_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "VERIFIED", tmp_path / "verified.json")
    assert units.verified() == {}
    units.record(["a", "b"], {"a": "1", "b": "2", "c": "3"})
    assert units.verified() == {"a": "1", "b": "2"}
    units.record(["c"], {"a": "9", "c": "3"})
    assert units.verified() == {"a": "1", "c": "3"}


def test_the_committed_digests_are_of_units_that_exist():
    assert set(units.verified()) <= set(units.units())


def test_what_is_left_out_of_grading_is_exactly_what_is_left_to_rotation():
    """Asked of pytest itself, without running a test."""

    def collected(left):
        command = [*grading_command(left), "--collect-only", "--durations=0"]
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return set(re.findall(r"^tests/\S.*::.*$", done.stdout, re.MULTILINE))

    everything, some = collected([]), collected(["attacks", "chapter 02_optimization", A2])
    gone = everything - some
    left_out = r"tests/course_grader|test_a2_margins|test_submissions.py::TestA2::"
    assert some < everything
    assert any("test_a2_margins.py" in name for name in gone)
    assert any("TestA2::test_points[" in name for name in gone)
    assert all(re.search(left_out, name) for name in gone)
    assert not any(re.search(left_out, name) for name in some)


@pytest.mark.parametrize(
    ("skipped", "counts"),
    [
        ("", True),
        ("tests.course_grader.test_postgresql", True),
        ("tests.course_grader.test_cgroups", True),
        ("tests.course_grader.attacks.test_attacks", False),
        ("tests.assignments.test_submissions.TestA1", False),
    ],
)
def test_classes_that_were_skipped_do_not_count(tmp_path, skipped, counts):
    cases = "".join(
        f'<testcase classname="{name}" name="t">{"<skipped/>" if name == skipped else ""}</testcase>'
        for name in ("tests.course_grader.test_wire", "tests.assignments.test_submissions.TestA2", skipped)
    )
    report = tmp_path / "grading.xml"
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    assert classes_were_graded(report) is counts
