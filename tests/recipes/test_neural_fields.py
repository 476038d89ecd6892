"""The card of chapter 20 is complete, its rates are inside their grids, and its parts work in small."""

from __future__ import annotations

import json

import pytest
import torch

from recipes import neural_fields
from recipes.common import CARDS


@pytest.fixture(scope="module")
def card():
    return json.loads((CARDS / "20_fields.json").read_text())


def test_the_card_has_three_worlds_for_each_setting_and_no_rate_at_an_edge(card):
    names = {"24 views", "8 views", "4 views", "Gaussians", *neural_fields.SPEEDS}
    assert names <= set(card["views"]["rows"])
    assert all(len(rows) == 3 for rows in card["views"]["rows"].values())
    tried = [(found["rate"], found["rates_tried"]) for found in card["pictures"].values()]
    tried += [(card["views"]["rate"], card["views"]["rates_tried"]), (card["clip_rate"], card["clip_rates_tried"])]
    for rate, rates in tried:
        values = sorted(map(float, rates))
        assert values[0] < rate < values[-1]


def test_compared_fields_have_about_equal_numbers_of_weights(card):
    weights = [found["photographs"]["coffee"][0]["weights"] for found in card["pictures"].values()]
    assert max(weights) < 1.15 * min(weights)
    for kind, (make, _) in neural_fields.FIELDS.items():
        counted = sum(p.numel() for p in make().parameters())
        assert counted == card["pictures"][kind]["photographs"]["coffee"][0]["weights"]


def test_a_field_of_a_clip_is_packed_and_judged(monkeypatch):
    monkeypatch.setattr(neural_fields, "CLIP_STEPS", 30)
    found = neural_fields.learn_clip("coffee", 8, 0.01)
    assert found["packed"]["6"]["bytes"] < found["packed"]["12"]["bytes"]
    assert found["float"] > 10
    assert found["between"] > 10
    assert neural_fields.code_clip("coffee", 48)["bytes"] < neural_fields.code_clip("coffee", 12)["bytes"]


def test_bicubic_reads_the_seen_pixels_at_their_places(monkeypatch):
    ramp = torch.linspace(0.2, 0.8, neural_fields.SIDE).expand(3, neural_fields.SIDE, -1).contiguous()
    monkeypatch.setattr(neural_fields, "square", lambda name, side: ramp)
    assert neural_fields.between_by_bicubic("ramp") > 50


def test_few_steps_of_views_and_gaussians(monkeypatch):
    monkeypatch.setattr(neural_fields, "VIEW_STEPS", 2)
    monkeypatch.setattr(neural_fields, "SIZE", 12)
    monkeypatch.setattr(neural_fields, "GAUSSIANS", 20)
    assert neural_fields.learn_views(1, rate=0.03, views=4, degrees=1.0)["psnr"] > 5
    assert neural_fields.learn_gaussians(1)["psnr"] > 5
