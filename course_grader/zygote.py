"""The fork server: started once in a sandbox, it imports the heavy modules and forks a process for each request.

`python -m course_grader.zygote FD BASE64(JSON)` where FD is a socket to the grader. A request is one JSON line, with
file descriptors beside it; the answer is one JSON line.

    {"do": "spawn", "kind": "kernel" | "judge" | "reader", "folder": ..., "limits": {...}, "group": false}
                                                                   -> {"job": 3}
    {"do": "poll", "job": 3}                                       -> {"code": null} or {"code": 0, "reason": "memory"}
    {"do": "waited", "job": 3}                                     -> {"seconds": 0.1}
    {"do": "interrupt", "job": 3}, {"do": "kill", "job": 3}        -> {}

A spawned process is the last of a chain of three: one that enters new namespaces, process 1 of the new PID namespace,
and the process itself. When it ends, process 1 ends, and the system kills all that is left in the namespace. About
ten times a second the memory and the number of the processes of each job are counted; who exceeds a limit is killed
with a reason. What waits in pipes is in none of these numbers; nobody but the kernel can count it, and Linux bounds
it for each user. Where the grader can make control groups
(`cgroups.py`), the last descriptor of a request leads into one, and the kernel itself holds the limits.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from course_grader import confine, counts
from course_grader.exits import Process, passed_on

TICK = 0.1  # seconds between two looks at the jobs


@dataclass
class Job:
    """One forked chain."""

    outer: int  # the process that entered the namespaces; a child of ours
    inner: int  # process 1 of the new namespace
    memory: int
    processes: int
    folder: str  # the one that it shares with the grader
    room: int  # bytes that may lie there, where it can be written
    waited: float = 0.0  # seconds without a CPU
    code: int | None = None
    reason: str = ""


def main() -> None:
    """Import, say so, and serve until the grader closes the socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    settings = json.loads(base64.b64decode(sys.argv[2]))
    os.environ.update(settings["environment"])
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # the kernels would import it, and nobody debugs here
    for name in settings["modules"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # children share these pages with us as long as nobody writes to them
    confine.prctl(confine.PR_SET_DUMPABLE, 0)  # nobody may look into us
    Server(control, settings["isolate"], settings["below_tmp"]).run()


class Server:
    """Serves one grader."""

    def __init__(self, control: socket.socket, isolate: bool, below_tmp: list[str]) -> None:
        self.control = control
        self.below_tmp = below_tmp  # what the processes must go on to see there
        self.isolate = isolate  # False: only limits, where the instructor accepted that
        self.jobs: dict[int, Job] = {}
        self.baseline = counts.memory(os.getpid())
        self.buffer = control.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)  # what a socket may hold, at most

    def run(self) -> None:
        """Answer requests until the other end is closed."""
        self.control.sendall(b'{"ready": true}\n')
        last = 0.0
        while True:
            alive = any(job.code is None for job in self.jobs.values())
            ready, _, _ = select.select([self.control], [], [], TICK if alive else None)
            if alive and time.monotonic() - last > TICK:
                self.look()
                last = time.monotonic()
            if ready:
                line, descriptors, _, _ = socket.recv_fds(self.control, 1 << 16, 8)
                if not line:
                    return
                answer = self.answer(json.loads(line), descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)
                self.control.sendall(json.dumps(answer).encode() + b"\n")

    def answer(self, request: dict, descriptors: list[int]) -> dict:
        """Do what one request asks."""
        if request["do"] == "spawn":
            return self.spawn(request, descriptors)
        job = self.jobs[request["job"]]
        self.reap(job)
        if request["do"] == "poll":
            return {"code": job.code, "reason": job.reason}
        if request["do"] == "waited":
            return {"seconds": job.waited}
        if job.code is None:
            number = signal.SIGINT if request["do"] == "interrupt" else signal.SIGKILL
            with contextlib.suppress(ProcessLookupError):
                os.kill(job.inner, number)
            if number == signal.SIGKILL:
                self.reap(job, wait=True)
        return {}

    def spawn(self, request: dict, descriptors: list[int]) -> dict:
        """Fork the chain; wait until process 1 exists."""
        read, write = os.pipe()
        outer = os.fork()
        if outer == 0:
            os.close(read)
            _outer({**request, "below_tmp": self.below_tmp}, descriptors, write, self.isolate, self.control)
        os.close(write)
        with os.fdopen(read) as pipe:
            said = pipe.readline().strip()
        if not said.isdigit():
            os.waitpid(outer, 0)
            return {"error": said or "the process ended before it began"}
        limits = request["limits"]
        number = len(self.jobs) + 1
        folder = request["folder"]
        room = (
            0 if self.isolate else 2 * counts.stored(folder, limits["disk"]) + limits["disk"]
        )  # for a copy of its files
        self.jobs[number] = Job(outer, int(said), limits["memory"], limits["processes"], folder, room)
        return {"job": number}

    def reap(self, job: Job, wait: bool = False) -> None:
        """Take the exit code of a chain that has ended."""
        if job.code is None:
            pid, status = os.waitpid(job.outer, 0 if wait else os.WNOHANG)
            if pid:
                job.code = os.waitstatus_to_exitcode(status)

    def look(self) -> None:
        """Kill the jobs that use too much."""
        family = counts.tree()
        for job in self.jobs.values():
            if job.code is None:
                members = counts.descendants(family, job.inner)
                job.waited = counts.waited(job.inner, family)
                used = sum(max(0, counts.memory(pid) - self.baseline) for pid in members)
                used += counts.sockets(job.inner) * self.buffer if self.isolate else 0
                full = not self.isolate and counts.stored(job.folder, job.room) > job.room
                if used > job.memory or len(members) > job.processes or full:
                    job.reason = "memory" if used > job.memory else "disk" if full else "processes"
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(job.inner, signal.SIGKILL)
                self.reap(job)


