"""Writing a sequence word by word (chapters 14 and 15): greedy, and with a beam.

    greedy    y_t = argmax over w of log p(w | y_<t, x)
    beam      keep the k best beginnings; extend each by every word; keep the k best of all; at the end the one whose
              log probability, divided by its length to the power alpha, is largest

A model enters as a function that reads one token and a state: `step(tokens, state) -> (scores, state)`, scores (B, K)
before the softmax. A state is a tensor with leading batch dimension or a nested tuple of such; so recurrent networks
and transformers with a cache are decoded by the same lines. Beam search: Lowerre 1976; the length's power: Wu et al.
2016, arXiv:1609.08144 (there (5 + n) / 6 for n). With a beam as wide as all sequences it is exhaustive search.
Token 0 is padding, 1 begins a sequence, 2 ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_positive

PAD, START, END = 0, 1, 2
State = Any  # a tensor (B, ...) or a nested tuple of such
Step = Callable[[Tensor, State], tuple[Tensor, State]]


def take(state: State, rows: Tensor) -> State:
    """The given rows of every tensor of a state."""
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    return tuple(take(part, rows) for part in state)


def word_loss(scores: Tensor, target: Tensor) -> Tensor:
    """Mean cross-entropy of the words after the first, padding left out.

    Args:
        scores: (B, T - 1, K), as a model in teacher forcing gives them.
        target: (B, T) int64.
    """
    return F.cross_entropy(scores.flatten(0, 1), target[:, 1:].flatten(), ignore_index=PAD)


def write(step: Step, state: State, batch: int, *, length: int, width: int = 1, alpha: float = 1.0,
          device: torch.device | str = "cpu") -> Tensor:  # fmt: skip
    """Write sequences greedily, with a width of 1, or with a beam; arguments and answer as in `beam_search`."""
    if width == 1:
        return greedy(step, state, batch, length=length, device=device)
    return beam_search(step, state, batch, length=length, width=width, alpha=alpha, device=device)[0]


def greedy(step: Step, state: State, batch: int, *, length: int, device: torch.device | str = "cpu") -> Tensor:
    """The likeliest next token, again and again.

    Args:
        step: The model.
        state: Its first state, for `batch` sequences.
        batch: B.
        length: Most tokens after the first, at least 1.
        device: Where the state is.

    Returns:
        (B, at most length + 1) int64: 1, tokens, 2 where it came in time, then 0.
    """
    check_positive(batch=batch, length=length)
    tokens = torch.full((batch,), START, dtype=torch.long, device=device)
    written, over = [tokens], torch.zeros(batch, dtype=torch.bool, device=device)
    for _ in range(length):
        scores, state = step(tokens, state)
        tokens = scores.argmax(-1).masked_fill(over, PAD)
        written.append(tokens)
        over = over | (tokens == END)
        if over.all():
            break
    return torch.stack(written, 1)


def beam_search(step: Step, state: State, batch: int, *, length: int, width: int = 4, alpha: float = 1.0,
                device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:  # fmt: skip
    """Keep the `width` likeliest beginnings.

    Args:
        step, state, batch, length, device: As in `greedy`; `step` is called with batch * width rows.
        width: k, at least 1; 1 is greedy search.
        alpha: Power of the length by which log probabilities are divided at the end; 0 prefers short sequences.

    Returns:
        Tokens (B, at most length + 1) int64 as in `greedy`, and their log probabilities (B,), not divided. Sequences
        that have not ended in time are scored like the others.

    Raises:
        ValueError: For a batch, length or width below 1.
    """
    check_positive(batch=batch, length=length, width=width)
    rows = torch.arange(batch, device=device)[:, None]
    state = take(state, rows.expand(-1, width).flatten())
    tokens = torch.full((batch, width, 1), START, dtype=torch.long, device=device)
    total = torch.full((batch, width), -torch.inf, device=device)
    total[:, 0] = 0  # all beams begin alike: one of them is enough
    over = torch.zeros(batch, width, dtype=torch.bool, device=device)
    for _ in range(length):
        scores, state = step(tokens[:, :, -1].flatten(), state)
        words = scores.shape[-1]
        gain = scores.log_softmax(-1).view(batch, width, words)
        stay = torch.full_like(gain, -torch.inf)
        stay[..., 0] = 0  # what is over is padded, at no cost
        total, best = (total[..., None] + torch.where(over[..., None], stay, gain)).flatten(1).topk(width)  # (B, k)
        beam, word = best // words, best % words
        tokens = torch.cat([tokens[rows, beam], word[..., None]], -1)
        over = over[rows, beam] | (word == END)
        state = take(state, (rows * width + beam).flatten())
        if over.all():
            break
    size = (tokens[..., 1:] != 0).sum(-1).clamp(min=1)
    best = (total / size**alpha).argmax(1, keepdim=True)
    return tokens[rows, best][:, 0], total[rows, best][:, 0]
