"""Pinned runs repeat, and library streams are independent of the global one."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from course_lib.core.seeding import generator, pin


def draws() -> tuple:
    return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002


def test_pin_repeats_all_three_global_streams_and_sets_threads():
    pin(5)
    first = draws()
    pin(5)
    assert draws() == first
    pin(6, threads=2)
    assert all(a != b for a, b in zip(draws(), first, strict=True))
    assert torch.get_num_threads() == 2
    assert torch.are_deterministic_algorithms_enabled()


def test_pin_uses_one_thread_unless_the_environment_says_otherwise(monkeypatch):
    monkeypatch.delenv("COURSE_THREADS", raising=False)
    pin(0, threads=2)
    pin(0)
    assert torch.get_num_threads() == 1
    monkeypatch.setenv("COURSE_THREADS", "2")
    pin(0)
    assert torch.get_num_threads() == 2
    pin(0, threads=1)
    assert torch.get_num_threads() == 1


def test_generator_repeats_and_leaves_the_global_stream_alone(device):
    pin(1)
    expected = torch.rand(())
    pin(1)
    numbers = torch.rand(4, generator=generator(3, device), device=device)
    assert torch.equal(torch.rand(()), expected)
    assert torch.equal(numbers, torch.rand(4, generator=generator(3, device), device=device))
    assert not torch.equal(numbers, torch.rand(4, generator=generator(4, device), device=device))


@pytest.mark.parametrize(("seed", "threads"), [(-1, 2), (0, 0)])
def test_refusals(seed, threads):
    with pytest.raises(ValueError, match=rf"seed must be >= 0 and threads >= 1, not seed={seed}, threads={threads}"):
        pin(seed, threads)
