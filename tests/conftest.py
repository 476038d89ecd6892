"""Shared by all tests: seeds and threads are pinned, and numerical tests run on every device that is present."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import settings

from course_lib.core.device import available_devices
from course_lib.core.seeding import pin

settings.register_profile("course", deadline=None, derandomize=True, database=None, max_examples=40)
settings.load_profile("course")


@pytest.fixture(autouse=True)
def pinned() -> None:
    """Give every test the same seeds whatever ran before it, and one thread: small problems only lose by waiting."""
    pin(0, threads=1)


@pytest.fixture(scope="session", params=available_devices())
def device(request: pytest.FixtureRequest) -> torch.device:
    """Each device of this machine in turn."""
    return torch.device(request.param)


@pytest.fixture(scope="session")
def dtype(device: torch.device) -> torch.dtype:
    """The most precise floating-point type of the device: Apple's GPUs have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


@pytest.fixture(scope="session")
def close(dtype: torch.dtype) -> Callable[..., None]:
    """An assertion that a tensor equals a reference; in float32 it asks for what float32 can give."""

    def check(ours: torch.Tensor, wanted: object, rtol: float = 1e-6, atol: float = 1e-12) -> None:
        if dtype == torch.float32:
            rtol, atol = max(rtol, 1e-3), max(atol, 1e-3)
        reference = wanted.detach().cpu() if isinstance(wanted, torch.Tensor) else torch.as_tensor(np.asarray(wanted))
        torch.testing.assert_close(ours.detach().cpu().double(), reference.double(), rtol=rtol, atol=atol)

    return check
