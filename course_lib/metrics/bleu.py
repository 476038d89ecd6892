"""BLEU: how much of a sentence is in its references? (chapter 14, "image-captioning")

Papineni, Roukos, Ward, Zhu, "BLEU: a method for automatic evaluation of machine translation", ACL 2002.

    p_n    share of the candidates' n-grams that are in a reference; one counts at most as often as a reference has it
    BP     1 if the candidates are longer than the references, else exp(1 - r / c)
    BLEU   BP (p_1 p_2 p_3 p_4)^(1/4)

Counts and lengths are summed over the whole corpus before anything is divided: BLEU is no mean over sentences. c is the
candidates' length, r that of the references nearest to them in length, of equally near ones the shorter. Without
smoothing, as here, one p_n of 0 makes BLEU 0. Tokens are whatever was split: words as strings, or numbers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

Tokens = Sequence[Hashable]


def ngrams(tokens: Tokens, n: int) -> Counter[tuple[Hashable, ...]]:
    """How often each run of n tokens occurs."""
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def bleu(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]], *, order: int = 4) -> float:
    """BLEU of a corpus.

    Args:
        candidates: N token sequences.
        references: For each candidate its references, one at least.
        order: Longest n-grams.

    Returns:
        0 to 1 (papers print 100 times that).

    Raises:
        ValueError: If a string comes where tokens should, or numbers of sentences do not fit.
    """
    if not candidates or len(candidates) != len(references):
        raise ValueError(f"each candidate needs references: {len(candidates)} candidates, {len(references)} references")
    if order < 1:
        raise ValueError(f"order must be at least 1, not {order}")
    right, total = [0] * order, [0] * order
    length = wanted = 0
    for candidate, known in zip(candidates, references, strict=True):
        if isinstance(candidate, str) or isinstance(known, str) or any(isinstance(one, str) for one in known):
            raise ValueError("candidates and references must be sequences of tokens, not strings: split() them")
        if not known:
            raise ValueError("each candidate needs one reference at least")
        length += len(candidate)
        wanted += min((abs(len(one) - len(candidate)), len(one)) for one in known)[1]
        for n in range(1, order + 1):
            found = ngrams(candidate, n)
            allowed: Counter[tuple[Hashable, ...]] = Counter()
            for one in known:
                allowed |= ngrams(one, n)  # the larger count of each
            right[n - 1] += (found & allowed).total()  # the smaller count of each
            total[n - 1] += found.total()
    if not all(right):
        return 0.0
    logarithm = sum(math.log(hit / all_) for hit, all_ in zip(right, total, strict=True)) / order
    return math.exp(min(0.0, 1 - wanted / length) + logarithm)