def _outer(request: dict, descriptors: list[int], write: int, isolate: bool, control: socket.socket) -> None:
    """First of the chain: new namespaces, then wait for process 1; never returns."""
    try:
        if request["group"]:
            entrance, descriptors = descriptors[-1], descriptors[:-1]
            os.write(entrance, b"0")
            os.close(entrance)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.setsid()  # the scheduler groups processes by session, and who lowers its group must lower no other
        if isolate:
            confine.unshare()
        inner = os.fork()
        if inner == 0:
            control.close()
            _inner(request, descriptors, write, isolate)
        os.write(write, f"{inner}\n".encode())
        os.close(write)
        control.close()
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(inner, 0)
        if not isolate:  # no namespace takes the others along
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.killpg(0, signal.SIGTERM)
        os._exit(passed_on(os.waitstatus_to_exitcode(status)))
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(write, f"{type(error).__name__}: {error}\n".replace("\n", " ").encode() + b"\n")
        os._exit(Process.NO_NAMESPACE)


def _inner(request: dict, descriptors: list[int], write: int, isolate: bool) -> None:
    """Process 1 of the namespace: mounts, limits; fork the process, pass interrupts on, end with it; never returns."""
    code: int = Process.NOT_PREPARED
    try:
        os.close(write)
        limits, folder = request["limits"], request["folder"]
        confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)
        if isolate:
            confine.private_folders([folder, *request["below_tmp"]], limits["disk"])
            work = "/tmp/work"
            os.environ["HOME"] = "/tmp"
        else:
            work = os.path.join(folder, "work")
            os.environ["HOME"] = folder
        shutil.copytree(os.path.join(folder, "files"), work, dirs_exist_ok=True)  # a project may lie below /tmp/work
        os.chdir(work)
        confine.limit(limits["memory"], limits["disk"], limits["processes"])
        if isolate:
            confine.protect_proc()
        confine.drop_privileges()
        confine.prctl(confine.PR_SET_DUMPABLE, 0)
        child = os.fork()
        if child == 0:
            if not isolate:
                confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)
            os._exit(_run(request["kind"], folder, descriptors))
        signal.signal(signal.SIGINT, lambda *_: os.kill(child, signal.SIGINT))
        for descriptor in descriptors:
            os.close(descriptor)
        while True:
            pid, status = os.wait()
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                break
    except BaseException as error:
        print(f"sandbox: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(passed_on(code))


def _run(kind: str, folder: str, descriptors: list[int]) -> int:
    """The process itself."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = open(number, "w", closefd=False)  # noqa: SIM115 (it stays for the process's life)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    entry: Callable
    if kind == "kernel":
        from course_grader.student import main as entry
    elif kind == "reader":
        from course_grader.reader import main as entry
    else:
        from course_grader.judge import main as entry
    try:
        entry(folder, descriptors)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0
    except BaseException:
        return Process.PROGRAM_FAILED
    return 0


if __name__ == "__main__":
    main()
