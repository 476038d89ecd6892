"""What runs in the judge's process: test cells, with a proxy in place of each name that the student defines.

The grader sends one request at a time over a socket and gets one verdict for each:

    {"run": source}                                      a locked cell: imports, data, helpers of the tests
    {"names": {"f": "call", "best": "value"}}            what a solution cell should have defined
    {"test": source, "points": 3.0}                      -> {"status": "passed", "points": 3.0, "message": ...}

The student's process is at the end of a second socket. Calling a proxy sends the arguments there and brings plain
data back (`wire.py`). Nothing that a call does reaches an object of this process: an argument that the student's
function has changed stays here as it was. Whether a test minds such changes is seen in a twin of this process, forked
for that and gone afterwards. Expected values never leave this process.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import linecache
import os
import secrets
import socket
import traceback
from typing import Any

import numpy as np

from course_grader import wire

PRINTED = 10_000  # characters of what a test prints


class StudentError(Exception):
    """An exception of a student's function whose type is none of Python's own, or would mean something else here."""

    of_student = True  # its message is the student's, not the test's


class Ended(Exception):
    """The student's process is gone."""


# Raised by a student's function they would end a loop of the test, or pass for what has happened in this process.
MISLEADING = (StopIteration, StopAsyncIteration, EOFError, BrokenPipeError, ConnectionResetError)


class Student:
    """The other process.

    Args:
        connection: Socket to it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.changes = 0  # arguments that calls have changed or given back since this was last set to 0
        self.apply = False  # whether to change them here too: in a twin of this process alone

    def ask(self, request: dict) -> dict:
        """Send a request; the answer, or the student's exception raised here."""
        number = secrets.token_hex(8)  # what was sent before the question is no answer to it
        try:
            wire.send(self._connection, wire.encode({"id": number, **request}))
            answer = wire.receive(self._connection)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise Ended from None
        if type(answer) is not dict or type(answer.get("id")) is not str or answer["id"] != number:
            raise wire.NotPlain("the student's process sent something that is no answer")
        if "error" in answer:
            raise _exception(answer["error"])
        return answer

    def call(self, name: str, arguments: tuple, keywords: dict) -> Any:
        """Call a student's function."""
        answer = self.ask({"call": name, "args": arguments, "kwargs": keywords})
        ours = {**dict(enumerate(arguments)), **keywords}
        changed, same = answer.get("changed"), answer.get("same")
        changed = {key: value for key, value in changed.items() if key in ours} if type(changed) is dict else {}
        same = same if type(same) in (int, str) and same in ours else None
        self.changes += len(changed) + (same is not None)
        if self.apply:
            for key, value in changed.items():
                _overwrite(ours[key], value)
        if same is None:
            return answer.get("value")
        return ours[same] if self.apply else changed.get(same, answer.get("value"))

    def end(self) -> None:
        """Say that the test is over."""
        wire.send(self._connection, wire.encode({"end": True}))


class Proxy:
    """A student's function: call it as if it stood here."""

    def __init__(self, student: Student, name: str) -> None:
        self._student = student
        self.__name__ = name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._student.call(self.__name__, arguments, keywords)

    def __repr__(self) -> str:
        return f"<function {self.__name__} of the student>"


def _exception(said: Any) -> Exception:
    """The student's exception, as the nearest of Python's own types; never one that would end this process."""
    try:
        names, message = said
        names, message = [str(name)[:100] for name in names], str(message)
    except (TypeError, ValueError):
        return StudentError("an exception that could not be described")
    for name in names:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, MISLEADING):
            with contextlib.suppress(Exception):
                error = kind(message)
                error.__dict__["of_student"] = True
                return error
    return StudentError(f"{names[0] if names else 'Exception'}: {message}")


def _overwrite(ours: Any, theirs: Any) -> None:
    """Do to our argument what the student's function did to its copy; an array may be a view, so its shape stays."""
    if isinstance(ours, list) and type(theirs) is list:
        ours[:] = theirs
    elif isinstance(ours, dict) and type(theirs) is dict:
        ours.clear()
        ours.update(theirs)
    elif not _is_alike(ours, theirs):
        raise StudentError("the function changed the shape or the kind of an argument in place")
    elif isinstance(ours, np.ndarray):
        ours[...] = theirs
    else:
        ours.detach().copy_(theirs)


def _is_alike(ours: Any, theirs: Any) -> bool:
    """Whether both are arrays, or both tensors, of one shape and dtype."""
    arrays = isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray)
    tensors = hasattr(ours, "detach") and hasattr(theirs, "detach")
    return (arrays or tensors) and ours.shape == theirs.shape and ours.dtype == theirs.dtype


