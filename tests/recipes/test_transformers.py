"""What chapter 15's cards say was measured as they say, and the shipped language model reaches its card."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint, read_card
from course_lib.data.scenes.parallel import ENGLISH, parallel_corpus
from recipes import data_size, positions
from recipes.common import CARDS


def card(name):
    return json.loads((CARDS / f"15_{name}.json").read_text())


def test_the_language_models_card_holds():
    model = load_checkpoint("language_model", positions.model_of())
    assert positions.scores(model)["by_sentence"] == pytest.approx(read_card("language_model")["by_sentence"], abs=0.02)


def test_a_words_loss_counts_for_its_sentence_and_joints_and_ends_for_none():
    texts = parallel_corpus(4, sentences=(positions.LONGEST, positions.LONGEST), split="test").english

    class Sure(nn.Module):
        """Takes the right word for likely in the third sentence and knows nothing of the others."""

        def forward(self, words):
            scores = torch.zeros(*words.shape, len(ENGLISH))
            third = ((words == positions.JOINT).cumsum(1) == 2) & (texts[:, 1:] > 2) & (texts[:, 1:] != positions.JOINT)
            return scores.scatter_(2, texts[:, 1:, None], 50.0 * third[..., None])

    found = positions.loss_by_sentence(Sure(), texts)
    assert found == pytest.approx([math.log(len(ENGLISH)) if k != 2 else 0 for k in range(6)], abs=1e-3)


@pytest.mark.parametrize("best", data_size.RATES)
def test_a_rate_at_an_end_is_not_taken_before_its_neighbour_was_tried(best):
    tried = set()

    def accuracy(rate):
        tried.add(rate)
        return -abs(math.log(rate / best))

    assert data_size.best_rate(accuracy) == best
    at = data_size.RATES.index(best)
    assert tried >= set(data_size.RATES[max(0, at - 1) : at + 2])


def test_networks_that_are_compared_have_about_equal_numbers_of_weights():
    sizes = [sum(p.numel() for p in data_size.model_of(name).parameters()) for name in data_size.NAMES]
    assert max(sizes) < 1.4 * min(sizes), sizes


@pytest.mark.parametrize("name", data_size.NAMES)
def test_each_network_of_the_comparison_learns(name, monkeypatch):
    """Bright against dark, beside a channel of noise."""
    labels = torch.arange(400) % 2
    images = torch.randint(0, 100, (400, 3, 16, 16), generator=generator(0))
    images[:, 0] += 100 * labels[:, None, None]
    data = (images.byte(), labels, images[:100].byte(), labels[:100])
    monkeypatch.setattr(data_size, "HELD_OUT", 100)
    assert data_size.train(data, name, 300, 1e-3, 0, augment=True, seen=15 * data_size.BATCH) > 0.9


def test_each_row_of_the_comparison_has_three_seeds_and_a_rate_that_was_compared():
    found = card("data_size")
    for row in found["rows"]:
        assert len(row["accuracy"]) == data_size.SEEDS
        keys = [key.split("|") for key in found["tried"] if key.startswith(row["network"] + "|")]
        rates = sorted(float(key[2]) for key in keys)
        assert rates[0] < row["rate"] < rates[-1]
        scores = {float(key[2]): found["tried"]["|".join(key)] for key in keys}
        assert row["rate"] == max(scores, key=scores.get)


def test_norm_before_learns_at_every_rate_without_warm_up():
    found = card("warmup")
    for rate in found["rates"]:
        after, before = (found["curves"][f"{kind}-norm, no warm-up|{rate}"] for kind in ("post", "pre"))
        assert len(after) == len(before) == 3
        assert max(curve[-1] for curve in before) < 0.7 * min(curve[0] for curve in before)
