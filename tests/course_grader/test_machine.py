"""What is wrong with a machine is said once, before a class is graded, and not of each student."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import Client

from course_grader.__main__ import main
from course_grader.sample_class import _api
from course_grader.sandbox import Limits

from .attacks.assignment import NAME
from .conftest import hand_in, needs_sandbox, scores

REFUSES = "echo 'bwrap: No permissions to create new namespace' >&2\nexit 1"
BROKEN = "case \"$*\" in *course_grader.zygote*) echo 'python: No module named course_grader' >&2; exit 1;; esac"
TROUBLES = {
    "no bubblewrap": (None, "bubblewrap is needed to grade code that strangers wrote"),
    "no user namespaces": (REFUSES, "(bwrap: No permissions to create new namespace); allow unprivileged user"),
    "a broken environment": (BROKEN, "the sandbox did not start: python: No module named course_grader"),
}


@pytest.fixture(params=TROUBLES)
def trouble(request, tmp_path: Path, monkeypatch) -> str:
    """A machine with one trouble, and what must be said."""
    script, said = TROUBLES[request.param]
    (tmp_path / "bin").mkdir()
    if script:
        (tmp_path / "bin" / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / "bwrap").chmod(0o755)
    for program in ("openssl", "sh"):
        found = next(Path(folder, program) for folder in os.get_exec_path() if Path(folder, program).exists())
        (tmp_path / "bin" / program).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return said


def test_a_class_hears_it_once(course, trouble, capsys):
    hand_in(course, {"ann": "honest_a", "bob": "honest_m", "zoe": "honest_z"})
    assert main(["autograde", NAME, "--root", str(course), "--workers", "2"]) == 1
    said = capsys.readouterr()
    errors = [line for line in said.err.splitlines() if "error" in line]
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert trouble in errors[0]
    assert said.out == ""
    assert (
        not (course / "autograded" / f"{NAME}.jsonl").exists()
        or not (course / "autograded" / f"{NAME}.jsonl").read_text()
    )
    assert scores(course) == {}


@contextmanager
def cluster(root: Path, workers: int) -> Iterator[str]:
    """A scheduler with workers that have this process's environment; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    scheduler = ["dask_scheduler", "--host", address, "--no-dashboard", "--no-show"]
    worker = ["dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "30"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": root}
    programs = [
        [sys.executable, "-m", f"distributed.cli.{name}", *rest] for name, *rest in [scheduler, *[worker] * workers]
    ]
    started = [subprocess.Popen(one, **quiet) for one in programs]
    try:
        if workers:
            with Client(address, timeout=60, set_as_default=False) as client:
                client.wait_for_workers(workers, timeout=60)
        yield address
    finally:
        for one in started:
            one.kill()
            one.wait()


@pytest.mark.parametrize("trouble", ["a broken environment"], indirect=True)
def test_a_class_behind_a_scheduler_hears_it_once(course, trouble, capsys):
    """The workers' machine is bad, whatever this one is."""
    hand_in(course, {"ann": "honest_a", "bob": "honest_m", "zoe": "honest_z"})
    with cluster(course, 2) as address:
        assert main(["autograde", NAME, "--root", str(course), "--scheduler", address]) == 1
    said = capsys.readouterr()
    errors = [line for line in said.err.splitlines() if "warning" not in line and trouble in line]
    assert len(errors) == 1
    assert errors[0].startswith("error: nobody is graded: ")
    assert said.err.count(trouble) == 1
    assert said.out == ""
    assert scores(course) == {}


def test_a_scheduler_without_workers_is_one_line(course, monkeypatch, capsys):
    hand_in(course, {"ann": "honest_a"})
    with cluster(course, 0) as address:
        monkeypatch.setattr("course_grader.batch.PATIENCE", 10.0)
        assert main(["autograde", NAME, "--root", str(course), "--scheduler", address]) == 1
    assert f"error: nobody is graded: the scheduler at {address} has no workers" in capsys.readouterr().err.splitlines()


def test_nbgraders_own_command_says_it_once(course, trouble):
    hand_in(course, {"ann": "honest_a", "bob": "honest_m", "zoe": "honest_z"})
    result = _api(course).autograde(NAME, "*")
    assert not result["success"]
    assert result["log"].count(trouble) == 1
    assert "Autograding" not in result["log"]


@needs_sandbox
def test_a_sandbox_in_which_no_process_runs_ends_the_class_too(course, monkeypatch):
    """Bubblewrap itself starts, and what is forked in it cannot be given its folders."""
    monkeypatch.setattr("course_grader.reader.LIMITS", Limits(disk=-1))
    hand_in(course, {"ann": "honest_a", "bob": "honest_m"})
    result = _api(course).autograde(NAME, "*")
    assert not result["success"]
    assert result["log"].count("sandbox") == 1
    assert "Autograding" not in result["log"]
