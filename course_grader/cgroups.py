"""Limits that the kernel itself holds, where it lets this process make control groups (cgroup v2).

Looking at the processes of a job ten times a second (`zygote.py`) finds what they have taken until then. In a group of
its own a job cannot take more than `memory.max` at any moment, wherever that lies: in pages, in files of a tmpfs, in
buffers of sockets, in tables of the kernel; nor have more tasks than `pids.max`.

    groups = Groups()           raises NoGroups, one line, where there are none
    group = groups.make(limits)
    ... "0" is written into group.entrance by the process that is to live there
    group.reason(), group.close()

A system must use cgroup v2 with the controllers memory and pids, and have given this process's group away. systemd
does that for

    systemd-run --user --scope -p Delegate=yes python -m course_grader autograde NAME

The kernel allows no process beside the groups of jobs, so those of the scope move into a group "grader" first. The
files are those of the kernel's Documentation/admin-guide/cgroup-v2.rst. Without them nothing but these looks holds the
limits. Tested on Linux 6.1.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
from pathlib import Path

LEAF = "grader"
SYSTEMD = Path("/run/systemd/system")  # there where it manages the machine, says sd_booted(3)
NEEDED, WELCOME = {"memory", "pids"}, {"cpu"}  # with cpu each job has an equal share of it
ADVICE = "memory and processes of a submission are counted ten times a second instead; see the instructors' guide"


class NoGroups(Exception):
    """Why there are none here, in one line."""


def own_group(proc: Path = Path("/proc/self")) -> Path:
    """Where this process's group of cgroup v2 lies in the file system.

    Raises:
        NoGroups: Nowhere.
    """
    try:
        lines = (proc / "cgroup").read_text().splitlines()
        mounts = [line.split(" - ") for line in (proc / "mountinfo").read_text().splitlines()]
    except OSError:
        raise NoGroups("there is no /proc to look in") from None
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    for first, second in (mount for mount in mounts if len(mount) == 2):
        if path and path[:3] != "/.." and second.startswith("cgroup2 "):
            top, place = first.split(" ")[3:5]
            inside = os.path.relpath(path, top)
            if not inside.startswith(".."):
                return Path(os.path.normpath(os.path.join(place, inside)))
    raise NoGroups("this system has no cgroup v2")


def _is_given_away(group: Path) -> bool:
    """Whether we may rule below a group: where systemd runs, it must have said so; elsewhere, whoever can write may."""
    if not os.access(group, os.W_OK) or not os.access(group / "cgroup.procs", os.W_OK):
        return False
    if not SYSTEMD.is_dir():
        return True
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(group, name) == b"1":
                return True
    return False


def _names(path: Path) -> set[str]:
    """The words of a file."""
    return set(path.read_text().split())


class Groups:
    """The groups of jobs that one process makes.

    Args:
        own: The group in which this process lives; looked for if None.

    Raises:
        NoGroups: None can be made here.
    """

    def __init__(self, own: Path | None = None) -> None:
        own = own_group() if own is None else own
        self.base = own.parent if own.name == LEAF else own
        try:
            if not _is_given_away(self.base):
                raise NoGroups(f"the control group {self.base} is not delegated to this user")
            if missing := NEEDED - _names(self.base / "cgroup.controllers"):
                raise NoGroups(f"the control group {self.base} has no controller {' and '.join(sorted(missing))}")
            if not _names(self.base / "cgroup.subtree_control") >= NEEDED:
                self._enable()
        except OSError as error:
            raise NoGroups(f"the control group {self.base} cannot be used: {error.strerror}") from None
        self._count = itertools.count(1)
        for left in self.base.glob("grade-*-*"):  # of those that were killed
            owner = re.fullmatch(r"grade-(\d+)-\d+", left.name)
            if owner and not os.path.exists(f"/proc/{owner[1]}"):
                with contextlib.suppress(OSError):
                    left.rmdir()

    def _enable(self) -> None:
        """Move what lives in the group into one below it, and hand on the controllers."""
        if not (self.base / "cgroup.type").exists():
            raise NoGroups(f"{self.base} does not hand on the controllers memory and pids")
        (self.base / LEAF).mkdir(exist_ok=True)
        wanted = sorted((NEEDED | WELCOME) & _names(self.base / "cgroup.controllers"))
        for attempt in range(20):
            for pid in _names(self.base / "cgroup.procs"):
                with contextlib.suppress(ProcessLookupError):
                    (self.base / LEAF / "cgroup.procs").write_text(pid)
            try:
                (self.base / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in wanted))
                return
            except OSError:  # a process was born meanwhile
                if attempt == 19:
                    raise

    def make(self, memory: int, processes: int) -> Group:
        """A new group for a job.

        Args:
            memory: Bytes, of everything.
            processes: Processes and threads.

        Raises:
            OSError: It cannot be made.
        """
        return Group(self.base / f"grade-{os.getpid()}-{next(self._count)}", memory, processes)


class Group:
    """One job's group; `entrance` is the open file into which a process writes "0" to enter."""

    def __init__(self, path: Path, memory: int, processes: int) -> None:
        self.path = path
        path.mkdir()
        (path / "memory.max").write_text(str(memory))
        (path / "pids.max").write_text(str(processes))
        for name, value in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
            if (path / name).exists():  # not in every kernel
                (path / name).write_text(value)
        self.entrance = os.open(path / "cgroup.procs", os.O_WRONLY)

    def reason(self) -> str:
        """Why the kernel has killed somebody here: "memory", or nothing."""
        with contextlib.suppress(OSError, ValueError):
            events = dict(line.split() for line in (self.path / "memory.events").read_text().splitlines())
            return "memory" if int(events.get("oom_kill", 0)) else ""
        return ""

    def close(self) -> None:
        """Remove it, as soon as the last process has gone; what cannot be removed goes at the next start."""
        if self.entrance >= 0:
            os.close(self.entrance)
            self.entrance = -1
        for _ in range(50):
            try:
                self.path.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.01)
