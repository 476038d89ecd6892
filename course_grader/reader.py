"""Parse what a stranger handed in, in a process of its own in the sandbox, under limits of memory and time.

A small file can be large when it is parsed: 16 MB of empty lists take half a gigabyte, and a deep nesting stops whoever
copies it. What leaves the process is small and flat: kinds, ids and texts of cells.

    reduced = read_apart(sandbox, content, "a1_linear_fitting.ipynb")
"""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

from course_grader import wire
from course_grader.exits import Process
from course_grader.rebuild import MalformedSubmission, parse_submission, reduce
from course_grader.sandbox import GIB, Limits, Sandbox, SandboxError

LIMITS = Limits(memory=2 * GIB, processes=4)
PATIENCE = 60.0  # seconds; an honest notebook takes hundredths of one
FILE = "handed_in.ipynb"
EMPTY = b'{"nbformat": 4, "cells": []}'


def read_apart(sandbox: Sandbox, content: bytes, name: str) -> dict:
    """What `reduce` makes of the bytes of a submission.

    Raises:
        MalformedSubmission: It is no notebook, or takes more memory or time than a notebook does.
        SandboxError: The sandbox itself has ended.
    """
    folder = sandbox.folder()
    (folder / "files" / FILE).write_bytes(content)
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            job = sandbox.spawn("reader", folder, LIMITS, [theirs.fileno()])
        try:
            ours.settimeout(PATIENCE)
            answer = wire.receive(ours)
        except (OSError, EOFError, wire.NotPlain):
            answer = None
        finally:
            sandbox.kill(job)
            shutil.rmtree(folder, ignore_errors=True)
    if answer is None and sandbox.poll(job)[0] == Process.NOT_PREPARED:
        raise SandboxError("a process for reading a notebook could not be prepared in the sandbox")
    if not isinstance(answer, dict) or not isinstance(answer.get("cells"), list):
        reason = answer.get("problem") if isinstance(answer, dict) else None
        raise MalformedSubmission(str(reason or f"{FILE} is too large or too deep when it is read").replace(FILE, name))
    return answer


def try_out(sandbox: Sandbox) -> None:
    """Run a process in a new sandbox, so that what is wrong with a machine is said before a class is graded.

    Raises:
        SandboxError: It did not run.
    """
    try:
        read_apart(sandbox, EMPTY, "an empty notebook")
    except MalformedSubmission as error:
        raise SandboxError(f"the sandbox does not work on this machine: {error}") from None


def main(folder: str, descriptors: list[int]) -> None:
    """Runs in the sandbox: read the file in the working directory, and send what is left of it."""
    answer: dict[str, Any]
    try:
        answer = reduce(parse_submission(Path(FILE).read_bytes(), FILE))
    except MalformedSubmission as error:
        answer = {"problem": str(error)}
    except (MemoryError, RecursionError):
        answer = {"problem": f"{FILE} is too large or too deep when it is read"}
    with socket.socket(fileno=descriptors[0]) as connection:
        try:
            message = wire.encode(answer)
        except wire.NotPlain as error:
            message = wire.encode({"problem": f"{FILE} holds too much: {error}"})
        wire.send(connection, message)
