"""The transformer: equal to torch's with copied weights, masks by gradients, padding, and learning by heart."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.networks.decoding import word_loss
from course_lib.optim import Adam
from course_lib.transformers.translator import Transformer, paper

from ..refusals import refused


def model(**options):
    torch.manual_seed(0)
    made = Transformer(9, 9, 2, dimensions=16, heads=4, hidden=32, **({"dropout": 0.0} | options))
    return made.double().eval()


def texts(batch=4, length=7, seed=0):
    tokens = torch.randint(3, 9, (batch, length), generator=generator(seed))
    tokens[:, 0] = 1
    for row, end in zip(tokens, range(length - 1, length - 1 - batch, -1), strict=True):
        row[end] = 2
        row[end + 1 :] = 0
    return tokens


@pytest.mark.parametrize("norm_first", [False, True])
def test_equals_torchs_transformer_with_its_weights(norm_first):
    ours, source, target = model(norm_first=norm_first), texts(), texts(seed=1)
    theirs = nn.Transformer(16, 4, 2, 2, 32, 0.0, batch_first=True, norm_first=norm_first).double().eval()
    if not norm_first:  # torch's module ends with a norm in both cases, the paper's post-norm has none
        theirs.encoder.norm = theirs.decoder.norm = None
    for part in ("encoder", "decoder"):
        getattr(theirs, part).load_state_dict(getattr(ours, part).state_dict())
    hidden = source == 0
    causal = nn.Transformer.generate_square_subsequent_mask(6, dtype=torch.float64)
    wanted = theirs(ours.embed(ours.source, source), ours.embed(ours.target, target[:, :-1]), tgt_mask=causal,
                    src_key_padding_mask=hidden, memory_key_padding_mask=hidden)  # fmt: skip
    torch.testing.assert_close(ours(source, target), ours.head(wanted))


def test_gradients_say_what_each_score_sees():
    ours, source, target = model(), texts(), texts(seed=1)[:, :-1]
    memory, words = ours.encode(source)
    memory = memory.detach().requires_grad_()
    x = ours.embed(ours.target, target).detach().requires_grad_()
    scores = ours.head(ours.decoder(x, memory, memory_mask=words, causal=True))
    for place in range(6):
        seen, read = torch.autograd.grad(scores[:, place].sum(), (x, memory), retain_graph=True)
        assert (seen[:, : place + 1].abs().sum(2) > 0).all()
        assert (seen[:, place + 1 :] == 0).all()
        assert torch.equal(read.abs().sum(2) > 0, words[:, 0])


def test_more_padding_changes_nothing():
    ours, source, target = model(), texts(), texts(seed=1)
    padded = torch.cat([source, torch.zeros(4, 3, dtype=torch.long)], 1)
    torch.testing.assert_close(ours(padded, target), ours(source, target))


def test_a_few_texts_are_learnt_by_heart_and_written_by_both_searches():
    torch.manual_seed(0)
    ours, source, target = model(norm_first=True).float().train(), texts(), texts(seed=1)
    optimiser = Adam(ours.parameters(), 3e-3)
    for _ in range(150):
        optimiser.zero_grad()
        word_loss(ours(source, target), target).backward()
        optimiser.step()
    ours.eval()
    for width in (1, 3):
        assert torch.equal(ours.translate(source, length=6, width=width), target), width


def test_the_papers_model_has_its_size():
    with torch.device("meta"):
        made = paper(37_000, 37_000)
    layers = sum(p.numel() for part in (made.encoder, made.decoder) for p in part.parameters())
    assert layers == 6 * (3_152_384 + 4_204_032)  # by hand: 4 E^2 + 4 E an attention, 2 E F + E + F, 2 E a norm
    assert len(made.encoder.layers) == len(made.decoder.layers) == 6


def test_bad_texts_are_refused():
    refused(lambda: model().translate(torch.ones(2, 3)), "source must be")
    refused(lambda: model().translate(torch.ones(2, 0, dtype=torch.long)), "source must be")
    refused(lambda: model().translate(torch.full((2, 3), 9)), "words 0 to 8 of the vocabulary")
    refused(lambda: model().translate(torch.zeros(2, 3, dtype=torch.long)), "a text without words")
    refused(lambda: Transformer(9, 9, 0, dimensions=16, heads=4), "layers")
