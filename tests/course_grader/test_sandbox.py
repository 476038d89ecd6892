"""The sandbox and the judge piece by piece."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_grader import check_notebook
from course_grader import sandbox as sandbox_module
from course_grader.check import check, report
from course_grader.converter import record
from course_grader.course import Course, grade_all, read_folder
from course_grader.grade import grade
from course_grader.judge import Judge, Student
from course_grader.sandbox import Limits, Sandbox, SandboxError
from course_grader.template import defined_names, read_template

from .attacks.assignment import HONEST, NAME, POINTS, as_json, source_notebook
from .conftest import hand_in, needs_sandbox, scores


class Here(Student):
    """A student in this process: calls are made directly."""

    def __init__(self, names: dict) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # nothing is sent
        self.names, self.ended = names, False

    def ask(self, request: dict) -> dict:
        import course_grader.student as student
        from course_grader.wire import decode, encode

        request = decode(encode(request))
        try:
            return decode(encode(student._answer(request, self.names)))
        except BaseException as error:
            from course_grader.judge import _exception

            raise _exception(student.describe(error)) from None

    def end(self) -> None:
        self.ended = True


def verdict(test: str, points: float = 2.0, **names: object) -> dict:
    """What the judge says of a test on functions of a student."""
    return verdicts([test], points, **names)[0]


def verdicts(tests: list[str], points: float = 2.0, locked: str = "", **names: object) -> list[dict]:
    """What it says of several, after a locked cell."""
    judge = Judge(Here(names))
    judge.answer({"run": f"import numpy as np\nimport torch\n{locked}"})
    judge.answer({"names": {name: "call" if callable(value) else "value" for name, value in names.items()}})
    return [judge.answer({"test": test, "points": points}) for test in tests]


@pytest.mark.parametrize(
    ("test", "status", "points"),
    [
        ("assert f(2) == 4", "passed", 2.0),
        ("assert f(2) == 5, 'no'", "failed", 0.0),
        ("f('x') / 0", "error", 0.0),
        ("assert limit == 0.5", "passed", 2.0),
        ("assert nothing", "error", 0.0),
        ("raise SystemError('x')", "error", 0.0),
        ("this is no Python", "error", 0.0),
        ("f(2)\n1.5", "passed", 1.5),
        ("f(2)\n99", "passed", 2.0),
        ("f(2)\n-3", "passed", 0.0),
        ("float('nan')", "passed", 0.0),
        ("True", "passed", 2.0),
        ("'text'", "passed", 2.0),
    ],
)
def test_a_test_is_passed_only_by_coming_to_its_end(test, status, points):
    got = verdict(test, f=lambda x: x * 2, limit=0.5)
    assert (got["status"], got["points"]) == (status, points)


def test_exceptions_arrive_as_the_nearest_type_of_python():
    def value_error(x):
        raise type("Mine", (ValueError,), {})("one line")

    def odd(x):
        raise type("SystemExit", (Exception,), {})("x")

    test = "try:\n    f(1)\nexcept ValueError as e:\n    assert str(e) == 'one line'\nelse:\n    assert False"
    assert verdict(test, f=value_error)["status"] == "passed"
    assert verdict("f(1)", f=odd)["message"] == "StudentError: SystemExit: x"


def test_changed_arguments_are_seen_and_do_not_help():
    def doubles_in_place(x):
        x *= 2
        return x

    def zeroes(x):
        x[:] = 0
        return x.copy()

    unchanged = "x = np.array([1., 2.])\nb = x.copy()\nf(x)\nassert np.array_equal(x, b)"
    assert verdict(unchanged, f=doubles_in_place)["status"] == "failed"
    assert verdict(unchanged, f=lambda x: x * 2)["status"] == "passed"
    tempting = "x = np.array([1., 2.])\nassert np.allclose(f(x), x - x.mean())"
    assert verdict(tempting, f=zeroes)["status"] == "failed"
    alias = "x = np.array([1., 2.])\ny = f(x)\ny[0] = 9\nassert x[0] == 1"
    assert verdict(alias, f=lambda x: x)["status"] == "failed"
    assert verdict(alias, f=lambda x: x[:])["status"] == "failed"
    assert verdict(alias, f=lambda x: x.copy())["status"] == "passed"
    lists = "x = [1, 2]\nf(x)\nassert x == [1, 2, 3]"
    assert verdict(lists, f=lambda x: x.append(3))["status"] == "failed"  # in-place work is no result: return it


def zeroing(x):
    x[:] = 0
    return x * 0


def test_what_locked_cells_defined_is_never_written():
    locked = "values = np.array([1.0, 2.0, 6.0])\ntable = {'a': torch.ones(2)}\ndef scale(d):\n    d['a'].zero_()"
    test = "assert np.allclose(f(values), values - values.mean())"
    later = "assert values.tolist() == [1.0, 2.0, 6.0] and table['a'].tolist() == [1.0, 1.0]"
    got = verdicts([test, test, later], locked=locked, f=zeroing)
    assert [one["status"] for one in got] == ["failed", "failed", "passed"]
    got = verdicts(["f(table)", "f(x=table)", later], locked=locked, f=lambda x: x.update(a=0) or x)
    assert [one["status"] for one in got] == ["passed", "passed", "passed"]
    alias = "g = f(values)\ng[0] = 9"  # the test itself writes into what it was given back
    assert [one["status"] for one in verdicts([alias, later], locked=locked, f=lambda x: x)] == ["passed", "passed"]


def test_what_a_test_keeps_was_computed_without_the_changes():
    first = "kept = values.sum()\nf(values)\nkept = kept - values.sum()\nassert False"
    got = verdicts([first, "assert kept == 0"], locked="values = np.ones(3)", f=zeroing)
    assert [one["status"] for one in got] == ["failed", "passed"]


def test_work_in_place_that_is_returned_counts():
    def honest(x):
        x -= x.mean()
        return x

    expected = "x = np.array([1., 2., 6.])\nassert np.allclose(f(x), [-2, -1, 3])"
    assert verdict(expected, f=honest)["status"] == "passed"


def test_a_twin_that_computes_gradients_gives_its_verdict():
    test = "w = torch.ones(2, requires_grad=True)\n(w * f(torch.ones(2))).sum().backward()\nassert w.grad.sum() == 4"
    assert verdict(test, f=lambda x: x.add_(1))["status"] == "passed"


def test_a_change_of_shape_or_kind_is_refused_and_writes_nowhere(monkeypatch):
    import course_grader.student as student

    lie = {"value": 0, "changed": {0: np.full((9, 2), 7.0)}, "same": None}
    test = "clip = np.zeros((4, 2))\nf(clip[0:1])\nassert not clip.any()"
    for claimed in (np.full((4, 2), 7.0), np.full((1, 2), 7), np.full((1, 2), 7, dtype="S4"), [7], 7, None):
        lie["changed"] = {0: claimed}
        monkeypatch.setattr(student, "_answer", lambda request, names: lie)
        got = verdict(test, f=len)
        assert got["status"] == "error"
        assert "shape or the kind" in got["message"]
    lie["changed"] = {0: np.full((1, 2), 7.0)}
    assert verdict(test.replace("not clip.any()", "clip[0].all() and not clip[1:].any()"), f=len)["status"] == "failed"
    torch_test = "clip = torch.zeros(4, 2)\nf(clip[0:1])\nassert not clip.any()"
    lie["changed"] = {0: __import__("torch").full((4, 2), 7.0)}
    assert verdict(torch_test, f=len)["status"] == "error"


@pytest.mark.parametrize("kind", ["StopIteration", "StopAsyncIteration", "GeneratorExit", "SystemExit", "EOFError"])
def test_an_exception_that_would_end_a_loop_is_the_students_error(kind):
    import builtins

    def raises(x):
        raise getattr(builtins, kind)("x")

    test = "for got, wanted in zip(map(f, [1, 2]), [1, 2]):\n    assert got == wanted"
    got = verdict(test, f=raises)
    assert got["status"] == "error"
    assert got["message"] == f"StudentError: {kind}: x"


def test_what_comes_back_is_of_base_types():
    class Liar(int):
        def __eq__(self, other):
            return True

    class Array(np.ndarray):
        pass

    assert verdict("assert f() == 3", f=lambda: Liar(0))["status"] == "failed"
    got = verdict("assert type(f()) is np.ndarray", f=lambda: np.zeros(2).view(Array))
    assert got["status"] == "passed"
    assert "does not travel" in verdict("f()", f=lambda: object())["message"]


def test_names_of_a_solution():
    source = "import math\nx = y, (z, _) = 1, (2, 3)\nt: int = 3\ndef f():\n    inner = 1\nclass K:\n    a = 2"
    assert defined_names(source) == dict.fromkeys(("x", "y", "z", "_", "t"), "value") | {"f": "call", "K": "call"}


@needs_sandbox
def test_state_stays_between_calls_and_files_are_there(tmp_path):
    (tmp_path / "source.ipynb").write_text(as_json(source_notebook()))
    template = read_template(tmp_path / "source.ipynb")
    stateful = "calls = []\ndef add(a, b):\n    calls.append(1)\n    return a + b + 0 * len(calls)"
    files = "limit = float(open('half/value.txt').read())"
    submission = json.loads(as_json(template.notebook))
    for cell in submission["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = {**HONEST, "add": stateful, "limit": files}.get(name, cell["source"])
    with Sandbox() as sandbox:
        graded = grade(template, submission, sandbox, Limits(), {"half/value.txt": b"0.5"})
        assert graded.points == sum(POINTS.values())
        root = sandbox.root
    import os

    assert not os.path.exists(root)


@needs_sandbox
def test_the_end_of_the_sandbox_is_said_in_one_line():
    with Sandbox() as sandbox:
        sandbox.process.kill()
        sandbox.process.wait()
        with pytest.raises(SandboxError, match="the sandbox has ended"):
            sandbox.spawn("judge", sandbox.folder(), Limits(), [])


def test_without_bubblewrap_grading_is_refused_with_advice(course, monkeypatch):
    hand_in(course, {"ann": "honest_a", "dia": "endless_and_deaf", "eve": "exits_in_the_last_test"})
    monkeypatch.setattr(sandbox_module.shutil, "which", lambda name: None)
    home = Course(course)
    with pytest.raises(SandboxError, match=r"apt-get install bubblewrap.*accept_no_sandbox"):
        home.sandbox()
    home.settings.accept_no_sandbox = True
    exam = home.assignment(NAME)
    with home.sandbox() as sandbox:
        assert not sandbox.isolate
        for student in ("ann", "dia", "eve"):
            folder = home.folder("submitted", student, NAME)
            record(home, NAME, student, grade_all(exam, read_folder(exam, folder), sandbox))
    assert scores(course) == {"ann": 10, "dia": 8, "eve": 8}


@needs_sandbox
def test_a_student_checks_a_notebook(course, programs):
    hand_in(course, {"ann": "masked_array", "eve": "honest_a"})
    path = course / "submitted" / "ann" / NAME / f"{NAME}.ipynb"
    graded = check(path)
    statuses = {verdict.test: verdict.status for verdict in graded.verdicts}
    assert statuses["test_center_public"] == "failed"
    assert statuses["test_add_public"] == "passed"
    assert "failed           0 / 1    center public" in report(graded)
    run = [sys.executable, "-m", "course_grader", "check"]
    right = course / "submitted" / "eve" / NAME / f"{NAME}.ipynb"
    done = subprocess.run([*run, str(right)], env=programs, capture_output=True, text=True)
    assert done.returncode == 0
    assert "10 of 10 points by what you can see" in done.stdout
    done = subprocess.run([*run, "none.ipynb"], env=programs, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: cannot read none.ipynb: No such file or directory\n"


@needs_sandbox
def test_a_project_may_lie_where_the_sandbox_has_the_students_folder(course, monkeypatch):
    """Inside, the notebook runs in /tmp/work; a folder of the same name outside must not be in the way."""
    folder = Path("/tmp/work/a project of this test")
    was_there = folder.parent.exists()
    folder.mkdir(parents=True)
    visible = sandbox_module._visible()
    monkeypatch.setattr(sandbox_module, "_visible", lambda: [*visible, str(folder)])
    try:
        hand_in(course, {"eve": "honest_a"})
        graded = check(course / "submitted" / "eve" / NAME / f"{NAME}.ipynb")
    finally:
        folder.rmdir()
        if not was_there:
            folder.parent.rmdir()
    assert {verdict.status for verdict in graded.verdicts} == {"passed"}


@needs_sandbox
def test_the_check_speaks_as_a_student_would_ask(course, tmp_path):
    """What is unsolved, what is broken, and that a hidden test has seen only its visible line."""
    release = json.loads((course / "release" / NAME / f"{NAME}.ipynb").read_text())
    cells = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in release["cells"]}
    cells["center"]["source"] = "def center(values) return values"
    cells["label"]["source"] = HONEST["label"]
    cells["test_label_hidden"]["source"] += "\n# Hidden tests: other numbers."
    (tmp_path / "mine.ipynb").write_text(json.dumps(release))
    said = [line.strip() for line in report(check(tmp_path / "mine.ipynb")).splitlines()]
    assert said[0].startswith("the cell center itself fails: SyntaxError: ")
    assert "itself fails" not in said[1]  # a cell that is not solved is not broken
    assert said[said.index("error            0 / 1    add public") + 1] == "not solved yet (NotImplementedError)"
    assert "passed           2 / 2    add hidden" in said  # nothing says that more is hidden
    assert "passed so far    2 / 2    label hidden" in said


def test_the_notebooks_own_cell_is_silent_while_it_is_graded(monkeypatch, capsys):
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("a check within the grading"))
    for name in ("COURSE_GRADER", "NBGRADER_EXECUTION"):
        monkeypatch.setenv(name, "1")
        check_notebook("x.ipynb")
        monkeypatch.delenv(name)
    monkeypatch.undo()
    for name in ("COURSE_GRADER", "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    check_notebook("none.ipynb")
    assert capsys.readouterr().out == "error: cannot read none.ipynb: No such file or directory\n"


@needs_sandbox
def test_an_environment_behind_a_link_is_seen(tmp_path):
    (tmp_path / "venv").symlink_to(sys.prefix)
    code = "from course_grader.sandbox import Sandbox\nwith Sandbox() as s:\n    print('started')"
    done = subprocess.run([tmp_path / "venv/bin/python", "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout == "started\n", done.stderr


@needs_sandbox
def test_the_folder_of_a_killed_grader_goes_at_the_next_start_and_that_of_a_living_one_stays():
    code = "import os\nfrom course_grader.sandbox import Sandbox\ns = Sandbox()\nprint(s.root, flush=True)\nos._exit(9)"
    left = Path(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip())
    assert left.name.startswith("grade-")
    assert left.is_dir()
    with Sandbox() as one, Sandbox() as other:
        assert not left.exists()
        assert Path(one.root, "lock").exists()
        assert Path(other.root, "lock").exists()


@needs_sandbox
def test_a_process_that_does_not_start_is_the_graders_trouble(course, sandbox, monkeypatch):
    """Not a submission with zero points: the class would pay for a busy machine."""
    monkeypatch.setattr("course_grader.kernel.START", 0.0)
    hand_in(course, {"ann": "honest_a"})
    home = Course(course)
    exam = home.assignment(NAME)
    with pytest.raises(SandboxError, match="not ready"):
        grade_all(exam, read_folder(exam, home.folder("submitted", "ann", NAME)), sandbox)


@needs_sandbox
def test_what_waits_in_the_grader_is_bounded(course, sandbox, monkeypatch):
    monkeypatch.setattr("course_grader.kernel.WAITING", -1)
    hand_in(course, {"ann": "honest_a"})
    home = Course(course)
    exam = home.assignment(NAME)
    with pytest.raises(SandboxError):
        grade_all(exam, read_folder(exam, home.folder("submitted", "ann", NAME)), sandbox)


def test_an_edited_locked_cell_is_said_to_be_ignored(course, tmp_path):
    release = json.loads((course / "release" / NAME / f"{NAME}.ipynb").read_text())
    for cell in release["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = HONEST.get(name, cell["source"])
        if name == "setup":
            cell["source"] = "import numpy as np\nimport math"
    (tmp_path / f"{NAME}.ipynb").write_text(json.dumps(release))
    said = report(check(tmp_path / f"{NAME}.ipynb"))
    assert "you have changed the cells setup: the grader ignores that" in said
