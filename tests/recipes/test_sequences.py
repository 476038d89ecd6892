"""The shipped translators and the captioner reach what their cards say; a row of the memory table is trained again."""

from __future__ import annotations

import json

import pytest
import torch

from course_lib.core.weights import load_checkpoint, read_card
from course_lib.data.scenes import VOCABULARY
from course_lib.sequences.captioner import Captioner
from recipes import captioner, recurrent_memory, translation
from recipes.common import CARDS


@pytest.mark.parametrize("kind", ["vector", "attention", "transformer"])
def test_a_translators_card_holds(kind):
    card, model = read_card(f"translator_{kind}"), load_checkpoint(f"translator_{kind}", translation.model_of(kind))
    for sentences in (1, 3):
        right, overlap = translation.judge(model, (sentences, sentences))
        assert right == pytest.approx(card["right"][sentences - 1], abs=0.01)
        assert overlap == pytest.approx(card["bleu"][sentences - 1], abs=0.01)


@pytest.mark.parametrize("other", ["vector", "wide vector"])
def test_attention_wins_from_two_to_five_sentences_with_every_seed(other):
    rows = json.loads((CARDS / "14_translation.json").read_text())["rows"]
    for length in range(1, 5):
        assert min(run["right"][length] for run in rows["attention"]) > max(run["right"][length] for run in rows[other])


def test_the_wide_vector_has_the_weights_of_attention():
    sizes = {kind: sum(p.numel() for p in translation.model_of(kind).parameters()) for kind in translation.RATES}
    assert sizes["wide vector"] == pytest.approx(sizes["attention"], rel=0.01)
    assert json.loads((CARDS / "14_translation.json").read_text())["parameters"] == sizes


def test_the_captioners_card_holds():
    card, model = read_card("captioner"), load_checkpoint("captioner", Captioner(len(VOCABULARY)))
    found = captioner.scores(model)
    for name, value in found.items():
        assert value == pytest.approx(card[name], abs=0 if name.startswith("relations") else 0.01), name
    assert card["pointing"] > 2 * card["pointing_chance"]


def test_a_row_of_the_memory_table_can_be_trained_again():
    card = json.loads((CARDS / "14_memory.json").read_text())
    row = next(row for row in card["rows"] if row["kind"] == "LSTM" and row["lag"] == 10)
    _, test = recurrent_memory.train("LSTM", 10, row["rate"], seed=0, steps=card["steps"], device=torch.device("cpu"))
    assert test == pytest.approx(row["test"][0], abs=0.02)
