"""The recipe of frame orders in miniature: its card has all rows, and the probe finds what lies in the features."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from course_lib.core.seeding import generator
from recipes import temporal_order as order


def test_the_probe_finds_classes_that_a_plane_separates_and_nothing_in_noise():
    stream = generator(0)
    x = torch.randn(400, 6, generator=stream)
    labels = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
    parts = (x[:200], labels[:200]), (x[200:], labels[200:])
    assert (order.probe(*parts, 1e-3) == labels[200:]).float().mean() > 0.9
    noise = torch.randn(400, 6, generator=stream)
    parts = (noise[:200], labels[:200]), (noise[200:], labels[200:])
    assert (order.probe(*parts, 1e-1) == labels[200:]).float().mean() < 0.4


def test_a_clip_called_by_its_reverse_is_counted():
    found = order.judged(torch.tensor([1, 0, 2, 0]), torch.tensor([0, 0, 2, 3]))
    assert found == {"accuracy": 0.5, "taken_for_its_reverse": 0.25}


@pytest.mark.filterwarnings("ignore")
def test_a_miniature_writes_a_card(tmp_path, monkeypatch):
    monkeypatch.setattr(order, "LABELLED", 32)
    monkeypatch.setattr(order, "choose_rate", lambda rates, judge: (rates[1], {rates[1]: judge(rates[1])}))
    card = tmp_path / "card.json"
    monkeypatch.setattr(sys, "argv", ["order", "--device", "cpu", "--epochs", "4", "--seeds", "2", "--clips", "64",
                                      "--card", str(card), "--state", str(tmp_path / "run")])  # fmt: skip
    order.main()
    rows = json.loads(card.read_text())["rows"]
    assert len(rows) == 6
    assert all(0 <= row["accuracy"]["mean"] <= 1 and len(row["seeds"]) == 2 for row in rows.values())
    assert "taken_for_its_reverse" not in rows["order of frames, the pretext itself"]
