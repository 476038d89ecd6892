"""Beam search against exhaustive search and greedy search, and on a model whose best sequence greedy search misses."""

from __future__ import annotations

import itertools

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.networks.decoding import END, START, beam_search, greedy, write

from ..refusals import refused


def markov(words=5, seed=0, batch=3):
    """A model of the two last words, the row and the time; the state carries row, time and the word before the last."""
    table = 2 * torch.randn(batch, 6, words, words, words, generator=generator(seed))
    table[..., 0] = -torch.inf  # padding is never written

    def step(tokens, state):
        row, time, before = state
        return table[row, time, before, tokens], (row, time + 1, tokens)

    return step, (torch.arange(batch), *torch.zeros(2, batch, dtype=torch.long)), table


def exhaustive(table, row, length, alpha):
    """The best sequence of all."""
    best, found = -torch.inf, None
    words = range(1, table.shape[-1])
    for size in range(1, length + 1):
        for sequence in itertools.product(words, repeat=size):
            if END in sequence[:-1] or (size < length and sequence[-1] != END):
                continue
            before, last, total = 0, START, 0.0
            for t, word in enumerate(sequence):
                total += table[row, t, before, last].log_softmax(-1)[word].item()
                before, last = last, word
            if total / size**alpha > best:
                best, found, kept = total / size**alpha, sequence, total
    return found, kept


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_as_wide_as_everything_is_exhaustive_search(alpha, seed):
    step, state, table = markov(4, seed)
    tokens, total = beam_search(step, state, 3, length=4, width=3**4, alpha=alpha)
    for row in range(3):
        wanted, score = exhaustive(table, row, 4, alpha)
        assert [t for t in tokens[row, 1:].tolist() if t] == list(wanted)
        assert total[row].item() == pytest.approx(score, rel=1e-4)


def test_a_beam_of_one_is_greedy_search():
    step, state, _ = markov(5, 3)
    one = beam_search(step, state, 3, length=6, width=1)[0]
    assert torch.equal(one, greedy(step, state, 3, length=6))
    assert torch.equal(one, write(step, state, 3, length=6))
    assert torch.equal(beam_search(step, state, 3, length=6, width=3)[0], write(step, state, 3, length=6, width=3))


def test_greedy_search_falls_for_a_good_first_word():
    """Word 3 is likelier at first, but leads nowhere; 4 leads to a certain end."""
    first = torch.log(torch.tensor([0, 0, 0, 0.6, 0.4]))
    after = {3: torch.log(torch.tensor([0, 0.25, 0.25, 0.25, 0.25])), 4: torch.log(torch.tensor([0, 0, 1.0, 0, 0]))}

    def step(tokens, state):
        rows = [first if t == START else after.get(t, after[3]) for t in tokens.tolist()]
        return torch.stack(rows), state

    options = {"length": 3}
    state = torch.zeros(1, 1)
    assert greedy(step, state, 1, **options)[0, 1] == 3
    tokens, total = beam_search(step, state, 1, **options, width=2, alpha=0.0)
    assert tokens[0].tolist()[1:3] == [4, END]
    assert total.exp().item() == pytest.approx(0.4)


def test_after_the_end_there_is_padding():
    step, state, _ = markov(5, 1, batch=3)
    for tokens in (greedy(step, state, 3, length=6),
                   beam_search(step, state, 3, length=6, width=3)[0]):  # fmt: skip
        for row in tokens.tolist():
            assert row[0] == START
            if END in row:
                assert set(row[row.index(END) + 1 :]) <= {0}


def test_bad_widths_are_refused():
    step, state, _ = markov(5)
    refused(lambda: beam_search(step, state, 3, length=3, width=0), "width")
    refused(lambda: greedy(step, state, 3, length=0), "length")
