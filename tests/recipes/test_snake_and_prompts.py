"""Recipes of Deep Snake and of promptable masks, in miniature: they train, judge and say what they measured."""

from __future__ import annotations

import argparse
import json
import sys

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.instances.prompts import NOTHING, THIS, TOP_LEFT
from recipes import promptable, snake
from recipes.common import Run


def run_of(**flags):
    flags = {"start": "scratch", "steps": 2, "tested": 8} | flags
    return Run("try", torch.device("cpu"), 1, None, 0.0, argparse.Namespace(**flags))


def test_the_truth_is_a_full_mark_and_the_three_snakes_read_one_map(monkeypatch):
    monkeypatch.setattr(snake, "BATCH", 2)
    model, history = snake.train(run_of(), list(snake.KINDS), 1e-3, epochs=1, seed=0)
    assert len(history.loss) == 1
    assert all(head.neck is model.neck for head in model.snakes())
    values = snake.fixed("test", 8)
    masks, boxes, images, classes = snake.objects_of(values)
    assert snake.overlap(masks, masks).min() == 1
    assert len(masks) == len(boxes) == len(images) == len(classes)
    assert masks.flatten(1).sum(1).min() >= snake.LEAST
    found = snake.judge(model.snakes()[0], 8)
    assert set(found["test"]) == set(snake.STAGES)
    assert found["objects"] == len(masks)
    bounds = snake.bounds(values)
    assert 0.6 < min(bounds.values()) < max(bounds.values()) < 1


def test_jitter_is_a_share_of_the_box():
    boxes = torch.tensor([[0.0, 0, 10, 100]]).expand(4000, 4)
    moved = (snake.jittered(boxes, generator(0)) - boxes).std(0) / torch.tensor([10, 100, 10, 100])
    assert torch.allclose(moved, torch.full((4,), snake.JITTER), rtol=0.1)


def test_dialogues_mean_objects_persons_and_parts_and_never_new_shapes():
    images, truth, owner = promptable.dialogues(promptable.block_generator(0, "train", block=0))
    assert len(images) == promptable.BATCH
    assert truth.flatten(1).sum(1).min() >= promptable.LEAST
    assert (owner >= promptable.BATCH // 2).sum() >= promptable.BATCH // 2
    assert set(promptable.UNSEEN).isdisjoint(promptable.SEEN)
    points, kinds = promptable.first_prompts(truth, generator(0))
    assert set(kinds[:, 0].tolist()) <= {THIS, TOP_LEFT}
    single = kinds[:, 1] == NOTHING
    x, y = points[single, 0].long().unbind(1)
    assert truth[single][torch.arange(int(single.sum())), y, x].all()


def test_the_card_of_promptable_masks(monkeypatch, tmp_path):
    monkeypatch.setattr(promptable, "BATCH", 2)
    monkeypatch.setattr(promptable, "SCALES", (100.0,))
    flags = ["--epochs", "1", "--steps", "1", "--tested", "4", "--start", "scratch"]
    flags += ["--state", str(tmp_path / "try.state"), "--card", str(tmp_path / "card.json")]
    monkeypatch.setattr(sys, "argv", ["promptable", *flags])
    monkeypatch.setattr(promptable, "cases", lambda split, count, cases=promptable.cases: cases(split, 4))
    promptable.main()
    card = json.loads((tmp_path / "card.json").read_text())
    assert set(card["rows"]) == {"seen shapes", "new shapes", "persons", "parts"}
    assert all(len(row) == promptable.CLICKS for row in card["rows"].values())
    assert card["seeds"][0]["ambiguity"]["clicks"] == 4


def test_too_few_things_are_refused():
    with pytest.raises(ValueError, match="are needed"):
        promptable.one_each(torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 8, 8).bool(), generator(0), count=2)
