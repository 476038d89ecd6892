"""Chapter 6's cards: what the recipes compute is what the cards say, and the changes leave the classes alone."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks import chapter_06_costs
from course_lib.core.seeding import generator
from course_lib.core.weights import read_card
from recipes import backbone_answers, words_or_network


@pytest.fixture(scope="module")
def answers():
    return json.loads(backbone_answers.CARD.read_text())


def test_answers_agree_with_the_checkpoint_and_with_each_other(answers):
    confusion = torch.tensor(answers["confusion"])
    assert confusion.sum(1).tolist() == [1000] * 10
    right = round(float(confusion.diagonal().sum()) / 10_000, 4)
    assert right == answers["changed"]["as they are"] == read_card("backbone")["accuracy"]
    trust = answers["reliability"]
    assert sum(trust["answers"]) == 10_000
    counted = sum(share * number for share, number in zip(trust["right"], trust["answers"], strict=True))
    assert counted / 10_000 == pytest.approx(right, abs=1e-4)


def test_changes_are_what_their_names_say():
    images = torch.randint(256, (4, 3, 32, 32), generator=generator(0)).byte()
    changed = backbone_answers.changes(images)
    assert torch.equal(changed["mirrored"].flip(3), images)
    assert torch.equal(changed["turned by 90 degrees"].rot90(-1, (2, 3)), images)
    assert torch.equal(changed["without colour"][:, 0], changed["without colour"][:, 2])
    assert int((images.int() - 2 * changed["half as bright"].int()).max()) <= 1
    middle = torch.full((64, 3, 32, 32), 128).byte()
    noisy = backbone_answers.changes(middle)["with noise, sigma 0.05"].float() / 255
    assert float(noisy.std()) == pytest.approx(0.05, rel=0.01)


def test_reliability_by_hand():
    logits = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [5.0, 0.0]])
    found = backbone_answers.reliability(logits, torch.tensor([0, 0, 1, 1]))
    assert found["answers"] == [1, 3]
    assert found["right"] == [1.0, round(2 / 3, 4)]
    assert found["sure"] == [0.5, round(float(torch.sigmoid(torch.tensor(5.0))), 4)]


def test_crops_come_from_their_half_and_words_see_no_brightness():
    crops, labels = words_or_network.cut(2, False, 0)
    assert crops.shape == (16, 1, 48, 48)
    assert labels.tolist() == sorted(list(range(8)) * 2)
    test, truth = words_or_network.cut(1, True, 5)
    given = (crops, labels, test, 0, 1)
    said = words_or_network.by_words(*given)
    assert torch.equal(said, words_or_network.by_words(crops, labels, 0.5 * test, 0, 1))
    assert said.shape == truth.shape


def test_words_card_has_all_seeds():
    card = json.loads(words_or_network.CARD.read_text())
    assert {len(values) for row in card["rows"].values() for values in row.values()} == {card["seeds"]} == {10}


def test_latencies_are_of_the_chapters_networks():
    card = json.loads(chapter_06_costs.CARD.read_text())
    assert list(card["latency_ms"]) == list(chapter_06_costs.NETWORKS)
    assert all(value > 0 for value in [*card["latency_ms"].values(), *card["layer_ms"].values()])
