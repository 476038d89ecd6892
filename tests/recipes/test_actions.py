"""The recipe of actions: the flow that it measures, a run in miniature, and what its summary counts."""

from __future__ import annotations

import json
import sys

import pytest
import torch

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


def test_turned_clips_are_named_by_what_they_show():
    truth = torch.arange(len(ACTIONS)).repeat(40)
    ramp = torch.arange(8.0).view(1, 8, 1, 1, 1) + 10 * torch.arange(4.0)  # frames count up, columns count by ten
    clips = ramp.expand(len(truth), 8, 1, 4, 4)
    seen, labels = actions.turned(clips, truth, flow=False, generator=generator(0))
    backwards, mirrored = seen[:, 0, 0, 0, 0] > seen[:, -1, 0, 0, 0], seen[:, 0, 0, 0, 0] > seen[:, 0, 0, 0, -1]
    assert not backwards[truth == ACTIONS.index("follow")].any()
    for k, name in enumerate(ACTIONS):
        for back in (False, True):
            for over in (False, True):
                rows = (truth == k) & (backwards == back) & (mirrored == over)
                wanted = {"clockwise": "anticlockwise", "anticlockwise": "clockwise"}.get(name, name) if over else name
                opposite = {"clockwise": "anticlockwise", "speed up": "slow down", "approach": "recede"}
                opposite |= {after: before for before, after in opposite.items()}
                wanted = opposite.get(wanted, wanted) if back else wanted
                assert rows.any() or (name == "follow" and back)
                assert (labels[rows] == ACTIONS.index(wanted)).all()


def test_turned_flow_points_where_the_turned_clip_goes():
    flow = torch.tensor([3.0, 2.0]).view(1, 1, 2, 1, 1).expand(64, 7, 2, 4, 4)
    seen, _ = actions.turned(flow, torch.zeros(64, dtype=torch.int64), flow=True, generator=generator(0))
    kinds = {tuple(one[0, :, 0, 0].tolist()) for one in seen}
    assert kinds == {(3.0, 2.0), (-3.0, 2.0), (-3.0, -2.0), (3.0, -2.0)}


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
