"""Additive attention (chapter 14, "bahdanau-attention"): Bahdanau, Cho, Bengio 2014, arXiv:1409.0473.

    e_n = v . tanh(W q + U k_n)        how well does place n fit what is wanted now?
    a   = softmax(e)                   weights that sum to 1
    c   = sum over n of a_n k_n        what is read

q is the decoder's state, the k_n are what the encoder says of each place of the source. U k_n does not depend on q: it
is computed once for a whole sentence (`prepare`). B sequences, N places, Q and E dimensions of queries and keys, A
inside.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive


class AdditiveAttention(nn.Module):
    """A small network that scores places.

    Args:
        queries: Q.
        keys: E.
        hidden: A.
    """

    def __init__(self, queries: int, keys: int, hidden: int):
        super().__init__()
        check_positive(queries=queries, keys=keys, hidden=hidden)
        self.query = nn.Linear(queries, hidden)
        self.key = nn.Linear(keys, hidden, bias=False)
        self.score = nn.Linear(hidden, 1, bias=False)

    def prepare(self, keys: Tensor) -> Tensor:
        """U k_n for all places: (B, N, E) to (B, N, A)."""
        return self.key(keys)

    def forward(
        self, query: Tensor, keys: Tensor, prepared: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Read.

        Args:
            query: (B, Q).
            keys: (B, N, E).
            prepared: (B, N, A), what `prepare(keys)` gave.
            mask: (B, N) bool, True where a place may be read, at least one a row.

        Returns:
            What is read (B, E), and the weights (B, N), which sum to 1.

        Raises:
            ValueError: If a mask hides every place of a sequence.
        """
        scores = self.score(torch.tanh(prepared + self.query(query)[:, None])).squeeze(-1)  # (B, N)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = scores.softmax(-1)
        return (weights[:, None] @ keys).squeeze(1), weights
