"""Chapter 15's demonstration draws every head; its own small functions do what the text says of them."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from course_lib.data.scenes.parallel import CHINESE, ENGLISH, spell

from .demonstrations import draw, live_controls, namespace, sources

NAME = "15_transformers"
MARKS = ("pin(0)", "model = translator.Transformer", "def heads(", "def changed(", "def dependence(")


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, MARKS))


@pytest.mark.parametrize("head", [1, 2, 3, 4])
@pytest.mark.parametrize("layer", [1, 2])
def test_every_head_is_drawn_with_its_words(space, layer, head):
    made, caption = draw(space, "heads", 3, layer, head)
    ax, k = made.axes[0], space["longest"][2]
    texts = space["texts"]
    across, down = spell(texts.english[k], ENGLISH), spell(texts.chinese[k], CHINESE)
    assert [label.get_text() for label in ax.get_xticklabels()] == across
    assert [label.get_text() for label in ax.get_yticklabels()] == down
    shown = np.asarray(ax.images[0].get_array(), dtype=float)
    assert shown.shape == (len(down), len(across))
    on_marks = float(re.search(r"(\d+) % of its weight", caption)[1]) / 100
    assert shown.sum(1).mean() + on_marks == pytest.approx(1, abs=0.01)


def test_the_maps_are_those_with_which_the_model_translates(space):
    """The same layers by hand and by `decode` say the same."""
    texts, model = space["texts"], space["model"]
    source, target = texts.english[:4], texts.chinese[:4]
    found = space["looks"](source[:1], target[:1])
    assert found.sum(-1) == pytest.approx(torch.ones(found.shape[:-1]).numpy(), abs=1e-5)
    memory, words = model.encode(source[:1])
    x = model.embed(model.target, target[:1, :-1])
    first = model.decoder.layers[0]
    x = x + first.attend(first.norm1(x), None, True)
    heads = first.multihead_attn.with_weights(first.norm2(x), memory, mask=words)[1]
    assert torch.equal(found[0], heads[0])


def test_hiding_what_nobody_looks_at_changes_nothing_and_hiding_the_source_word_does(space):
    texts = space["texts"]
    source, target = texts.english[:32], texts.chinese[:32]
    assert (source[:, -1] == 0).all(), "padding in the last column"
    nothing = torch.full_like(target[:, 1:], source.shape[1] - 1)
    assert not space["changed"](source, target, nothing).any()
    first = torch.ones_like(nothing)  # the word after the mark of the beginning
    assert space["changed"](source, target, first).any()


def test_dependence_of_a_running_sum_is_a_triangle(space):
    found = space["dependence"](lambda x: x.cumsum(1))
    assert torch.equal(found > 0, torch.ones(8, 8).tril() > 0)


def test_live_controls():
    calls = sources(NAME, ["explore("])
    assert len(calls) == 1
    assert live_controls(sources(NAME, MARKS), calls) == {"Dropdown": 1, "IntSlider": 2}
