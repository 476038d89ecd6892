"""The transformer (chapter 15, "transformer"): Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762.

    source  ->  embedding * sqrt(E) + sinusoidal positions  ->  N encoder layers  ->  memory
    target  ->  the same  ->  N decoder layers, causal, that also look at the memory  ->  softmax(V x + b)

N = 6, E = 512, h = 8 in the paper (`paper()`); the course trains a small one. Where chapter 14's decoder had one
attention and a state, this has attention everywhere and no state: all places of a training text are computed at once.
Calls are those of chapter 14's `Seq2Seq`. Tokens: 0 padding, 1 start, 2 end. B texts, N source words, T target words, K
vocabulary.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_tokens
from course_lib.networks.decoding import PAD, State, write
from course_lib.networks.positional import sinusoidal_encoding
from course_lib.networks.transformer import TransformerDecoder, TransformerEncoder


class Transformer(nn.Module):
    """An encoder and a decoder.

    Args:
        source_words: Size of the source's vocabulary.
        target_words: Size of the target's, K.
        layers: N of each.
        dimensions: E, even, a multiple of heads.
        heads: h.
        hidden: Width of the feed-forward networks; 4 E without it.
        **options: dropout, activation and norm_first, as in `networks.transformer`.
    """

    def __init__(
        self,
        source_words: int,
        target_words: int,
        layers: int,
        *,
        dimensions: int,
        heads: int,
        hidden: int | None = None,
        **options: Any,
    ):
        super().__init__()
        check_positive(source_words=source_words, target_words=target_words, layers=layers, dimensions=dimensions)
        hidden = hidden or 4 * dimensions
        self.source = nn.Embedding(source_words, dimensions, padding_idx=PAD)
        self.target = nn.Embedding(target_words, dimensions, padding_idx=PAD)
        for table in (self.source, self.target):
            nn.init.normal_(table.weight, std=dimensions**-0.5)
            nn.init.zeros_(table.weight[PAD])
        self.encoder = TransformerEncoder(layers, dimensions, heads, hidden=hidden, **options)
        self.decoder = TransformerDecoder(layers, dimensions, heads, hidden=hidden, **options)
        self.head = nn.Linear(dimensions, target_words)

    def embed(self, table: nn.Embedding, tokens: Tensor) -> Tensor:
        """Vectors with their places: (B, N) to (B, N, E)."""
        vectors = table(tokens) * math.sqrt(table.embedding_dim)
        places = torch.arange(tokens.shape[1], dtype=vectors.dtype, device=tokens.device)
        return vectors + sinusoidal_encoding(places, table.embedding_dim)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Read the source.

        Args:
            source: (B, N) int64, with padding at the end.

        Returns:
            The memory (B, N, E), and which of its places are words (B, 1, N) bool.

        Raises:
            ValueError: For another shape or kind.
        """
        check_tokens("source", source)
        words = (source != PAD)[:, None]
        return self.encoder(self.embed(self.source, source), words), words

    def decode(self, target: Tensor, memory: Tensor, words: Tensor) -> Tensor:
        """Scores (B, T, K) of the word after each of target (B, T), given what `encode` returned."""
        x = self.decoder(self.embed(self.target, target), memory, memory_mask=words, causal=True)
        return self.head(x)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing, all places at once.

        Args:
            source: (B, N) int64.
            target: (B, T) int64, beginning with `start`.

        Returns:
            Scores (B, T - 1, K) of the words after each of the first T - 1.
        """
        return self.decode(target[:, :-1], *self.encode(source))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """For `networks.decoding`: scores (B, K) after one more token (B,); the state holds all tokens before it."""
        memory, words, before = state
        target = torch.cat([before, tokens[:, None]], 1)
        return self.decode(target, memory, words)[:, -1], (memory, words, target)

    @torch.no_grad()
    def translate(self, source: Tensor, *, length: int = 60, width: int = 1, alpha: float = 1.0) -> Tensor:
        """Write the target, greedily or with a beam.

        Args:
            source: (B, N) int64.
            length: Most words.
            width: Of the beam; 1 is greedy.
            alpha: As in `beam_search`.

        Returns:
            (B, at most length + 1) int64: 1, words, 2, padding.

        Raises:
            ValueError: For another shape or kind, a word that the vocabulary lacks, or a text without words.
        """
        check_tokens("source", source, words=self.source.num_embeddings)
        memory, words = self.encode(source)
        state = (memory, words, source.new_empty(len(source), 0))
        return write(self.step, state, len(source), length=length, width=width, alpha=alpha, device=source.device)


def paper(source_words: int, target_words: int) -> Transformer:
    """The base model of the paper: 6 layers each, 512 dimensions, 8 heads, 2048 hidden, dropout 0.1, post-norm."""
    return Transformer(source_words, target_words, 6, dimensions=512, heads=8, hidden=2048)
