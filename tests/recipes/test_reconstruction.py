"""The recipe of solids in miniature: points and truth belong together, the truth gets full marks."""

from __future__ import annotations

import argparse

import torch

from course_lib.core.seeding import generator
from recipes import reconstruction as recipe
from recipes.common import Run


def run_of() -> Run:
    return Run("try", torch.device("cpu"), 1, None, 0.0, argparse.Namespace(steps=2, tested=4, views=4))


def test_the_truth_gets_full_marks_and_a_known_surface_the_visible_part():
    test = recipe.exam(4, "test")
    assert set(recipe.ious(test.inside, test).values()) == {1.0}
    assert set(recipe.ious(~test.inside, test).values()) == {0.0}
    shell = recipe.ious(recipe.shell_occupancy(test.points[..., 2], test.first, 0.4), test)
    assert shell["visible"] > 0.8 > shell["hidden"] > 0.2
    share = test.inside[test.parts["hidden"]].float().mean()
    assert 0.05 < share < 0.6
    assert not (test.parts["visible"] & test.parts["hidden"]).any()


def test_nothing_is_inside_in_front_of_the_surface():
    test = recipe.exam(4, "test")
    front = (test.points[..., 2] < test.first - 1e-3) & (test.first > 0)
    assert front.sum() > 100
    assert not test.inside[front].any()


def test_a_mirrored_view_has_mirrored_points():
    seen = recipe.fixed(4, "val")
    images, points, first, inside = recipe.block(seen, torch.arange(4), generator(1))
    flipped = torch.tensor([not torch.equal(one, own.float() / 255)
                            for one, own in zip(images, seen.images, strict=True)])  # fmt: skip
    assert flipped.any()
    across = torch.where(flipped[:, None], recipe.SIZE - points[..., 0], points[..., 0])
    pixel = points[..., 1].floor().long() * recipe.SIZE + across.floor().long()
    torch.testing.assert_close(seen.surface.gather(1, pixel), first)
    behind = (points[..., 2] > first) & (points[..., 2] < first + 0.05) & (first > 0)
    assert inside[behind].float().mean() > 0.9


def test_training_and_judging_in_miniature(monkeypatch):
    monkeypatch.setattr(recipe, "BATCH", 2)
    model, history = recipe.train(run_of(), "picture", epochs=1, steps=2, seed=0)
    assert len(history.loss) == 1
    found = recipe.judge(model, "picture", 4)
    assert set(found["chosen"]) == set(recipe.PARTS)
    rivals = recipe.rivals(run_of())
    assert rivals["shell, surface known"]["chosen"]["visible"] > 0.8
    assert 0.2 <= rivals["shell, surface known"]["thickness"] <= 1.0
