"""Execute cells in a sandboxed kernel and keep what they show, whatever the kernel does.

A student's kernel may die, never answer, flood its channels or send messages that are none. Each cell therefore ends
in one of the outcomes "ok", "error", "timeout", "out of memory" and "crashed", within its time, with capped outputs.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import time
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_grader.clock import Deadline
from course_grader.provisioner import SandboxKernelManager
from course_grader.sandbox import Limits, Sandbox, SandboxError

START = 30.0  # seconds for the kernel to be ready
GRACE = 2.0  # seconds between an interrupt and the end of the process
STEP = 0.05  # seconds between two looks whether the kernel lives
WAITING = 500_000_000  # bytes of messages that may wait in this process, in however many parts
PAGE = os.sysconf("SC_PAGE_SIZE")
KEPT = ("text/plain", "image/png", "image/jpeg")  # no HTML, no scripts: an instructor opens these outputs


class NotReady(SandboxError):
    """A process did not start, before anything of a student ran in it: nobody's points may depend on that."""


class Kernel:
    """One student's kernel.

    Args:
        sandbox: Where it runs.
        folder: Shared folder; its subfolder `files` is copied to the working directory.
        limits: What it may use.
        judge_socket: The student's end of the socket to the judge.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, limits: Limits, judge_socket: socket.socket) -> None:
        self.limits = limits
        self.ended = ""  # why there is no kernel any more
        self._idle = ""  # the last request after which the kernel was idle
        self._memory = _resident()
        self.manager = SandboxKernelManager(sandbox, limits, judge_socket, folder)
        self.manager.start_kernel()
        self.client = self.manager.blocking_client()
        self.client.start_channels(stdin=False, hb=False, control=False)

    def wait_until_ready(self) -> None:
        """Wait for the first answer, so that no output is missed.

        Raises:
            NotReady: There is none.
        """
        deadline = time.monotonic() + START
        while not self.ended and time.monotonic() < deadline:
            message = self.client.kernel_info()
            end = time.monotonic() + 1.0
            while time.monotonic() < end and not self._look():
                reply = self._get(self.client.shell_channel, STEP)
                if reply and reply["parent_header"].get("msg_id") == message:
                    if self._get(self.client.iopub_channel, 0.5):
                        return
                    break
        self.close(self.ended or "crashed")
        raise NotReady(f"the student's process was not ready after {START:g} seconds")

    def execute(self, source: str, seconds: float) -> tuple[str, list[NotebookNode]]:
        """Run a cell.

        Args:
            source: Its text.
            seconds: How long it may take.

        Returns:
            The outcome and the outputs.
        """
        if self.ended:
            return self.ended, []
        request = self.start(source, silent=False)
        kept = Outputs(self.limits.output)
        outcome = self.finish(request, seconds, kept)
        if outcome == "timeout":
            kept.add_error("TimeoutError", f"stopped after {seconds:g} seconds")
        elif outcome not in ("ok", "error"):
            kept.add_error("KernelDied", f"the process ended: {outcome}")
        return outcome, kept.outputs

    def start(self, source: str, silent: bool) -> str:
        """Ask for an execution and return at once; the request's id."""
        options = {"store_history": not silent, "allow_stdin": False, "stop_on_error": False}
        return self.client.execute(source, silent=silent, **options)

    def finish(self, request: str, seconds: float, kept: Outputs | None = None) -> str:
        """Wait until a request is done; interrupt it, and then end the process, when it takes too long."""
        deadline, interrupted, outcome, idle_by = self.deadline(seconds), False, "", 0.0
        idle = self._idle == request
        while True:
            now = time.monotonic()
            if self._look():
                return self.ended
            if outcome and (idle or now > idle_by):
                return outcome
            if not outcome and deadline.left() <= 0:  # the reply comes first, or right after the last output
                if interrupted:
                    self.close("timeout")
                    return "timeout"
                self.interrupt()
                interrupted, deadline = True, self.deadline(GRACE)
            if message := self._get(self.client.iopub_channel, 0.0 if idle else STEP):
                if message["parent_header"].get("msg_id") != request:
                    continue
                content = message.get("content", {})
                if _is_idle(message):
                    idle = True
                elif kept is not None:
                    kept.add(str(message.get("msg_type")), content)
            reply = None if outcome else self._get(self.client.shell_channel, STEP if idle else 0.0)
            if reply and reply["parent_header"].get("msg_id") == request:
                failed = reply["content"].get("status") != "ok"
                outcome = "timeout" if interrupted else "error" if failed else "ok"
                idle_by = now + 1.0

    def deadline(self, seconds: float) -> Deadline:
        """The end of a limit that begins now."""
        return Deadline(seconds, lambda: self.manager.sandbox.waited(self.manager.job))

    def drain(self) -> None:
        """Throw away what the kernel prints while a test runs, so that nothing piles up."""
        for _ in range(1000):
            if self._look() or not (message := self._get(self.client.iopub_channel)):
                return
            if _is_idle(message):
                self._idle = str(message["parent_header"].get("msg_id"))

    def interrupt(self) -> None:
        """As Ctrl-C."""
        self.manager.sandbox.interrupt(self.manager.job)

    def close(self, why: str = "closed") -> None:
        """End the process and everything that it started."""
        if not self.ended:
            self.ended = why
            self.client.stop_channels()
            self.manager.sandbox.kill(self.manager.job)
            self.manager.context.destroy(linger=0)

    def _look(self) -> str:
        """Whether the process has ended, and why."""
        if not self.ended:
            code, reason = self.manager.sandbox.poll(self.manager.job)
            if code is not None:
                reasons = {"memory": "out of memory", "processes": "crashed"}
                self.close(reasons.get(reason, "crashed"))
            elif _resident() - self._memory > WAITING:
                self.close("out of memory")
        return self.ended

    def _get(self, channel: Any, seconds: float = 0.0) -> dict | None:
        """One message; None if there is none or it is broken."""
        with contextlib.suppress(queue.Empty):
            try:
                message = channel.get_msg(timeout=seconds)
            except queue.Empty:
                raise
            except Exception:  # not signed, not JSON, too deep: not a message
                return None
            if isinstance(message.get("parent_header"), dict) and isinstance(message.get("content"), dict):
                return message
        return None


