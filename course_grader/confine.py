"""Put the calling process into namespaces of its own, inside the sandbox that bubblewrap made.

The fork server (`zygote.py`) lives in a bubblewrap sandbox: read-only system, no network, no sight of the course.
Each process that it forks gets one more layer, so that a student's kernel sees neither the fork server, nor the
judge, nor another submission: new user, PID, mount, IPC, network and host-name namespaces, an empty /tmp with a size
limit and nothing else to write to, limits on memory and files, no capability left, and a filter that refuses the system
calls with which one could leave or build namespaces, trace processes, hold memory that no process shows, or reach
rarely needed parts of the kernel.

Linux only. The calls are those of the manual pages unshare(2), mount(2), capset(2), prctl(2) and seccomp(2).
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
MNT_DETACH, SECCOMP_MODE_FILTER = 2, 2
INSIDE = 1000  # user and group number seen inside

# Refused with EPERM: name, number on x86_64, number on aarch64.
REFUSED = {
    "shmget": (29, 194),  # memory that belongs to no process, and that no limit counts
    "semget": (64, 190),
    "msgget": (68, 186),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "ptrace": (101, 117),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "open_by_handle_at": (304, 265),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
}
CLONE = (56, 220)
CLONE3 = (435, 435)
SETSOCKOPT = (54, 208)
SOL_SOCKET, SO_SNDBUF, SO_RCVBUF = 1, 7, 8  # asked for and not granted, so that each socket counts for what it holds
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def _check(result: int, doing: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")


def unshare() -> None:
    """Enter new namespaces; the next child is process 1 of the new PID namespace.

    Raises:
        OSError: The kernel does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS
    _check(_libc.unshare(flags), "unshare")
    prctl(PR_SET_DUMPABLE, 1)  # or the three files below would belong to nobody here
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INSIDE} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{INSIDE} {group} 1")


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2)."""
    encoded = [None if text is None else text.encode() for text in (source, target, kind, options)]
    _check(_libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]), f"mount {target}")


def private_folders(kept: list[str], size: int) -> None:
    """Give this mount namespace an empty /tmp and /dev/shm, and in /tmp nothing of before but some folders.

    Args:
        kept: The folders under /tmp that stay, at the same paths, to be read and not written.
        size: Bytes that each of the two may hold.
    """
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    options = f"size={size},nr_inodes=20000,mode=1777"
    mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, options)
    held = [f"/dev/shm/{number}" for number in range(len(kept))]  # while /tmp is covered
    for path, place in zip(kept, held, strict=True):
        os.mkdir(place)
        mount(path, place, None, MS_BIND | MS_REC)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options)
    for path, place in zip(kept, held, strict=True):
        os.makedirs(path, exist_ok=True)
        mount(place, path, None, MS_BIND | MS_REC)
        locked = os.statvfs(path).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)  # may not be taken off
        mount("none", path, None, MS_REMOUNT | MS_BIND | MS_RDONLY | locked)
        _check(_libc.umount2(place.encode(), MNT_DETACH), f"umount {place}")  # and what is mounted below it
        os.rmdir(place)


def protect_proc() -> None:
    """Make /proc, which all processes of the sandbox share, read-only: who writes there can slow the others down."""
    mount("none", "/proc", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def limit(memory: int, file_size: int, processes: int) -> None:
    """Set the limits of this process and its children; nobody here can raise them again.

    Args:
        memory: Bytes that may be allocated beyond what is allocated now.
        file_size: Bytes of the largest file.
        processes: Number of processes and threads of this user (not counted where the user is root outside).
    """
    data = int(_status("VmData")) * 1024
    for what, value in (
        (resource.RLIMIT_DATA, data + memory),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 512),  # each socket and each pipe holds memory
    ):
        hard = resource.getrlimit(what)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))
    Path("/proc/self/oom_score_adj").write_text("1000")  # if the machine runs out of memory, this goes first


def _status(field: str) -> str:
    """One field of /proc/self/status, without its unit."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(field + ":"))


def drop_privileges() -> None:
    """Give up all capabilities for good, and install the filter of system calls."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    header = struct.pack("Ii", 0x20080522, 0)
    _check(_libc.capset(header, struct.pack("6I", *[0] * 6)), "capset")
    filter_calls()


def filter_calls() -> None:
    """Refuse the calls of `REFUSED`, and new user namespaces through clone, and leave buffers of sockets as they are.

    On other processors nothing is filtered.
    """
    if platform.machine() not in ARCHITECTURES:
        return
    column, audit = ARCHITECTURES[platform.machine()]
    load, equal, bits, ret = 0x20, 0x15, 0x45, 0x06  # BPF: load a word, jump if equal, jump if any bit is set, return
    allow, refuse, unknown = 0x7FFF0000, 0x00050001, 0x00050026  # yes; errno EPERM; errno ENOSYS
    ignore = 0x00050000  # nothing is done, and the caller hears that it was
    program = [(load, 0, 0, 4), (equal, 1, 0, audit), (ret, 0, 0, refuse), (load, 0, 0, 0)]
    if column == 0:  # the x32 calls have bit 30 set
        program += [(bits, 0, 1, 0x40000000), (ret, 0, 0, refuse)]
    for numbers in REFUSED.values():
        program += [(equal, 0, 1, numbers[column]), (ret, 0, 0, refuse)]
    program += [(equal, 0, 1, CLONE3[column]), (ret, 0, 0, unknown)]  # libraries fall back to clone, whose flags show
    program += [(equal, 0, 7, SETSOCKOPT[column]), (load, 0, 0, 24), (equal, 0, 4, SOL_SOCKET), (load, 0, 0, 32)]
    program += [(equal, 1, 0, SO_SNDBUF), (equal, 0, 1, SO_RCVBUF), (ret, 0, 0, ignore), (ret, 0, 0, allow)]
    program += [(equal, 0, 3, CLONE[column]), (load, 0, 0, 16), (bits, 0, 1, CLONE_NEWUSER), (ret, 0, 0, refuse)]
    program += [(ret, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0), "seccomp")


def prctl(option: int, value: int) -> None:
    """prctl(2) with one number."""
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")
