"""CLIP: the symmetric loss against torch's, zero-shot and recall against loops, sentences and their false twins."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.data.scenes.captions import LENGTH, VOCABULARY, decode
from course_lib.self_supervised.clip import CLIP, TextEncoder, clip_loss, recall_at, zero_shot
from course_lib.self_supervised.encoder import SmallEncoder
from course_lib.self_supervised.sentences import change_number, prompts, swap_colours, swap_relation, tokenise


def units(n, d, seed):
    return F.normalize(torch.randn(n, d, generator=generator(seed)), dim=1)


def text(layers=1):
    torch.manual_seed(0)
    return TextEncoder(len(VOCABULARY), LENGTH, 16, layers=layers, heads=2).eval()


def test_the_loss_is_torch_s_cross_entropy_both_ways():
    u, v, t = units(6, 5, 0), units(6, 5, 1), torch.tensor(2.0)
    scores, right = math.exp(2.0) * u @ v.T, torch.arange(6)
    wanted = (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2
    assert torch.allclose(clip_loss(u, v, t), wanted, atol=1e-6)
    assert torch.allclose(clip_loss(v, u, t), wanted, atol=1e-6)  # it is symmetric
    assert torch.equal(clip_loss(u, v, torch.tensor(9.0)), clip_loss(u, v, torch.tensor(math.log(100))))


def test_zero_shot_takes_the_mean_of_a_class_s_prompts():
    u, p = units(20, 8, 0), units(12, 8, 1).view(4, 3, 8)
    wanted = torch.tensor([int((x @ F.normalize(p.mean(1), dim=1).T).argmax()) for x in u])
    assert torch.equal(zero_shot(u, p), wanted)
    assert torch.equal(zero_shot(p[:, 0], p[:, :1]), torch.arange(4))


def test_recall_is_the_loop():
    u, v = units(30, 4, 0), units(30, 4, 1)
    for k in (1, 3, 30):
        found = [i in (u[i] @ v.T).topk(k).indices for i in range(30)]
        assert recall_at(u, v, k) == pytest.approx(sum(found) / 30)
    assert recall_at(u, u) == 1.0


def test_padding_does_not_count_and_order_counts_for_the_transformer_alone():
    a, b = tokenise(["a red disc left of a blue star", "a blue disc left of a red star"])
    both = torch.stack([a, b])
    longer = torch.cat([both, torch.zeros(2, 3, dtype=torch.int64)], 1)
    net, bag = text(), text(0)
    assert torch.allclose(bag(both)[0], bag(both)[1], atol=1e-6)
    assert not torch.allclose(net(both)[0], net(both)[1], atol=1e-3)
    assert torch.allclose(bag(longer), bag(both), atol=1e-6)
    assert torch.allclose(net(both[:, :11]), net(both), atol=1e-6)


def test_both_towers_give_unit_vectors_and_learn():
    torch.manual_seed(0)
    model = CLIP(SmallEncoder((4, 6, 6, 8)), text(), 8)
    x, tokens = torch.rand(4, 3, 32, 32, generator=generator(0)), tokenise(["a star", "a disc", "a ring", "a square"])
    assert torch.allclose(model.pictures(x).norm(dim=1), torch.ones(4))
    assert torch.allclose(model.sentences(tokens).norm(dim=1), torch.ones(4))
    model.loss(x, tokens).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_prompts_are_sentences_of_the_grammar():
    made = prompts(("orange disc", "star"), ("", "large"))
    assert [decode(s) for s in made.flatten(0, 1)] == [
        "an orange disc",
        "a large orange disc",
        "a star",
        "a large star",
    ]


def test_false_twins_differ_in_what_they_should():
    said = ["a red disc left of a blue star", "a star above a star", "two discs", "the red star", "three red rings"]
    tokens = tokenise(said)
    for change, able, wanted in (
        (swap_relation, [0, 1], ["a red disc right of a blue star", "a star below a star"]),
        (swap_colours, [0], ["a blue disc left of a red star"]),
        (change_number, [2, 4], ["three discs", "two red rings"]),
    ):
        made, which = change(tokens)
        assert which.nonzero()[:, 0].tolist() == able
        assert [decode(s) for s in made[which]] == wanted
        assert torch.equal(made[~which], tokens[~which])
        assert torch.equal(change(made)[0], tokens)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="unknown word"):
        tokenise(["a zebra"])
    with pytest.raises(ValueError, match="k must be"):
        recall_at(units(3, 2, 0), units(3, 2, 1), 4)
    with pytest.raises(ValueError, match="N = "):
        clip_loss(units(3, 2, 0), units(4, 2, 1), torch.tensor(1.0))
    with pytest.raises(ValueError, match="tokens"):
        text()(torch.zeros(2, 3))
