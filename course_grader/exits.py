"""Exit statuses: those of the commands, and those of a process in the sandbox that could not do its work."""

from __future__ import annotations

from enum import IntEnum


class Command(IntEnum):
    """What `python -m course_grader` and `python -m course_grader.sample_class` end with."""

    DONE = 0
    FAILED = 1  # one line on stderr says why, or somebody in the table has no points
    USAGE = 2  # as argparse ends
    INTERRUPTED = 130  # as a shell reports Ctrl-C


class Process(IntEnum):
    """What a forked process of the sandbox ends with where its own program set nothing."""

    NO_NAMESPACE = 111  # the new namespaces could not be entered
    NOT_PREPARED = 112  # folders, limits or privileges could not be set
    PROGRAM_FAILED = 113  # the kernel or the judge itself raised an exception
    SIGNALLED = 128  # and the signal's number is added


def passed_on(code: int) -> int:
    """The status with which a parent repeats how its child ended; `code` is negative for a signal."""
    return code if 0 <= code < 256 else Process.SIGNALLED + min(abs(code), 100)
