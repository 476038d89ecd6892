"""A parallel corpus: texts of one to several sentences about a scene, in English and in Chinese (chapters 14 and 15).

A text joins captions of one scene, each true of it, by a semicolon. It costs nothing, is exact to check, and its length
can be chosen: what a translator needs in order to show how it ages with length.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.data.scenes.captions import VOCABULARY, write_captions
from course_lib.data.scenes.chinese import CHINESE_VOCABULARY, chinese_captions
from course_lib.data.scenes.datasets import block_generator
from course_lib.data.scenes.render import render
from course_lib.data.scenes.sample import sample_scenes

ENGLISH = (*VOCABULARY, ";")
CHINESE = (*CHINESE_VOCABULARY, "；")
BLOCK = 256


@dataclass(frozen=True)
class Parallel:
    """Texts in two languages.

    Attributes:
        english: (N, L) int64, index into ENGLISH: <start>, words, <end>, then <pad>.
        chinese: (N, M) int64, index into CHINESE.
        sentences: (N,) int64, sentences in each text.
    """

    english: Tensor
    chinese: Tensor
    sentences: Tensor

    def __len__(self) -> int:
        return len(self.english)


def parallel_corpus(
    texts: int, *, sentences: tuple[int, int] = (1, 4), split: str = "train", seed: int = 0
) -> Parallel:
    """Write texts about scenes that are drawn for it.

    Args:
        texts: N, at least 1.
        sentences: Fewest and most sentences of a text, each number equally often.
        split: As in `sample_scenes`; splits share no seeds, and "heldout" speaks of combinations that training lacks.
        seed: Same seed, same texts.

    Returns:
        N texts in both languages. Longer requests begin with the texts of shorter ones.

    Raises:
        ValueError: For no text, no sentence, or an unknown split.
    """
    fewest, most = sentences
    check_positive(texts=texts, sentences=fewest)
    if most < fewest:
        raise ValueError(f"sentences must be (fewest, most), not {sentences}")
    blocks = [_block(k, fewest, most, split, seed) for k in range(-(-texts // BLOCK))]
    english, chinese, numbers = (torch.cat(part)[:texts] for part in zip(*blocks, strict=True))
    return Parallel(english, chinese, numbers)


def _block(block: int, fewest: int, most: int, split: str, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """256 texts and how many sentences each has."""
    stream = block_generator(seed, split, epoch=fewest, block=block)
    scene = sample_scenes(BLOCK, 32, generator=stream, difficulty=0.5, split=split)
    drawn = render(scene, image=False)
    number = torch.randint(fewest, most + 1, (BLOCK,), generator=stream)
    written = [write_captions(scene, drawn, stream).tokens for _ in range(most)]
    english = _join(written, number, len(ENGLISH) - 1)
    return english, _join([chinese_captions(tokens) for tokens in written], number, len(CHINESE) - 1), number


def _join(sentences: list[Tensor], number: Tensor, mark: int) -> Tensor:
    """The first `number` sentences of each text, with `mark` between them: (B, most * (L - 1) + 1) int64."""
    parts = []
    for k, tokens in enumerate(sentences):
        words = tokens[:, 1:].masked_fill((number <= k)[:, None], 0)
        parts.append(torch.where(words == 2, torch.where(number == k + 1, 2, mark)[:, None], words))
    joined = torch.cat([sentences[0][:, :1], *parts], 1)
    order = (joined == 0).long().argsort(dim=1, stable=True)  # words first, padding last
    return joined.gather(1, order)


def spell(tokens: Tensor, words: tuple[str, ...]) -> list[str]:
    """Token ids (L,) to words, up to <end>, without <start> and <pad>.

    Args:
        tokens: (L,) int64.
        words: The vocabulary, ENGLISH or CHINESE.
    """
    kept = tokens.tolist()
    end = kept.index(2) if 2 in kept else len(kept)
    return [words[k] for k in kept[:end] if k > 2]
