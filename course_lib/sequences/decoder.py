"""A decoder that may look back (chapter 14, "seq2seq", "bahdanau-attention"): an LSTM that writes word by word.

    (h_0, c_0) = tanh(W m)                                 m: one vector that sums the source up
    r_t   = sum_n a_tn k_n                                 with attention: what is read, see `additive_attention`
    h_t, c_t = LSTM([embedding of y_(t-1), r_t], h_(t-1), c_(t-1))
    p(y_t) = softmax(V [h_t, r_t] + b)

Without attention r_t is left out and m is all that the decoder ever hears of the source. The k_n may be words of a
sentence (`seq2seq`) or places of a picture (`captioner`). While training, the decoder is given the true word before
(teacher forcing); afterwards its own. Tokens: 0 padding, 1 start, 2 end. B texts, N places, T words, K vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_tokens
from course_lib.networks.decoding import PAD, State, write
from course_lib.sequences.additive_attention import AdditiveAttention
from course_lib.sequences.lstm import LSTM


class Decoder(nn.Module):
    """Writes words.

    Args:
        words: Size of the vocabulary, K.
        width: Size of embeddings and of the LSTM's state, H.
        summary: Size of the vector m.
        keys: Size of a place's vector k_n if the decoder is to look back, else 0.
    """

    def __init__(self, words: int, width: int, summary: int, *, keys: int = 0):
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=PAD)
        self.first = nn.Linear(summary, 2 * width)
        self.attention = AdditiveAttention(width, keys, width // 2) if keys else None
        self.lstm = LSTM(width + keys, width)
        self.head = nn.Linear(width + keys, words)

    def begin(self, summary: Tensor, keys: Tensor | None = None, mask: Tensor | None = None) -> State:
        """The first state.

        Args:
            summary: m (B, S).
            keys: (B, N, E), with attention.
            mask: (B, N) bool, the places that may be read; all without it.

        Returns:
            h and c (B, H); with attention also keys, prepared keys, mask, and the weights of the last look.
        """
        state = torch.tanh(self.first(summary)).chunk(2, -1)
        if self.attention is None or keys is None:
            return state
        mask = torch.ones(keys.shape[:2], dtype=torch.bool, device=keys.device) if mask is None else mask
        return (*state, keys, self.attention.prepare(keys), mask, torch.zeros_like(mask, dtype=keys.dtype))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Scores of the next word (B, K) and the next state, from the word before (B,) and a state."""
        (h, c), embedded = state[:2], self.embedding(tokens)
        if self.attention is None:
            h, c = self.lstm.step(embedded, (h, c))
            return self.head(h), (h, c)
        keys, prepared, mask, _ = state[2:]
        read, weights = self.attention(h, keys, prepared, mask)
        h, c = self.lstm.step(torch.cat([embedded, read], -1), (h, c))
        return self.head(torch.cat([h, read], -1)), (h, c, keys, prepared, mask, weights)

    def teach(self, state: State, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """Teacher forcing.

        Args:
            state: What `begin` gave.
            target: (B, T) int64, beginning with `start`.

        Returns:
            Scores (B, T - 1, K) of the words after each of the first T - 1, and where the decoder looked for each,
            (B, T - 1, N), or None without attention.

        Raises:
            ValueError: For a target of another kind, or of fewer than two tokens.
        """
        check_tokens("target", target, least=2)
        scores, weights = [], []
        for tokens in target[:, :-1].unbind(1):
            score, state = self.step(tokens, state)
            scores.append(score)
            weights.append(state[-1])
        return torch.stack(scores, 1), None if self.attention is None else torch.stack(weights, 1)

    @torch.no_grad()
    def write(self, state: State, *, length: int, width: int = 1, alpha: float = 1.0) -> Tensor:
        """Write greedily or with a beam.

        Args:
            state: What `begin` gave.
            length: Most words.
            width: Of the beam; 1 is greedy.
            alpha: As in `beam_search`.

        Returns:
            (B, at most length + 1) int64: `start`, words, `end`, padding.
        """
        batch, device = len(state[0]), state[0].device
        return write(self.step, state, batch, length=length, width=width, alpha=alpha, device=device)
