"""Grade one submission: the student's cells in one process, the test cells in another, and a verdict for each test.

    with Sandbox(modules) as sandbox:
        graded = grade(template, submission, sandbox, limits, files)
        graded.notebook         the rebuilt notebook with outputs
        graded.verdicts         one for each test cell, in order

Cells run in the notebook's order. Locked cells (imports, data, helpers of the tests) run in both processes, test
cells in the judge's alone, everything else in the student's. Statuses: passed, failed, error, timeout, out of memory,
crashed, malformed, missing.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_grader import wire
from course_grader.clock import Deadline
from course_grader.details import mistake
from course_grader.kernel import GRACE, Kernel, NotReady
from course_grader.rebuild import Problem, rebuild
from course_grader.sandbox import Limits, Sandbox
from course_grader.template import Template

SERVE = "__import__('course_grader.student', fromlist=['serve']).serve(globals())"


@dataclass(frozen=True)
class Verdict:
    """What the judge said of one test cell.

    Attributes:
        test: Its grade_id.
        status: passed, failed, error, timeout, out of memory, crashed, malformed or missing.
        points: Points earned.
        max_points: Points that it gives.
        hint: The author's hint.
        message: For the instructor: what went wrong, with values that students must not see.
        detail: For the student: the kind of mistake, as far as it may be said.
    """

    test: str
    status: str
    points: float
    max_points: float
    hint: str
    message: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Graded:
    """One graded submission.

    Attributes:
        notebook: The rebuilt notebook with outputs; test cells show the judge's messages.
        verdicts: One for each test cell, in the notebook's order.
        seconds: How long it took.
    """

    notebook: NotebookNode
    verdicts: list[Verdict]
    seconds: float

    @property
    def points(self) -> float:
        """Sum of the points earned."""
        return sum(verdict.points for verdict in self.verdicts)


def settings(cell: NotebookNode) -> dict:
    """nbgrader's metadata of a cell; empty where there is none."""
    return cell.metadata.get("nbgrader", {})


def is_test(cell: NotebookNode) -> bool:
    """Whether the judge runs this cell."""
    meta = settings(cell)
    return cell.cell_type == "code" and bool(meta.get("grade")) and not meta.get("solution")


def is_shared(cell: NotebookNode) -> bool:
    """Whether both processes run this cell."""
    meta = settings(cell)
    return cell.cell_type == "code" and bool(meta.get("locked")) and not meta.get("grade") and not meta.get("solution")


def hint_of(cell: NotebookNode) -> str:
    """The text after "# Hint:" in a test cell."""
    found = re.search(r"^# Hint: *(.+)$", cell.source, re.MULTILINE)
    return found.group(1).strip() if found else ""


def all_tests(template: Template, status: str, message: str) -> Graded:
    """The result of a submission from which nothing could be run: every test has the same status and no points."""
    tests = [cell for cell in template.notebook.cells if is_test(cell)]
    notebook = rebuild(template.notebook, {"cells": []}).notebook
    verdicts = [_verdict(cell, status, message=message) for cell in tests]
    for cell in notebook.cells:
        if is_test(cell):
            _show(cell, _verdict(cell, status, message=message))
    return Graded(notebook, verdicts, 0.0)


def _verdict(cell: NotebookNode, status: str, points: float = 0.0, message: str = "", detail: str = "") -> Verdict:
    meta = settings(cell)
    return Verdict(meta["grade_id"], status, points, float(meta["points"]), hint_of(cell), message, detail)


def _show(cell: NotebookNode, verdict: Verdict, printed: str = "", trace: str = "") -> None:
    """Put a verdict into the notebook: nbgrader reads an error as no points, a number as so many, nothing as all."""
    cell.metadata["course_grader"] = {
        "status": verdict.status,
        "points": verdict.points,
        "max_points": verdict.max_points,
        "hint": verdict.hint,
        "detail": verdict.detail,
    }
    cell.execution_count = None
    cell.outputs = [new_output("stream", name="stdout", text=printed)] if printed else []
    if verdict.status != "passed":
        lines = [f"{verdict.status}: {verdict.message}", *trace.splitlines()]
        cell.outputs.append(new_output("error", ename=verdict.status, evalue=verdict.message, traceback=lines))
    elif verdict.points != verdict.max_points:
        data = {"text/plain": repr(verdict.points)}
        cell.outputs.append(new_output("execute_result", data, execution_count=None))


def grade(
    template: Template,
    submission: dict,
    sandbox: Sandbox,
    limits: Limits,
    files: Mapping[str, bytes] | None = None,
) -> Graded:
    """Run a submission and judge it.

    Args:
        template: The assignment.
        submission: What `read_submission` returned.
        sandbox: Where the processes run.
        limits: What they may use.
        files: Files that the code finds in its working directory: path and content.

    Returns:
        Notebook and verdicts. Nothing that the student's code does raises an exception here.

    Raises:
        SandboxError: The sandbox itself has ended, or a process in it did not start.
    """
    begin = time.monotonic()
    rebuilt = rebuild(template.notebook, submission)
    session = _Session(template, sandbox, limits, files)
    try:
        verdicts = session.run(rebuilt.notebook, rebuilt.problems)
    finally:
        session.close()
    return Graded(rebuilt.notebook, verdicts, time.monotonic() - begin)


