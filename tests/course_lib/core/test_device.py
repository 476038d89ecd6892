"""The device is one that this machine has, and the environment variable overrides the default."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.device import available_devices, pick_device


def test_cpu_is_always_there_and_last():
    assert available_devices()[-1] == "cpu"
    assert ("cuda" in available_devices()) == torch.cuda.is_available()


def test_each_present_device_can_be_asked_for_and_holds_tensors(device):
    chosen = pick_device(device.type)
    assert chosen.type == device.type
    assert float(torch.ones(2, device=chosen).sum()) == 2


def test_order_of_preference(monkeypatch):
    monkeypatch.delenv("COURSE_DEVICE", raising=False)
    monkeypatch.setattr("course_lib.core.device.available_devices", lambda: ["cuda", "cpu"])
    assert pick_device().type == "cuda"
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert pick_device().type == "cpu"
    assert pick_device("cuda:1") == torch.device("cuda:1")


@pytest.mark.parametrize("by_variable", [False, True])
def test_an_absent_device_is_refused_with_what_there_is(monkeypatch, by_variable):
    monkeypatch.setattr("course_lib.core.device.available_devices", lambda: ["cpu"])
    if by_variable:
        monkeypatch.setenv("COURSE_DEVICE", "cuda")
    with pytest.raises(ValueError, match=r"device 'cuda' is not on this machine; it has cpu"):
        pick_device(None if by_variable else "cuda")
