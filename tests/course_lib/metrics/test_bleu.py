"""BLEU equals torchmetrics' and, by hand, the paper's example; it refuses strings."""

from __future__ import annotations

import math

import pytest
import torch
from torchmetrics.text import BLEUScore

from course_lib.core.seeding import generator
from course_lib.metrics import bleu
from course_lib.metrics.bleu import ngrams

WORDS = ["a", "the", "red", "blue", "disc", "star", "left", "right", "of", "above", "and", "big"]


def corpus(seed: int) -> tuple[list[list[str]], list[list[list[str]]]]:
    """Candidates that are references with words changed, dropped and added; one to three references each."""
    stream = generator(seed)

    def draw(high: int) -> int:
        return int(torch.randint(high, (1,), generator=stream))

    candidates, references = [], []
    for _ in range(12):
        sentence = [WORDS[draw(12)] for _ in range(6 + draw(8))]

        def noisy(words: list[str]) -> list[str]:
            kept = [WORDS[draw(12)] if draw(6) == 0 else word for word in words if draw(8)]
            return kept + [WORDS[draw(12)] for _ in range(draw(3))]

        candidates.append(noisy(sentence))
        references.append([noisy(sentence) for _ in range(1 + draw(3))])
    return candidates, references


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_equals_torchmetrics(seed, order):
    candidates, references = corpus(seed)
    # Of two equally near references torchmetrics takes the first for the brevity penalty; NIST and we the shorter.
    sentences = [[" ".join(words) for words in sorted(known, key=len)] for known in references]
    theirs = BLEUScore(n_gram=order)([" ".join(words) for words in candidates], sentences)
    ours = bleu(candidates, references, order=order)
    assert 0.1 < ours < 0.95
    assert ours == pytest.approx(float(theirs), abs=1e-6)


def test_the_clipped_counts_of_the_paper():
    """Papineni et al., section 2.1: "the the the the the the the" has a clipped unigram precision of 2/7."""
    known = [["the", "cat", "is", "on", "the", "mat"], ["there", "is", "a", "cat", "on", "the", "mat"]]
    assert bleu([["the"] * 7], [known], order=1) == pytest.approx(2 / 7)


def test_by_hand_with_a_brevity_penalty():
    reference = ["a", "red", "disc", "left", "of", "a", "blue", "star"]
    candidate = [*reference[:6], "star"]
    wanted = math.exp(1 - 8 / 7) * (7 / 7 * 5 / 6 * 4 / 5 * 3 / 4) ** 0.25
    assert bleu([candidate], [[reference]]) == pytest.approx(wanted)
    assert bleu([reference], [[candidate, reference]]) == 1


def test_of_equally_near_references_the_shorter_counts():
    words = list(range(10))
    assert bleu([words[:6]], [[words[:7], words[:5]]], order=1) == 1
    assert bleu([words[:6]], [[words[:7], words[:9]]], order=1) == pytest.approx(math.exp(1 - 7 / 6))


def test_a_corpus_is_no_mean_and_its_order_does_not_matter():
    candidates, references = corpus(0)
    whole = bleu(candidates, references)
    assert bleu(candidates[::-1], references[::-1]) == pytest.approx(whole)
    alone = sum(bleu([c], [r]) for c, r in zip(candidates, references, strict=True)) / len(candidates)
    assert abs(alone - whole) > 0.01


def test_zeros_and_numbers_as_tokens():
    assert bleu([[1, 2, 3]], [[[1, 2, 3]]]) == 0  # no run of four
    assert bleu([[]], [[[1, 2]]]) == 0
    assert bleu([[1, 2, 3, 4, 5]], [[[1, 2, 3, 4, 5]]]) == 1
    assert ngrams([1, 1, 1], 2) == {(1, 1): 2}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bleu(["a red disc"], [[["a"]]]), "must be sequences of tokens, not strings"),
        (lambda: bleu([["a"]], [["a red disc"]]), "must be sequences of tokens, not strings"),
        (lambda: bleu([["a"]], [[]]), "each candidate needs one reference at least"),
        (lambda: bleu([["a"]], []), "1 candidates, 0 references"),
        (lambda: bleu([], []), "0 candidates, 0 references"),
        (lambda: bleu([["a"]], [[["a"]]], order=0), "order must be at least 1, not 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