class Judge:
    """A namespace in which locked cells and test cells run.

    Args:
        student: The student's process.
    """

    def __init__(self, student: Student) -> None:
        self.student = student
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.values: set[str] = set()  # names of the student that stand for data

    def answer(self, request: dict) -> dict:
        """Do what one request of the grader asks."""
        if "run" in request:
            return self._outcome(request["run"], None)
        if "names" in request:
            for name, kind in request["names"].items():
                self.names.pop(name, None)
                self.values.discard(name)
                if kind == "call":
                    self.names[name] = Proxy(self.student, name)
                else:
                    self.values.add(name)
            return {"status": "passed"}
        try:
            return self._test(request["test"], request["points"])
        finally:
            with contextlib.suppress(OSError):
                self.student.end()

    def _test(self, source: str, points: float) -> dict:
        """Run a test. Where calls changed their arguments, it must be passed both without and with these changes.

        Without them, or a function could make its task easy: fill the array that it was given with zeros, from which
        the test then computes what it expects. With them, or a test could not see that an argument was changed.
        """
        self.student.changes = 0
        outcome = self._outcome(source, points)
        if outcome["status"] == "passed" and self.student.changes:
            twin = self._twin(source, points)
            return twin | {"points": min(twin["points"], outcome["points"])}
        return outcome

    def _twin(self, source: str, points: float) -> dict:
        """The same test, with all changes, in a copy of this process that is gone afterwards."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                pid = os.fork()
                if pid == 0:
                    with contextlib.suppress(BaseException):
                        self.student.apply = True
                        wire.send(theirs, wire.encode(self._outcome(source, points)))
                    os._exit(0)
            try:
                return wire.receive(ours)
            except (EOFError, wire.NotPlain):
                return {"status": "error", "points": 0.0, "message": "the test ended its process", "printed": ""}
            finally:
                os.waitpid(pid, 0)

    def _fetch(self, tree: ast.AST) -> None:
        """Bring the student's data that a test names."""
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for name in sorted(used & self.values):
            self.names[name] = self.student.ask({"get": name})["value"]

    def _outcome(self, source: str, points: float | None) -> dict:
        """Run a cell; a test is passed only if it came to its end."""
        printed = io.StringIO()
        outcome = {"status": "error", "points": 0.0, "message": ""}
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                earned = self._run(source, points)
                outcome = {"status": "passed", "points": earned, "message": ""}
            except AssertionError as error:
                outcome |= {"status": "failed", "message": _line(error), "traceback": traceback.format_exc()}
                outcome["own"] = hasattr(error, "of_student")
            except Ended:
                outcome |= {"status": "crashed", "message": "the student's process has ended"}
            except KeyboardInterrupt:
                outcome |= {"status": "timeout", "message": "the test took too long"}
            except MemoryError as error:
                outcome |= {"status": "out of memory", "message": _line(error)}
            except Exception as error:
                outcome |= {"message": f"{type(error).__name__}: {_line(error)}", "traceback": traceback.format_exc()}
                outcome["own"] = hasattr(error, "of_student")
        return {key: _short(value) for key, value in outcome.items()} | {"printed": _short(printed.getvalue())}

    def _run(self, source: str, points: float | None) -> float | None:
        """Execute; a test whose last line is a number earns that many points, as in nbgrader."""
        name = f"<cell {abs(hash(source))}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        tree = ast.parse("\n".join("" if line.startswith("%") else line for line in source.split("\n")))
        if points is not None:
            self._fetch(tree)
        last = tree.body[-1] if tree.body else None
        if points is None or not isinstance(last, ast.Expr):
            exec(compile(tree, name, "exec"), self.names)
            return points
        del tree.body[-1]
        exec(compile(tree, name, "exec"), self.names)
        value = eval(compile(ast.Expression(last.value), name, "eval"), self.names)
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            return points
        return min(max(float(value), 0.0), points) if value == value else 0.0


def _line(error: BaseException) -> str:
    """The message of an exception on one line."""
    return " ".join(str(error).split())


def _short(value: Any) -> Any:
    return value[:PRINTED].encode("utf-8", "replace").decode() if isinstance(value, str) else value


def main(folder: str, descriptors: list[int]) -> None:
    """Answer the grader until it closes the socket; `descriptors` holds sockets to the grader and to the student."""
    import matplotlib

    matplotlib.use("agg")
    grader, connection = (socket.socket(fileno=descriptor) for descriptor in descriptors)
    judge = Judge(Student(connection))
    while True:
        try:
            request = wire.receive(grader)
        except EOFError:
            return
        wire.send(grader, wire.encode(judge.answer(request)))
