"""One class of hostile, broken and honest submissions: nobody gains, nobody else loses, nothing leaks or stays."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import psutil
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import PyFileConfigLoader

from course_grader.sample_class import environment, release_assignment
from course_grader.sandbox import Sandbox, why_no_sandbox

from .assignment import NAME, POINTS, SECRETS, make_course
from .second import SECOND
from .submissions import ATTACKS, NAP
from .submissions import CLASS as FIRST

CLASS = [*FIRST, *SECOND]
pytestmark = pytest.mark.skipif(bool(why_no_sandbox()), reason=why_no_sandbox() or "never")


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> dict:
    """The class after nbgrader autograde and generate_feedback."""
    root = make_course(tmp_path_factory.mktemp("attacks") / "course")
    with environment():
        release_assignment(root, NAME)
    release = json.loads((root / "release" / NAME / f"{NAME}.ipynb").read_text())
    for attack in CLASS:
        attack.write(root / "submitted" / attack.name / NAME, release)
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    api = NbGraderAPI(config=config)
    api.log.propagate = False
    source = (root / "source" / NAME / f"{NAME}.ipynb").read_bytes()
    start, memory = time.monotonic(), psutil.Process().memory_info().rss
    roots: set[str] = set()

    class Watched(Sandbox):
        def __init__(self, *arguments, **keywords) -> None:
            super().__init__(*arguments, **keywords)
            roots.add(self.root)
            assert _processes(roots)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("course_grader.course.Sandbox", Watched)
        result = api.autograde(NAME, "*")
    seconds = time.monotonic() - start
    grown = psutil.Process().memory_info().rss - memory
    left = _processes(roots)
    feedback = api.generate_feedback(NAME, "*")
    assert (root / "source" / NAME / f"{NAME}.ipynb").read_bytes() == source
    return {
        "root": root,
        "result": result,
        "feedback": feedback,
        "seconds": seconds,
        "left": left,
        "grown": grown,
        "grades": _grades(root),
    }


def _processes(roots: set[str]) -> set[tuple[int, str]]:
    """What still runs of the sandboxes with these folders, and of what the attacks started; not of a run beside."""
    found = set()
    for process in psutil.process_iter(["pid", "cmdline"]):
        command = process.info["cmdline"] or []
        if "course_grader.zygote" in command:
            settings = json.loads(base64.b64decode(command[-1]))
            ours = settings["environment"]["HOME"] in roots
        else:
            ours = f"sleep({NAP})" in " ".join(command)
        if ours:
            found.add((process.info["pid"], " ".join(command)[:100]))
    return found


def _grades(root: Path) -> dict[str, dict[str, float | None]]:
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "attacks") as gradebook:
        return {
            submission.student.id: {grade.name: grade.auto_score for n in submission.notebooks for grade in n.grades}
            for submission in gradebook.find_assignment(NAME).submissions
        }


def statuses(graded: dict, name: str) -> dict[str, str]:
    """Status by test, from the graded notebook."""
    path = graded["root"] / "autograded" / name / NAME / f"{NAME}.ipynb"
    cells = json.loads(path.read_text())["cells"]
    return {
        cell["metadata"]["nbgrader"]["grade_id"]: cell["metadata"]["course_grader"]["status"]
        for cell in cells
        if "course_grader" in cell["metadata"]
    }


def test_there_are_at_least_sixty_attacks():
    assert len(ATTACKS) >= 60
    assert len({attack.name for attack in CLASS}) == len(CLASS)


def test_grading_reports_no_failure(graded):
    assert graded["result"]["success"], graded["result"]["log"][-3000:]
    assert graded["feedback"]["success"], graded["feedback"]["log"][-3000:]


@pytest.mark.parametrize("attack", CLASS, ids=lambda attack: attack.name)
def test_points_and_statuses(attack, graded):
    got = statuses(graded, attack.name)
    assert set(got) == set(POINTS)
    for test, status in got.items():
        wanted = attack.lost.get(test, "passed")
        assert status in ((wanted,) if isinstance(wanted, str) else wanted), (test, got)
    scores = graded["grades"][attack.name]
    assert {t: s for t, s in scores.items() if t in POINTS} == {
        test: 0 if test in attack.lost else points for test, points in POINTS.items()
    }


def test_nothing_hidden_is_in_any_feedback(graded):
    pages = sorted((graded["root"] / "feedback").rglob("*.html"))
    assert len(pages) >= len(CLASS)
    for page in pages:
        html = page.read_text(encoding="utf-8")
        own = next(a for a in CLASS if a.name == page.parts[-3])
        text = json.dumps(own.sources)
        for secret in (*SECRETS, "BEGIN HIDDEN", "Traceback (most"):
            assert secret not in html or secret in text, (page, secret)
        assert "LEAK wombat" not in html
        assert "LEAK 12" not in html
        assert "<script>alert" not in html


def test_no_attack_saw_or_changed_anything_outside(graded):
    def printed(name: str) -> str:
        path = graded["root"] / "autograded" / name / NAME / f"{NAME}.ipynb"
        cells = json.loads(path.read_text())["cells"]
        return "".join("".join(output.get("text", "")) for cell in cells for output in cell.get("outputs", []))

    assert "reached []" in printed("network")
    assert "written []" in printed("writes_the_system")
    assert "seen []" in printed("looks_into_proc")
    assert "[]\n" in printed("searches_files")
    assert str(graded["root"]) not in printed("reads_environment")
    assert not Path("/tmp/pwned").exists()


def test_no_process_is_left(graded):
    assert graded["left"] == set()


def test_outputs_are_capped(graded):
    for path in (graded["root"] / "autograded").rglob("*.ipynb"):
        assert path.stat().st_size < 3_000_000, path


def test_time_and_memory_stay_bounded(graded):
    assert graded["seconds"] < 1200  # a fuse: every attack runs into its own limits long before
    assert graded["grown"] < 300_000_000