class _Session:
    """The two processes of one submission."""

    def __init__(self, template: Template, sandbox: Sandbox, limits: Limits, files: Mapping[str, bytes] | None) -> None:
        self.template, self.sandbox, self.limits = template, sandbox, limits
        self.folders = [sandbox.folder(), sandbox.folder()]
        for name, content in (files or {}).items():
            for folder in self.folders:
                path = folder / "files" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        student_end, judge_end = socket.socketpair()
        self.control, control_end = socket.socketpair()
        with student_end, judge_end, control_end:
            ends = [control_end.fileno(), judge_end.fileno()]
            self.judge: int | None = sandbox.spawn("judge", self.folders[1], limits, ends)
            self.kernel = Kernel(sandbox, self.folders[0], limits, student_end)
        self.mine = False  # whether the student's code has run
        try:
            self.kernel.wait_until_ready()
        except NotReady:
            self.close()
            raise
        self.deadline = self.begin(limits.notebook)

    def run(self, notebook: NotebookNode, problems: dict[str, Problem]) -> list[Verdict]:
        """All cells in order; the verdicts of the tests."""
        verdicts, problem = [], None
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            grade_id = settings(cell).get("grade_id", "")
            if is_test(cell):
                verdict, answer = self.test(cell)
                if problem is not None and verdict.status != "passed":
                    verdict = _verdict(cell, problem.status, message=problem.reason)
                _show(cell, verdict, answer.get("printed", ""), answer.get("traceback", ""))
                verdicts.append(verdict)
                continue
            if settings(cell).get("solution"):
                problem = problems.get(grade_id)
            self.mine = self.mine or not is_shared(cell)
            _, cell.outputs = self.kernel.execute(cell.source, min(self.limits.cell, self._left()))
            if is_shared(cell):
                self.ask({"run": cell.source}, self.limits.cell)
                if not self.mine and (self.judge is None or self.kernel.ended):
                    raise NotReady(f"a process ended in the locked cell {grade_id!r}, before the student's code ran")
            elif settings(cell).get("solution"):
                self.ask({"names": self.template.names[grade_id]}, GRACE)
        return verdicts

    def test(self, cell: NotebookNode) -> tuple[Verdict, dict]:
        """Run one test cell in the judge's process while the student's serves its calls."""
        points = float(settings(cell)["points"])
        if self.judge is None:
            return _verdict(cell, "error", message="the judge's process has ended in an earlier test"), {}
        if self.kernel.ended:
            return _verdict(cell, self.kernel.ended, message="the student's process has ended before this test"), {}
        if self._left() <= 0:
            self.kernel.close("timeout")
            return _verdict(cell, "timeout", message="the notebook's time is over"), {}
        request = self.kernel.start(SERVE, silent=True)
        answer, late = self._judge_in_time(cell.source, points, min(self.limits.test, self._left()))
        if answer is None:
            self.kernel.close("timeout")
            return _verdict(cell, "timeout", message="the test took too long"), {}
        self.kernel.finish(request, GRACE)
        ended = self.kernel.ended if self.kernel.ended not in ("", "timeout") else ""
        status = "timeout" if late else answer.get("status", "error")
        if status == "crashed":
            status = self.kernel.ended or "crashed"
        elif ended and status != "passed":
            status = ended
        earned = answer.get("points", 0.0) if status == "passed" else 0.0
        message = answer.get("message", "")
        said = mistake(cell.source, status, message, own=bool(answer.get("own")))
        return _verdict(cell, status, earned, message, said), answer

    def _judge_in_time(self, source: str, points: float, seconds: float) -> tuple[dict | None, bool]:
        """The judge's answer, and whether the student's function had to be stopped; None if there is no answer."""
        self._send({"test": source, "points": points})
        answer = self._receive(seconds)
        if answer is not None or self.judge is None:
            return answer, False
        if not self.kernel.ended:
            self.kernel.interrupt()
        if (answer := self._receive(GRACE)) is None:
            self.kernel.close("timeout")  # the judge now sees that its partner is gone
            answer = self._receive(GRACE)
        if answer is None:
            self._end_judge()
        return answer, True

    def ask(self, request: dict, seconds: float) -> None:
        """A request to the judge that concerns no test."""
        if self.judge is not None:
            self._send(request)
            if self._receive(seconds) is None:
                self._end_judge()

    def _send(self, request: dict) -> None:
        with contextlib.suppress(OSError):
            wire.send(self.control, wire.encode(request))

    def _receive(self, seconds: float) -> dict | None:
        """The judge's answer; None after the given time. The end of the student closes the judge's other socket."""
        deadline = self.begin(seconds)
        while (left := deadline.left()) > 0:
            self.control.settimeout(min(left, 0.25))
            try:
                if self.control.recv(1, socket.MSG_PEEK) == b"":
                    self._end_judge()
                    return None
            except TimeoutError:
                if not self.kernel.ended:
                    self.kernel.drain()
                continue
            self.control.settimeout(10.0)
            try:
                return wire.receive(self.control)
            except (OSError, EOFError, wire.NotPlain):
                self._end_judge()
                return None
        return None

    def begin(self, seconds: float) -> Deadline:
        """The end of a limit that begins now, for both processes together: one waits for the other."""
        return Deadline(seconds, self._waited)

    def _waited(self) -> float:
        jobs = [self.kernel.manager.job, *([] if self.judge is None else [self.judge])]
        return self.sandbox.waited(*jobs)

    def _left(self) -> float:
        return self.deadline.left()

    def _end_judge(self) -> None:
        if self.judge is not None:
            self.sandbox.kill(self.judge)
            self.judge = None

    def close(self) -> None:
        """End both processes and remove what they shared."""
        self.kernel.close()
        self._end_judge()
        self.control.close()
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
