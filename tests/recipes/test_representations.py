"""Chapter 19's cards: complete, rates inside their grids, and the shipped weights give what the cards say."""

from __future__ import annotations

import json

import pytest
import torch

from course_lib.core.weights import load_checkpoint, read_card
from course_lib.data.fashion import fashion_evaluation
from recipes import picture_text, self_supervised, self_supervised_studies, transfer
from recipes.common import CARDS


def card(name):
    return json.loads((CARDS / f"19_{name}.json").read_text())


def test_each_method_has_its_seeds_and_no_rate_at_an_edge():
    methods = card("representations")["methods"]
    assert set(methods) == {*self_supervised.METHODS, "random", "random ViT", "pixels"}
    for name in self_supervised.METHODS:
        tried = sorted(map(float, methods[name]["rates_tried"]))
        assert tried[0] < methods[name]["rate"] < tried[-1]
        assert methods[name]["rate"] in tried
        assert all(len(run["loss"]) == self_supervised.EPOCHS for run in methods[name]["seeds"])
    pairs = card("clip")["rows"]
    moved = card("transfer")["rows"]
    for row in (*pairs.values(), *moved.values()):
        tried = sorted(map(float, row["rates_tried"]))
        assert tried[0] < row["rate"] < tried[-1]


@pytest.mark.parametrize("name", list(self_supervised.SHIPPED))
def test_shipped_encoders_are_as_good_as_their_cards_say(name):
    file = self_supervised.SHIPPED[name]
    model = load_checkpoint(file, self_supervised.blank(name))
    found = self_supervised.judge(model.get_submodule("encoder"), seen=self_supervised.sight(name))
    said = read_card(file)["scores"]
    for key in ("linear", "knn", "heldout", "shortcut", "colour"):
        assert found[key] == pytest.approx(said[key], abs=1.0)
        whole = card("representations")["methods"][name]["seeds"][0][key]
        assert said[key] == pytest.approx(whole, abs=2.0)  # half precision


def test_shipped_clip_is_as_good_as_its_card_says():
    model = load_checkpoint("scene_clip", picture_text.blank())
    said = read_card("scene_clip")["scores"]
    found = picture_text.judge(model)
    for part in ("test", "heldout"):
        for task, value in found[part].items():
            assert value == pytest.approx(said[part][task], abs=1.0)
    for at, both in found["retrieval"].items():
        assert both == pytest.approx(said["retrieval"][at], abs=1.0)
    assert found["exams"]["relation"]["right"] == pytest.approx(said["exams"]["relation"]["right"], abs=1.0)


@pytest.mark.parametrize("name", self_supervised.METHODS)
def test_every_method_trains_in_small(name, monkeypatch):
    u = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(64) % 6
    built = self_supervised.build(name, 0, u, labels)
    before = [p.clone() for p in built[0].get_submodule("encoder").parameters()]
    row = self_supervised.train(built, 1e-3, 0, epochs=2, samples=64)
    assert len(row["loss"]) == 2
    after = built[0].get_submodule("encoder").parameters()
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_remedies_and_lenses_are_what_their_names_say():
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    plain = self_supervised_studies.tiles_of(x, 0.0, None, 1)
    lens = self_supervised_studies.tiles_of(x, 0.06, None, 1)
    assert torch.allclose(plain[:, :, 1], lens[:, :, 1], atol=1e-4)  # green stays
    assert not torch.allclose(plain[:, :, 0], lens[:, :, 0], atol=1e-2)
    grey = self_supervised_studies.tiles_of(x, 0.06, "grey", 1)
    assert torch.equal(grey[:, :, 0], grey[:, :, 2])


def test_labelled_clothes_are_balanced_and_disjoint_from_the_rest():
    images, classes = fashion_evaluation()
    pool = (transfer.as_pictures(images), classes)
    assert pool[0].shape == (650, 3, 32, 32)
    assert float(pool[0][:, :, :2].max()) == 0.0
    x, y = transfer.few(pool, 20, 0)
    assert torch.bincount(y).tolist() == [2] * 10
    assert not torch.equal(x, transfer.few(pool, 20, 1)[0])
