"""The decoder-only model: no look ahead, a cache that changes nothing, positions that do what they promise."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.networks.decoding import beam_search, greedy
from course_lib.networks.transformer import TransformerEncoder
from course_lib.transformers.language_model import POSITIONS, LanguageModel

from ..refusals import refused


def model(positions, **options):
    torch.manual_seed(0)
    return LanguageModel(11, 2, 16, heads=4, positions=positions, **options).double().eval()


def tokens(batch=3, size=9, seed=0):
    return torch.randint(3, 11, (batch, size), generator=generator(seed))


@pytest.mark.parametrize("positions", POSITIONS)
def test_scores_do_not_depend_on_later_words(positions):
    net, a = model(positions), tokens()
    b = a.clone()
    b[:, 5:] = tokens(seed=1)[:, 5:]
    torch.testing.assert_close(net(a)[:, :5], net(b)[:, :5])
    assert (net(a)[:, 5:] - net(b)[:, 5:]).abs().max() > 1e-6


@pytest.mark.parametrize("cuts", [[1] * 9, [4, 5], [8, 1]])
@pytest.mark.parametrize("positions", POSITIONS)
def test_reading_with_a_cache_is_reading_at_once(positions, cuts):
    net, words = model(positions), tokens()
    whole, cache, parts = net(words), None, []
    for part in words.split(cuts, 1):
        scores, cache = net.extend(part, cache)
        parts.append(scores)
    torch.testing.assert_close(torch.cat(parts, 1), whole)


def test_blocks_are_those_of_the_shared_transformer():
    """With copied weights the blocks give what `networks.transformer` gives, which equals torch's."""
    net = model("none")
    shared = TransformerEncoder(2, 16, 4, hidden=64, activation="gelu", norm_first=True, dropout=0.0).double().eval()
    for ours, theirs in zip(net.blocks, shared.layers, strict=True):
        theirs.self_attn.in_proj_weight.data, theirs.self_attn.in_proj_bias.data = ours.qkv.weight, ours.qkv.bias
        theirs.self_attn.out_proj.load_state_dict(ours.out.state_dict())
        theirs.linear1.load_state_dict(ours.mlp[0].state_dict())
        theirs.linear2.load_state_dict(ours.mlp[2].state_dict())
    words = tokens()
    wanted = shared(net.embedding(words), causal=True) @ net.embedding.weight.T + net.bias
    torch.testing.assert_close(net(words), wanted)


def test_without_positions_the_order_of_the_past_is_lost_in_one_block():
    torch.manual_seed(0)
    words = tokens()
    mixed = words[:, [2, 0, 1, *range(3, 9)]]
    for positions in POSITIONS:
        net = LanguageModel(11, 1, 16, heads=4, positions=positions).double().eval()
        same = torch.allclose(net(words)[:, 3:], net(mixed)[:, 3:], atol=1e-12)
        assert same == (positions == "none"), positions


def test_rotary_scores_depend_on_distances_only():
    net, words = model("rotary"), tokens(1, 6)
    block = net.blocks[0]
    x = net.embedding(words)
    alone = block(x)[0]
    past = tuple(torch.zeros(1, 4, 5, 4, dtype=torch.float64) for _ in range(2))
    # Five tokens before it whose keys attract nothing: shifted places, and the masked softmax without them.
    shifted_queries = block(x, past)[1][0][:, :, 5:]
    plain_queries = block(x)[1][0]
    first = (plain_queries @ plain_queries.mT, shifted_queries @ shifted_queries.mT)
    torch.testing.assert_close(first[0], first[1])
    assert (plain_queries - shifted_queries).abs().max() > 1e-3
    assert alone.shape == x.shape


@pytest.mark.parametrize("positions", POSITIONS)
def test_search_writes_what_step_by_step_arguments_of_the_maximum_give(positions):
    net = model(positions)
    written = greedy(net.step, (), 2, length=8)
    words = torch.ones(2, 1, dtype=torch.long)
    for k in range(written.shape[1] - 1):
        nxt = net(words)[:, -1].argmax(1)
        alive = ~(written[:, : k + 1] == 2).any(1)
        assert torch.equal(written[:, k + 1][alive], nxt[alive])
        words = torch.cat([words, nxt[:, None]], 1)
    assert torch.equal(beam_search(net.step, (), 2, length=8, width=1)[0], written)


def test_bad_input_is_refused():
    refused(lambda: model("learnt", places=4)(tokens()), "end after 4 tokens; 9 were asked for")
    refused(lambda: model("rotary")(tokens().float()), "tokens must be")
    refused(lambda: model("rotary")(tokens()[:, :0]), "tokens must be")
    refused(lambda: LanguageModel(11, 2, 16, heads=4, positions="sines"), "positions must be one of")
    refused(lambda: LanguageModel(11, 2, 16, heads=5), "multiple of heads")
