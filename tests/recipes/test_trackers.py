"""The card of chapter 13's contest: rates inside their grids, and numbers that the shipped code gives again."""

from __future__ import annotations

import json
from functools import partial

import pytest

from course_lib.tracking.contest import contestants
from recipes.common import CARDS
from recipes.trackers import GROUPS, clips_of, followed, mean_of


@pytest.fixture(scope="module")
def card():
    return json.loads((CARDS / "13_trackers.json").read_text())


def test_the_card_holds(card):
    clips = clips_of("plain", card["clips"], "test", 0)
    row = card["rows"]["MOSSE"]
    again = followed(partial(contestants(None)["MOSSE"], row["rate"]), clips)
    stored = row["groups"]["plain"]["auc"]
    close = sum(abs(one["auc"] - other) < 0.02 for one, other in zip(again, stored, strict=True))
    assert close >= len(stored) - 1  # a tie between two peaks may fall the other way on another processor


def test_no_rate_is_at_the_edge_of_its_grid(card):
    for name, row in card["rows"].items():
        tried = sorted(float(rate) for rate in row["rates_tried"])
        assert tried[0] < row["rate"] < tried[-1], name
        assert row["rates_tried"][f"{row['rate']:g}"] == max(row["rates_tried"].values())
        assert set(row["groups"]) == set(GROUPS)


def test_columns_are_averaged():
    assert mean_of([[0.0, 1.0], [0.5, 0.0]]) == [0.25, 0.5]
