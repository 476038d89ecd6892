"""Sentences for a two-tower model of pictures and words: prompts for classes, and true sentences turned false.

    prompts          "a star", "a red star", "a large striped star": what zero-shot classification compares with
    swap_relation    "a disc left of a star"  ->  "a disc right of a star"         same words but one, and false
    swap_colours     "a red disc left of a blue star"  ->  "a blue disc left of a red star"    the same words, and false
    change_number    "two stars"  ->  "three stars"                                and the other way round

A model that tells the true sentence from the false one has understood relation, binding or number; one that has not
guesses, 50 %. Tokens are ids of the scenes' VOCABULARY, (L,) or (B, L) int64.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.core.checks import check_tokens
from course_lib.data.scenes.captions import LENGTH, TOKEN
from course_lib.data.scenes.scene import COLOURS


def tokenise(sentences: Sequence[str]) -> Tensor:
    """Token ids (B, 14) of sentences of the scenes' grammar.

    Raises:
        ValueError: For a word that the vocabulary lacks, or a sentence that is too long.
    """
    rows = torch.zeros(len(sentences), LENGTH, dtype=torch.int64)
    for row, sentence in zip(rows, sentences, strict=True):
        words = ["<start>", *sentence.split(), "<end>"]
        unknown = [word for word in words if word not in TOKEN]
        if unknown or len(words) > LENGTH:
            raise ValueError(f"{sentence!r} " + (f"has the unknown word {unknown[0]!r}" if unknown else "is too long"))
        row[: len(words)] = torch.tensor([TOKEN[word] for word in words])
    return rows


def prompts(names: Sequence[str], before: Sequence[str] = ("",)) -> Tensor:
    """Sentences (K, P, 14): "a", each of P words (or none) before, and each of K names."""
    every = [" ".join(f"a {word} {name}".split()) for name in names for word in before]
    every = [s.replace("a orange", "an orange", 1) if s.startswith("a orange") else s for s in every]
    return tokenise(every).view(len(names), len(before), LENGTH)


def swap_relation(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Sentences with left and right, above and below exchanged, and which ones (B,) bool had such a word."""
    check_tokens("tokens", tokens)
    return _exchange(tokens, (("left", "right"), ("above", "below")))


def change_number(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Sentences with two and three exchanged, and which ones (B,) bool had such a word."""
    check_tokens("tokens", tokens)
    return _exchange(tokens, (("two", "three"),))


def swap_colours(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Sentences whose two colours have changed places, and which ones (B,) bool named two different colours."""
    check_tokens("tokens", tokens)
    low, high = TOKEN[COLOURS[0]], TOKEN[COLOURS[-1]]
    colour = (tokens >= low) & (tokens <= high)
    first = colour.long().argmax(1)
    last = tokens.shape[1] - 1 - colour.flip(1).long().argmax(1)
    rows = torch.arange(len(tokens), device=tokens.device)
    able = (colour.sum(1) == 2) & (tokens[rows, first] != tokens[rows, last])
    changed = tokens.clone()
    changed[rows[able], first[able]] = tokens[rows[able], last[able]]
    changed[rows[able], last[able]] = tokens[rows[able], first[able]]
    return changed, able


def _exchange(tokens: Tensor, pairs: Sequence[tuple[str, str]]) -> tuple[Tensor, Tensor]:
    changed = tokens.clone()
    for one, other in pairs:
        changed[tokens == TOKEN[one]], changed[tokens == TOKEN[other]] = TOKEN[other], TOKEN[one]
    return changed, (changed != tokens).any(1)
