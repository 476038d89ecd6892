"""The recipe of actions: the flow that it measures, a run in miniature, and what its summary counts."""

from __future__ import annotations

import json
import sys

import pytest

from course_lib.core.seeding import generator
from course_lib.data.scenes import ACTIONS
from course_lib.video.clips import action_flow
from recipes import actions
from recipes.actions import measured_flow


def test_measured_flow_comes_near_the_true_one_where_things_move():
    clips, true, _ = action_flow(4, 4, 64, generator=generator(1), difficulty=0.2)
    moving = true.norm(dim=2) > 0.5
    error = (measured_flow(clips) - true).norm(dim=2)[moving].mean()
    assert error < 0.7 * true.norm(dim=2)[moving].mean()


def test_the_summary_counts_who_is_taken_for_the_reverse():
    table = [[0] * len(ACTIONS) for _ in ACTIONS]
    table[0][0], table[0][1], table[4][4] = 3, 1, 4
    found = actions.summary([{"accuracy": 0.5, "confusion": table}, {"accuracy": 0.7, "confusion": table}])
    assert found["taken_for_its_reverse"] == pytest.approx(1 / 8)
    assert found["accuracy"]["mean"] == pytest.approx(0.6)
    assert found["confusion"][0][0] == 6


@pytest.mark.filterwarnings("ignore")
def test_a_miniature_writes_a_card(tmp_path, monkeypatch):
    monkeypatch.setattr(actions, "SPLITS", {"train": 64, "val": 64, "test": 64})
    monkeypatch.setattr(actions, "BATCH", 32)
    card = tmp_path / "card.json"
    monkeypatch.setattr(sys, "argv", ["actions", "--device", "cpu", "--epochs", "1", "--seeds", "1", "--clips", "64",
                                      "--models", "Single frame", "Motion, exact flow", "--card", str(card), "--state",
                                      str(tmp_path / "run")])  # fmt: skip
    monkeypatch.setattr("recipes.comparison.choose_rate", lambda rates, judge: (rates[1], {}))
    actions.main()
    rows = json.loads(card.read_text())["rows"]
    assert set(rows) == {"Single frame", "Motion, exact flow", "Two streams, exact flow"}
    for row in rows.values():
        assert sum(map(sum, row["confusion"])) == 64
        assert row["accuracy"]["sd"] is None
