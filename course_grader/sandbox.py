"""A sandbox for what students wrote: the fork server under bubblewrap, and the processes that it forks.

    with Sandbox(modules=["numpy", "torch"]) as sandbox:
        job = sandbox.spawn("kernel", folder, limits, [])
        sandbox.poll(job); sandbox.interrupt(job); sandbox.kill(job)

bubblewrap gives the fork server a read-only view of the system, of this Python with its packages, and of the course's
code; nothing of the course's sources, submissions and gradebook, no network, an empty environment. `confine.py` adds
one more layer for each forked process. Tested on Linux 6.18 with bubblewrap 0.8; user namespaces must be allowed.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from course_grader.cgroups import ADVICE as COUNTED_INSTEAD
from course_grader.cgroups import Group, Groups, NoGroups
from course_grader.folders import new_folder

if sys.platform == "linux":
    pass

GIB = 2**30
ADVICE = (
    "bubblewrap is needed to grade code that strangers wrote (Debian, Ubuntu: apt-get install bubblewrap); "
    "to grade without it, at your own risk, set c.CourseGrader.accept_no_sandbox = True in nbgrader_config.py"
)


# What the owner of /proc may write there to change the whole machine.
KERNEL_FILES = ("sys", "sysrq-trigger", "irq", "bus", "acpi", "fs", "driver", "scsi", "mtrr", "tty", "asound")


# What every process of ours needs; the course's own list comes on top.
MODULES = (
    "course_grader.judge",
    "course_grader.reader",
    "course_grader.student",
    "ipykernel.kernelapp",
    "IPython.core.completerlib",
    "IPython.core.magics.execution",
    "IPython.extensions.storemagic",
    "matplotlib_inline.backend_inline",
    "tornado.platform.asyncio",
)


class SandboxError(RuntimeError):
    """The sandbox cannot be made or has ended; one line that says what to do."""


@dataclass(frozen=True)
class Limits:
    """What one process and its children may use.

    Attributes:
        memory: Bytes beyond what the imported modules take.
        disk: Bytes of /tmp, of /dev/shm, and of the largest file.
        processes: Number of processes.
        cell: Seconds that one cell of the notebook may run.
        test: Seconds that one test cell may run, calls of the student's functions included.
        notebook: Seconds for everything.
        output: Bytes of text and pictures kept from one cell.
    """

    memory: int = 4 * GIB
    disk: int = GIB // 4
    processes: int = 64
    cell: float = 60.0
    test: float = 60.0
    notebook: float = 300.0
    output: int = 1_000_000


def _visible() -> list[str]:
    """Files and folders that the sandbox may read."""
    package = Path(__file__).resolve().parent
    wanted = ["/usr", "/lib", "/lib64", "/bin", "/sbin", "/opt", "/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives"]
    wanted += ["/etc/localtime", "/etc/ssl/certs", "/etc/passwd", "/etc/group", "/sys/devices/system/cpu"]
    own = [sys.base_prefix, sys.prefix, str(package), str(package.parent / "course_lib")]
    wanted += own + [os.path.realpath(path) for path in own]  # each may be reached through a link
    return list(dict.fromkeys(path for path in wanted if os.path.exists(path)))


def _is_below(path: str, others: Iterable[str]) -> bool:
    return any(path == other or path.startswith(f"{other}/") for other in others)


def _links(visible: list[str]) -> list[tuple[str, str]]:
    """The links from this program to the Python that it is, as far as they lie elsewhere: target and place."""
    found: list[tuple[str, str]] = []
    path = sys.executable
    while os.path.islink(path) and len(found) < 40:
        target = os.readlink(path)
        found.append((target, path))
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return [(target, place) for target, place in found if not _is_below(place, visible)]


def _command(root: str, isolate: bool) -> list[str]:
    """What starts the fork server, without its arguments."""
    python = [sys.executable, "-s", "-m", "course_grader.zygote"]
    if not isolate:
        return python
    command = [
        shutil.which("bwrap") or "bwrap",
        "--unshare-user",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-net",
        "--unshare-uts",
    ]
    command += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "sandbox"]
    command += ["--tmpfs", "/tmp"]  # first, so that a project below /tmp is seen
    visible = _visible()
    for path in visible:
        if os.path.islink(path) and _is_below(os.path.realpath(path), ("/usr",)):
            command += ["--symlink", os.readlink(path), path]
        else:
            command += ["--ro-bind", path, path]
    for target, place in _links(visible):
        command += ["--symlink", target, place]
    command += ["--proc", "/proc"]
    for name in KERNEL_FILES:  # root's own, also where "root" has no capability left
        command += ["--ro-bind-try", f"/proc/{name}", f"/proc/{name}"]
    command += ["--dev", "/dev", "--bind", root, root]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    return [*command, *python]


def _environment(root: str) -> dict[str, str]:
    """Everything that the sandbox's processes find in their environment."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ}
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": root,
        "COURSE_GRADER": "1",  # the release's cell that calls the self-check then does nothing
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": f"{root}/matplotlib",
        "IPYTHONDIR": f"{root}/ipython",
        "JUPYTER_PLATFORM_DIRS": "1",
        "PIP_NO_INDEX": "1",  # there is no network, and pip would wait for it
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),  # the package that grades, whichever is installed
        **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")},
        **kept,
    }


