"""How everything here is timed: two threads, peers taking turns, medians, and one table with ratios.

Timings drift while a machine does other things. The contestants therefore run in turn, round after round, so that all
of them meet the same drift, and each is given by its median over the rounds.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from course_lib.core.seeding import pin

THREADS = 2
LIMIT = 1.5  # slower than a peer by more than this has to be explained


def settle() -> None:
    """Pin seeds and threads of torch, numpy and scikit-learn."""
    pin(0, THREADS)
    threadpool_limits(THREADS)


def wait() -> None:
    """Let a GPU finish what was given to it: its work goes on after a call has returned."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def medians(contestants: dict[str, Callable[[], object]], rounds: int = 15, shortest: float = 0.01,
            clock: Callable[[], float] = time.perf_counter) -> dict[str, float]:  # fmt: skip
    """Median seconds a call of each function, the functions taking turns.

    Args:
        contestants: Functions without arguments, by name.
        rounds: Turns of each.
        shortest: A turn repeats its function for about this many seconds, so that the clock is no part of it.
        clock: `time.process_time` counts processor time, which other programs on the machine hardly change.
    """
    turns = {}
    for name, call in contestants.items():
        call()  # the first call loads and allocates
        wait()
        start = clock()
        call()
        wait()
        turns[name] = max(1, round(shortest / max(clock() - start, 1e-7)))
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            time.sleep(0.02)  # threads of the one before may still spin, waiting for work
            call()
            wait()
            start = clock()
            for _ in range(turns[name]):
                call()
            wait()
            seconds[name].append((clock() - start) / turns[name])
    return {name: statistics.median(values) for name, values in seconds.items()}


def compare(title: str, ours: dict[str, Callable], peers: dict[str, Callable], why: str = "", **options) -> None:
    """Time ours and the peers in one interleaved run and print a row for each pair.

    Args:
        title: What is computed, on what.
        ours: The library's functions, by name.
        peers: What they are compared with, by name.
        why: Why ours is slower than a peer, printed where the ratio is above `LIMIT`.
        **options: Passed to `medians`.
    """
    timed = medians(ours | peers, **options)
    print(f"\n{title}")
    print(f"  {'ours':<24}{'ms':>10}   {'peer':<34}{'ms':>10}{'ratio':>8}  explanation")
    for name in ours:
        for peer in peers:
            ratio = timed[name] / timed[peer]
            reason = (why or "SLOWER, NOT EXPLAINED") if ratio > LIMIT else ""
            left, right = f"{name:<24}{1e3 * timed[name]:>10.3f}", f"{peer:<34}{1e3 * timed[peer]:>10.3f}"
            print(f"  {left}   {right}{ratio:>8.2f}  {reason}".rstrip())


def machine() -> str:
    """Number of threads used, the processor's name and the GPU's, if there is one."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    card = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{torch.get_num_threads()} cores, {name}{card}"
