"""What the processes of a job use, as far as the system shows it: read in /proc, about ten times a second.

family = tree()
members = descendants(family, inner)
sum(map(memory, members)), sockets(inner), waited(inner, family), stored(folder, enough)
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

COUNTED = (b"RssAnon:", b"RssShmem:", b"VmSwap:", b"VmPTE:")  # fields of /proc/PID/status
TICKS = os.sysconf("SC_CLK_TCK")


def tree() -> dict[int, list[int]]:
    """Children of every process that is visible here."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                stat = Path(f"/proc/{name}/stat").read_text(errors="replace")
                children.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(name))
    return children


def descendants(tree: dict[int, list[int]], pid: int) -> list[int]:
    """A process and all below it."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += tree.get(found[-1], [])
    return found


def memory(pid: int) -> int:
    """Bytes of a process that are no file's pages, with memory that it shares; 0 when it has just ended."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_bytes()
        return 1024 * sum(int(status.split(field, 1)[1].split(None, 1)[0]) for field in COUNTED if field in status)
    return 0


def sockets(pid: int) -> int:
    """How many sockets there are in the network namespace of a process."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/net/sockstat").read_text().split()[2])
    return 0


def waited(inner: int, tree: dict[int, list[int]]) -> float:
    """Seconds for which the process below `inner` could have run and had no CPU, for no fault of its own.

    That is what its main thread has waited, less the time of the CPU that its other threads and processes have used.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        main = min(tree.get(inner, []))
        waiting = int(Path(f"/proc/{main}/schedstat").read_text().split()[1]) / 1e9
        used = sum(_used(f"/proc/{pid}/stat", 4) for pid in descendants(tree, inner))
        return waiting - (used - _used(f"/proc/{main}/task/{main}/stat", 2)) / TICKS
    return 0.0


def _used(path: str, fields: int) -> int:
    """Ticks of the CPU: in user and system mode, and with four fields those of children that have ended."""
    with contextlib.suppress(OSError):
        return sum(map(int, Path(path).read_text(errors="replace").rsplit(")", 1)[1].split()[11 : 11 + fields]))
    return 0


def stored(folder: str, enough: int) -> int:
    """Bytes of the files in a folder, where an empty one counts too; the search ends when that is more than enough."""
    total, waiting = 0, [folder]
    while waiting and total <= enough:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                state = entry.stat(follow_symlinks=False)
                total += state.st_blocks * 512 + 4096
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return total