def why_no_sandbox(isolate: bool = True) -> str:
    """Why a `Sandbox` cannot be started here, or not one that isolates; empty if it can."""
    if sys.platform != "linux":
        return "submissions are graded on Linux only; use a Linux machine, a virtual one, or on Windows WSL"
    if not isolate:
        return ""
    if shutil.which("bwrap") is None:
        return ADVICE
    test = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    done = subprocess.run(test, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"bubblewrap cannot make a sandbox here ({reason}); allow unprivileged user namespaces. {ADVICE}"
    return ""


class Sandbox:
    """A fork server and its folder.

    Attributes:
        missing: Which limit this machine does not offer, in one line; empty if all are there.

    Args:
        modules: What the fork server imports before it forks.
        isolate: False leaves namespaces out and keeps only the limits (still on Linux only): for code that you trust.

    Raises:
        SandboxError: It cannot be started here.
    """

    def __init__(self, modules: Iterable[str] = (), isolate: bool = True) -> None:
        if reason := why_no_sandbox(isolate):
            raise SandboxError(reason)
        self.isolate = isolate
        self.missing = ""
        self._groups: Groups | None = None
        self._group: dict[int, Group] = {}  # by job
        try:
            self._groups = Groups()
        except NoGroups as error:
            self.missing = f"{error}: {COUNTED_INSTEAD}"
        self._lock = threading.Lock()
        self.root, self._alive = new_folder()
        ours, theirs = socket.socketpair()
        environment = _environment(self.root)
        modules = [*MODULES, *modules]
        below = [path for path in _visible() if path.startswith("/tmp/")]
        settings = {"environment": environment, "modules": modules, "isolate": isolate, "below_tmp": below}
        packed = base64.b64encode(json.dumps(settings).encode()).decode()
        with theirs:
            self.process = subprocess.Popen(
                [*_command(self.root, isolate), str(theirs.fileno()), packed],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        assert self.process.stderr is not None  # it is a pipe
        self._errors = self.process.stderr
        self._control = ours
        self._reader = ours.makefile("rb")
        try:
            self._answer()
        except SandboxError:
            said = self._errors.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
            self.close()
            raise SandboxError(f"the sandbox did not start: {said[-1][:300]}") from None

    def spawn(self, kind: str, folder: str | Path, limits: Limits, descriptors: list[int]) -> int:
        """Fork a process.

        Args:
            kind: "kernel", "judge" or "reader".
            folder: A folder under `root`, the only one that the process shares with the grader. Its subfolder `files`
                is copied to the process's working directory.
            limits: What it may use.
            descriptors: Open files that it gets.

        Returns:
            The job's number.
        """
        request = {"do": "spawn", "kind": kind, "folder": str(folder), "limits": asdict(limits), "group": False}
        if self._groups is None:
            return self._ask(request, descriptors)["job"]
        try:  # what is written to /tmp and /dev/shm is memory; threads count as processes there
            group = self._groups.make(limits.memory + 2 * limits.disk, limits.processes + 2)
        except OSError as error:
            raise SandboxError(f"no control group could be made: {error}") from None
        try:
            job = self._ask(request | {"group": True}, [*descriptors, group.entrance])["job"]
        except BaseException:
            group.close()
            raise
        self._group[job] = group
        return job

    def poll(self, job: int) -> tuple[int | None, str]:
        """Exit code of a job, None while it runs, and why it was killed ("memory", "processes" or "")."""
        answer = self._ask({"do": "poll", "job": job})
        if answer["code"] is not None and not answer["reason"] and job in self._group:
            return answer["code"], self._group[job].reason()
        return answer["code"], answer["reason"]

    def waited(self, *jobs: int) -> float:
        """For how many seconds these jobs could have run and had no CPU."""
        return sum(self._ask({"do": "waited", "job": job})["seconds"] for job in jobs)

    def interrupt(self, job: int) -> None:
        """Send SIGINT, as Ctrl-C would."""
        self._ask({"do": "interrupt", "job": job})

    def kill(self, job: int) -> None:
        """End a job with all its children, whatever they do."""
        self._ask({"do": "kill", "job": job})
        if job in self._group:
            self._group.pop(job).close()

    def folder(self) -> Path:
        """A new folder that a spawned process can share, with an empty subfolder `files`."""
        path = Path(tempfile.mkdtemp(dir=self.root, prefix="j"))
        (path / "files").mkdir()
        return path

    def close(self) -> None:
        """End the fork server and everything that it forked, and remove the folder."""
        with contextlib.suppress(OSError):
            self._reader.close()
            self._control.close()
        self.process.kill()
        self.process.wait()
        self._errors.close()
        while self._group:
            self._group.popitem()[1].close()
        shutil.rmtree(self.root, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(self._alive)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, request: dict, descriptors: Iterable[int] = ()) -> dict:
        with self._lock:
            try:
                socket.send_fds(self._control, [json.dumps(request).encode() + b"\n"], list(descriptors))
            except OSError:
                raise SandboxError("the sandbox has ended") from None
            answer = self._answer()
        if "error" in answer:
            raise SandboxError(f"no process could be started in the sandbox: {answer['error']}")
        return answer

    def _answer(self) -> dict:
        try:
            line = self._reader.readline()
        except OSError:
            line = b""
        if not line:
            raise SandboxError("the sandbox has ended")
        return json.loads(line)
