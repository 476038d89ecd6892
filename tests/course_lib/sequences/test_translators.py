"""The decoder, translators and the captioner: attention by hand, no look into the future, padding, and learning."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.networks.decoding import word_loss
from course_lib.optim import Adam
from course_lib.sequences.additive_attention import AdditiveAttention
from course_lib.sequences.captioner import Captioner
from course_lib.sequences.pointing import pointing_mass
from course_lib.sequences.seq2seq import Seq2Seq

from ..refusals import refused


def texts(batch=4, length=7, words=9, seed=0):
    """Random tokens between start and end, of unlike lengths."""
    tokens = torch.randint(3, words, (batch, length), generator=generator(seed))
    tokens[:, 0] = 1
    for row, end in zip(tokens, range(length - 1, length - 1 - batch, -1), strict=True):
        row[end] = 2
        row[end + 1 :] = 0
    return tokens


def test_additive_attention_is_its_formula_word_by_word(device, dtype, close):
    attention = AdditiveAttention(3, 5, 4).to(device, dtype)
    query, keys = (torch.randn(s, generator=generator(1), dtype=torch.float64).to(device, dtype)
                   for s in ((2, 3), (2, 6, 5)))  # fmt: skip
    mask = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 0, 1, 1, 1, 1]], dtype=torch.bool, device=device)
    read, weights = attention(query, keys, attention.prepare(keys), mask)
    v, w, u, b = (attention.score.weight[0], attention.query.weight, attention.key.weight, attention.query.bias)
    for i in range(2):
        scores = {n: (v @ torch.tanh(w @ query[i] + b + u @ keys[i, n])).exp() for n in range(6) if mask[i, n]}
        total = sum(scores.values())
        close(read[i], sum(s / total * keys[i, n] for n, s in scores.items()))
        close(weights[i], [(scores.get(n, torch.zeros(())) / total).item() for n in range(6)])


@pytest.mark.parametrize("attention", [False, True])
def test_scores_do_not_look_ahead(attention):
    model = Seq2Seq(9, 9, 8, attention=attention)
    source, target = texts(), texts(seed=1)
    other = target.clone()
    other[:, 4:] = 3
    a, b = model(source, target), model(source, other)
    assert torch.equal(a[:, :4], b[:, :4])
    assert not torch.equal(a[:, 4:], b[:, 4:])


@pytest.mark.parametrize("attention", [False, True])
def test_more_padding_changes_nothing(attention):
    model = Seq2Seq(9, 9, 8, attention=attention).double()
    source, target = texts(), texts(seed=1)
    padded = torch.cat([source, torch.zeros(4, 3, dtype=torch.long)], 1)
    torch.testing.assert_close(model(padded, target), model(source, target))


def test_alignments_sum_to_one_and_leave_padding_out():
    model = Seq2Seq(9, 9, 8)
    source = texts()
    weights = model.alignment(source, texts(seed=1))
    assert weights.shape == (4, 6, 7)
    torch.testing.assert_close(weights.sum(2), torch.ones(4, 6))
    assert (weights.transpose(1, 2)[source == 0] == 0).all()
    refused(lambda: Seq2Seq(9, 9, 8, attention=False).alignment(source, source), "attention=True")


@pytest.mark.parametrize("attention", [False, True])
def test_a_few_texts_are_learnt_by_heart_and_written_by_both_searches(attention):
    torch.manual_seed(0)
    model, source, target = Seq2Seq(9, 9, 24, attention=attention), texts(), texts(seed=1)
    optimiser = Adam(model.parameters(), 1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        word_loss(model(source, target), target).backward()
        optimiser.step()
    for width in (1, 3):
        written = model.translate(source, length=6, width=width)
        assert torch.equal(written, target), width


def test_the_loss_is_the_mean_over_words_and_not_over_padding():
    scores, target = torch.randn(4, 6, 9, generator=generator(3)), texts()
    by_hand = [-scores[i, t].log_softmax(-1)[target[i, t + 1]] for i in range(4) for t in range(6) if target[i, t + 1]]
    torch.testing.assert_close(word_loss(scores, target), torch.stack(by_hand).mean())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (torch.zeros(4, 0, dtype=torch.long), "source must be"),
        (torch.ones(4, 3), "source must be"),
        (torch.ones(4, dtype=torch.long), "source must be"),
        (torch.full((2, 3), 9), "words 0 to 8 of the vocabulary"),
        (torch.full((2, 3), -1), "words 0 to 8 of the vocabulary"),
        (torch.zeros(2, 3, dtype=torch.long), "a text without words"),
    ],
)
def test_bad_texts_are_refused(source, message):
    refused(lambda: Seq2Seq(9, 9, 8).translate(source), message)


def test_a_target_without_words_is_refused():
    refused(lambda: Seq2Seq(9, 9, 8)(texts(), torch.ones(4, 1, dtype=torch.long)), "at least 2")


def test_a_captioner_looks_at_its_grid_and_knows_places_apart():
    torch.manual_seed(0)
    model = Captioner(9, 16).eval()
    images = torch.rand(2, 3, 64, 64, generator=generator(0))
    maps = model.alignment(images, texts(2))
    assert maps.shape == (2, 6, 8, 8)
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(2, 6))
    grey = torch.full((1, 3, 64, 64), 0.5)  # all places look alike but for the border: the code tells them apart
    keys = model.encode(grey)[2][0]
    assert torch.cdist(keys[:, -32:], keys[:, -32:]).fill_diagonal_(1).min() > 0.1


def test_pointing_mass_of_known_maps():
    masks = torch.zeros(1, 2, 16, 16, dtype=torch.bool)
    masks[0, 0, :8, :8] = True  # one quarter
    masks[0, 1, 8:, 8:12] = True  # one eighth
    alignment = torch.tensor([[[True, False], [False, True], [False, False], [True, True]]])
    maps = torch.zeros(1, 4, 2, 2)
    maps[0, 0, 0, 0], maps[0, 1, 1, 1], maps[0, 3, 0, 0] = 1, 1, 0.5
    maps[0, 3, 0, 1] = 0.5
    mass, chance = pointing_mass(maps, masks, alignment)
    torch.testing.assert_close(mass, torch.tensor([1.0, 0.5, 0.5]))
    torch.testing.assert_close(chance, torch.tensor([0.25, 0.125, 0.375]))
    even, area = pointing_mass(torch.full((1, 4, 2, 2), 0.25), masks, alignment)
    torch.testing.assert_close(even, area)
    refused(lambda: pointing_mass(maps, masks, alignment[:, :2]), "masks must be")
