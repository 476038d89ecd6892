"""Where tensors live: the CPU, an NVIDIA GPU (cuda) or an Apple GPU (mps).

The device is picked once, at the top of a notebook or a recipe, and passed on from there. No function of the library
moves a tensor by itself. The environment variable COURSE_DEVICE overrides the choice.
"""

from __future__ import annotations

import os

import torch


def available_devices() -> list[str]:
    """The kinds of device that this machine has, best first; always ends with "cpu"."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def pick_device(prefer: str | None = None) -> torch.device:
    """The device to use.

    Args:
        prefer: "cpu", "cuda", "cuda:1" or "mps"; without it, COURSE_DEVICE, and without that the best one present.

    Raises:
        ValueError: If the wanted device is not on this machine.
    """
    wanted = prefer or os.environ.get("COURSE_DEVICE") or available_devices()[0]
    if wanted.split(":")[0] not in available_devices():
        raise ValueError(f"device {wanted!r} is not on this machine; it has {', '.join(available_devices())}")
    return torch.device(wanted)
