"""Folders that do not outlive their owner for long: those of graders that were killed go when the next one starts.

    with own_folder() as folder: ...

A lock says whether the owner lives; the kernel gives it back however the owner ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path


def new_folder() -> tuple[str, int]:
    """A folder that only its owner can read, and the lock that says that the owner lives; folders of the dead go."""
    for name in os.listdir("/tmp"):
        path = f"/tmp/{name}"
        with contextlib.suppress(OSError):
            state = os.lstat(path)
            if name.startswith("grade-") and stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid():
                lock = os.open(f"{path}/lock", os.O_RDWR | os.O_NOFOLLOW)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while the owner lives
                    shutil.rmtree(path, ignore_errors=True)
                finally:
                    os.close(lock)
    root = tempfile.mkdtemp(prefix="grade-", dir="/tmp")
    lock = os.open(f"{root}/new", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.rename(f"{root}/new", f"{root}/lock")
    return root, lock


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for the time of the block."""
    root, lock = new_folder()
    try:
        yield Path(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        os.close(lock)
