"""Control groups: found, refused with a reason, filled and removed; on a system that has them, real ones."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from course_grader import cgroups
from course_grader.cgroups import Groups, NoGroups, own_group
from course_grader.kernel import Kernel
from course_grader.sandbox import Limits, Sandbox

from .conftest import needs_sandbox

MOUNTS = """24 30 0:22 / /proc rw,nosuid - proc proc rw
28 25 0:25 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw
29 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch) -> Path:
    """A folder with the files of a group in which one process lives; the kernel's own are made where it makes them."""
    monkeypatch.setattr(cgroups, "SYSTEMD", tmp_path / "nowhere")
    folder = tmp_path / "scope"
    folder.mkdir()
    files = {"controllers": "cpu io memory pids", "subtree_control": "", "procs": "4711\n", "type": "domain"}
    for name, text in files.items():
        (folder / f"cgroup.{name}").write_text(text)
    (folder / "grader").mkdir()
    (folder / "grader" / "cgroup.procs").write_text("")
    mkdir = Path.mkdir

    def make(path: Path, *arguments, **named) -> None:
        mkdir(path, *arguments, **named)
        for name in ("cgroup.procs", "memory.oom.group", "memory.swap.max") if path.name[:6] == "grade-" else ():
            (path / name).write_text("")

    monkeypatch.setattr(Path, "mkdir", make)
    return folder


@pytest.mark.parametrize(
    ("groups", "mounts", "found"),
    [
        ("4:memory:/a\n0::/user.slice/x.scope\n", MOUNTS, "/sys/fs/cgroup/unified/user.slice/x.scope"),
        ("0::/\n", MOUNTS, "/sys/fs/cgroup/unified"),
        ("0::/docker/ab/x\n", MOUNTS.replace("0:25 / ", "0:25 /docker/ab "), "/sys/fs/cgroup/unified/x"),
        ("0::/../other\n", MOUNTS, None),
        ("4:memory:/a\n", MOUNTS, None),
        ("0::/a\n", "", None),
    ],
)
def test_the_own_group_is_found_where_it_is_mounted(tmp_path, groups, mounts, found):
    (tmp_path / "cgroup").write_text(groups)
    (tmp_path / "mountinfo").write_text(mounts)
    if found:
        assert own_group(tmp_path) == Path(found)
    else:
        with pytest.raises(NoGroups, match="no cgroup v2"):
            own_group(tmp_path)


def test_processes_move_aside_once_and_a_group_has_its_limits(base):
    groups = Groups(base)
    assert (base / "grader" / "cgroup.procs").read_text() == "4711"
    assert (base / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    (base / "cgroup.subtree_control").write_text("cpu memory pids")
    (base / "grader" / "cgroup.procs").write_text("")
    assert Groups(base / "grader").base == base  # the second process finds itself there, and moves nobody
    assert (base / "grader" / "cgroup.procs").read_text() == ""
    group = groups.make(5000, 7)
    read = {path.name: path.read_text() for path in group.path.iterdir()}
    assert (read["memory.max"], read["pids.max"], read["memory.swap.max"]) == ("5000", "7", "0")
    assert read["memory.oom.group"] == "1"
    os.write(group.entrance, b"0")
    assert (group.path / "cgroup.procs").read_text() == "0"
    assert group.reason() == ""
    (group.path / "memory.events").write_text("low 0\nmax 9\noom 1\noom_kill 3\n")
    assert group.reason() == "memory"


def test_groups_of_a_killed_grader_are_removed_and_those_of_a_living_one_stay(base):
    gone, alive = base / "grade-99999999-1", base / f"grade-{os.getppid()}-1"
    os.mkdir(gone)
    os.mkdir(alive)
    Groups(base)
    assert not gone.exists()
    assert alive.exists()


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("cgroup.controllers", "cpu io", "has no controller memory and pids"),
        ("cgroup.controllers", "memory", "has no controller pids"),
        ("cgroup.controllers", None, "cannot be used: No such file or directory"),
        ("cgroup.procs", None, "is not delegated to this user"),
        ("cgroup.type", None, "does not hand on the controllers memory and pids"),
    ],
)
def test_where_there_are_none_a_line_says_why(base, file, text, reason):
    (base / file).unlink()
    if text is not None:
        (base / file).write_text(text)
    with pytest.raises(NoGroups, match=reason) as error:
        Groups(base)
    assert "\n" not in str(error.value)


def test_a_group_that_systemd_has_not_given_away_is_left_alone(base, monkeypatch):
    cgroups.SYSTEMD.mkdir()
    given: set[str] = set()

    def getxattr(path: Path, name: str) -> bytes:
        if name in given:
            return b"1"
        raise OSError

    monkeypatch.setattr(os, "getxattr", getxattr)
    with pytest.raises(NoGroups, match="not delegated"):
        Groups(base)
    assert (base / "cgroup.procs").read_text() == "4711\n"
    given.add("user.delegate")
    Groups(base)


@needs_sandbox
def test_the_kernel_ends_a_job_that_takes_more_than_its_group_has(monkeypatch):
    """The group gets a quarter of the limit here, so that nobody else ends it."""
    real = Groups.make
    monkeypatch.setattr(Groups, "make", lambda groups, memory, processes: real(groups, memory // 4, processes))
    with Sandbox(["numpy"]) as sandbox:
        if sandbox.missing:
            pytest.skip(sandbox.missing)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            kernel = Kernel(sandbox, sandbox.folder(), Limits(memory=2**29, disk=2**20, processes=32), theirs)
            kernel.wait_until_ready()
            assert kernel.execute("import os\nassert os.getpid()", 60.0)[0] == "ok"
            assert kernel.execute("held = b'x' * 2**28", 60.0)[0] == "out of memory"
            kernel.close()
        assert not list(sandbox._groups.base.glob(f"grade-{os.getpid()}-*"))