def _is_idle(message: dict) -> bool:
    """Whether the kernel says that it has done what it was asked."""
    return message.get("msg_type") == "status" and message["content"].get("execution_state") == "idle"


def _resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * PAGE


class Outputs:
    """What a cell shows, up to a number of bytes.

    Args:
        largest: Bytes of text and pictures.
    """

    def __init__(self, largest: int) -> None:
        self.outputs: list[NotebookNode] = []
        self._left = largest
        self._cut = False

    def add(self, kind: str, content: dict) -> None:
        """Keep one message's content, if it is an output and there is room."""
        if kind == "stream":
            name = "stderr" if content.get("name") == "stderr" else "stdout"
            self._add_text(name, self._clean(content.get("text")))
        elif kind in ("display_data", "execute_result"):
            data = content.get("data")
            data = {key: self._clean(data[key]) for key in KEPT if isinstance(data, dict) and key in data}
            if data and self._room(sum(map(len, data.values()))):
                more = {"execution_count": None} if kind == "execute_result" else {}
                self.outputs.append(new_output(kind, data, **more))
        elif kind == "error":
            self.add_error(self._clean(content.get("ename"))[:200], self._clean(content.get("evalue"))[:2000])

    def add_error(self, name: str, message: str) -> None:
        """An error without its traceback."""
        self.outputs.append(new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"]))

    def _add_text(self, name: str, text: str) -> None:
        if text and self._room(len(text), whole=False):
            text, last = text[: self._left], self.outputs[-1] if self.outputs else None
            self._left -= len(text)
            if last is not None and last.output_type == "stream" and last.name == name:
                last.text += text
            else:
                self.outputs.append(new_output("stream", name=name, text=text))

    def _room(self, size: int, whole: bool = True) -> bool:
        """Whether so many characters fit; says once when something is left out."""
        if (size > self._left if whole else self._left <= 0) and not self._cut:
            self._cut = True
            self.outputs.append(new_output("stream", name="stderr", text="[more output was left out]\n"))
        if self._cut:
            return False
        self._left -= size if whole else 0
        return True

    @staticmethod
    def _clean(text: object) -> str:
        """Text without lone surrogates; nothing for what is no text."""
        return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""
