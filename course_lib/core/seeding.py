"""Pin everything that makes two runs differ: seeds, threads, and non-deterministic kernels.

Chapters call `pin()` once, in their first cell, so that stored outputs are the same on every machine. Library
functions never touch global state: they take a `torch.Generator`, made by `generator(seed, device)`.
"""

from __future__ import annotations

import os
import random

import numpy as np
import torch


def pin(seed: int = 0, threads: int | None = None) -> None:
    """Seed Python, NumPy and torch, fix torch's thread count, and prefer deterministic kernels.

    Args:
        seed: Any non-negative integer.
        threads: How many CPU threads torch may use. Sums depend on how they are split, so the count is part of
            the result. Without it, the environment variable COURSE_THREADS says; without that it is one, with which
            the book was run.

    Raises:
        ValueError: For a negative seed or fewer than one thread.
    """
    if threads is None:
        threads = int(os.environ.get("COURSE_THREADS", "1"))
    if seed < 0 or threads < 1:
        raise ValueError(f"seed must be >= 0 and threads >= 1, not seed={seed}, threads={threads}")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by deterministic matrix products on CUDA
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - for libraries that still draw from the global stream
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("warn")  # the shorter way to the same setting that imports no compiler


def generator(seed: int = 0, device: str | torch.device = "cpu") -> torch.Generator:
    """A fresh random stream on a device, independent of the global one.

    Args:
        seed: Same seed, same numbers, on one kind of device.
        device: Where the numbers are drawn.
    """
    return torch.Generator(device=device).manual_seed(seed)
