"""Shipped weights: they load into what they were made for, nothing else, and every card's file is small."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core import weights
from course_lib.core.weights import load_checkpoint, read_card, save_checkpoint


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    return tmp_path


def test_round_trip_to_half_precision(folder):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    save_checkpoint("small", model, {"accuracy": 0.5})
    other = load_checkpoint("small", nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train())
    assert not other.training
    assert other[0].weight.dtype == torch.float32
    torch.testing.assert_close(other[0].weight, model[0].weight.half().float(), rtol=0, atol=0)
    assert read_card("small") == {"accuracy": 0.5}


def test_errors_speak(folder):
    save_checkpoint("small", nn.Linear(3, 2), {})
    with pytest.raises(ValueError, match="there is no checkpoint 'large'; there are small"):
        read_card("large")
    with pytest.raises(ValueError, match=r"checkpoint 'small' does not fit this model: size mismatch for weight: .*"):
        load_checkpoint("small", nn.Linear(4, 2))
    with pytest.raises(ValueError, match="checkpoint 'small' does not fit this model: bias is not in both"):
        load_checkpoint("small", nn.Linear(3, 2, bias=False))
    broken = nn.Linear(1, 1)
    nn.init.constant_(broken.weight, 1e6)
    with pytest.raises(ValueError, match="weight is not finite in half precision, which ends at 65504"):
        save_checkpoint("broken", broken, {})


def test_every_checkpoint_is_small_and_has_its_card():
    files = list(weights.FOLDER.glob("*.safetensors"))
    assert sorted(f.stem for f in files) == sorted(f.stem for f in weights.FOLDER.glob("*.json"))
    assert all(file.stat().st_size <= 2_000_000 for file in files)
    assert sum(file.stat().st_size for file in files) <= 30_000_000
    for file in files:
        assert {"data", "command", "seed", "metric", "device", "versions"} <= read_card(file.stem).keys()
