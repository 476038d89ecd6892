"""A decoder-only transformer (chapter 15, "transformer"): the likeliest next word, given all before it.

    x_0 = E[tokens] + positions           learnt, sinusoidal, or none of them: rotary turns queries and keys instead
    L pre-norm blocks of causal attention, one norm, p(next) = softmax(E x_L + b)           E is used twice

Radford et al., GPT-2, 2019; weight tying: Press and Wolf 2016, arXiv:1608.05859; rotary: arXiv:2104.09864. While it
writes, a cache keeps the keys and values of all tokens so far, so that a new token costs one row of attention and not a
whole triangle. B texts, N tokens, E dimensions, h heads, K words. Tokens: 0 padding, 1 start, 2 end.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_tokens
from course_lib.networks.attention import scaled_dot_product_attention
from course_lib.networks.positional import apply_rotary, sinusoidal_encoding

POSITIONS = ("none", "learnt", "sinusoidal", "rotary")
Cache = tuple[tuple[Tensor, Tensor], ...]  # keys and values (B, h, past, E / h) of each block


class Block(nn.Module):
    """A pre-norm block with causal attention and a cache.

    Args:
        dimensions: E, a multiple of heads.
        heads: h.
        rotary: Turn queries and keys by their places.
        dropout: Probability of dropping what a part adds.
    """

    def __init__(self, dimensions: int, heads: int, *, rotary: bool = False, dropout: float = 0.0):
        super().__init__()
        if heads < 1 or dimensions % heads:
            raise ValueError(f"dimensions must be a multiple of heads, not {dimensions} and {heads}")
        self.heads, self.rotary = heads, rotary
        self.norm1, self.norm2 = nn.LayerNorm(dimensions), nn.LayerNorm(dimensions)
        self.qkv, self.out = nn.Linear(dimensions, 3 * dimensions), nn.Linear(dimensions, dimensions)
        self.mlp = nn.Sequential(
            nn.Linear(dimensions, 4 * dimensions), nn.GELU(), nn.Linear(4 * dimensions, dimensions)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, N, E), and keys and values of what came before, to the same shape and the longer keys and values."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, -1)
        )
        before = 0 if past is None else past[0].shape[2]
        if self.rotary:
            places = torch.arange(before, before + x.shape[1], dtype=x.dtype, device=x.device)
            q, k = apply_rotary(q, places), apply_rotary(k, places)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        rows = torch.arange(before, before + x.shape[1], device=x.device)[:, None]
        seen = torch.arange(k.shape[2], device=x.device) <= rows  # (N, past + N): itself and what came before
        read = scaled_dot_product_attention(q, k, v, mask=seen).transpose(1, 2).flatten(2)
        x = x + self.dropout(self.out(read))
        return x + self.dropout(self.mlp(self.norm2(x))), (k, v)


class LanguageModel(nn.Module):
    """A decoder-only transformer.

    Args:
        words: K.
        layers: Blocks.
        dimensions: E, even, a multiple of heads.
        heads: h.
        positions: none, learnt, sinusoidal or rotary.
        places: Most tokens, for learnt positions; the others go on.
        dropout: Probability of dropping.
    """

    def __init__(
        self,
        words: int,
        layers: int,
        dimensions: int,
        *,
        heads: int,
        positions: str = "rotary",
        places: int = 64,
        dropout: float = 0.0,
    ):
        super().__init__()
        check_positive(words=words, layers=layers, dimensions=dimensions, places=places)
        if positions not in POSITIONS:
            raise ValueError(f"positions must be one of {', '.join(POSITIONS)}, not {positions!r}")
        self.positions, self.places = positions, places
        self.embedding = nn.Embedding(words, dimensions)
        nn.init.normal_(self.embedding.weight, std=0.02)
        if positions == "learnt":
            self.table = nn.Parameter(0.02 * torch.randn(places, dimensions))
        self.blocks = nn.ModuleList(
            Block(dimensions, heads, rotary=positions == "rotary", dropout=dropout) for _ in range(layers)
        )
        self.norm, self.bias = nn.LayerNorm(dimensions), nn.Parameter(torch.zeros(words))

    def embed(self, tokens: Tensor, before: int) -> Tensor:
        """Vectors (B, N, E) of tokens that stand at the places `before`, before + 1, ..."""
        x, size = self.embedding(tokens), tokens.shape[1]
        if self.positions == "learnt":
            if before + size > self.places:
                raise ValueError(f"learnt positions end after {self.places} tokens; {before + size} were asked for")
            return x + self.table[before : before + size]
        if self.positions == "sinusoidal":
            places = torch.arange(before, before + size, dtype=x.dtype, device=x.device)
            return x + sinusoidal_encoding(places, x.shape[2])
        return x

    def extend(self, tokens: Tensor, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        """Read on.

        Args:
            tokens: (B, N) int64, what comes after the tokens in the cache.
            cache: What this method returned last; None at the beginning.

        Returns:
            Scores (B, N, K) of the word after each token, and the longer cache.

        Raises:
            ValueError: For tokens of another shape or kind, or more tokens than learnt positions.
        """
        check_tokens("tokens", tokens)
        x = self.embed(tokens, 0 if cache is None else cache[0][0].shape[2])
        longer = []
        for number, block in enumerate(self.blocks):
            x, kept = block(x, None if cache is None else cache[number])
            longer.append(kept)
        return F.linear(self.norm(x), self.embedding.weight, self.bias), tuple(longer)

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores (B, N, K) of the word after each of tokens (B, N)."""
        return self.extend(tokens)[0]

    def step(self, tokens: Tensor, cache: Cache | tuple = ()) -> tuple[Tensor, Cache]:
        """For `networks.decoding`: scores (B, K) after one more token (B,), with a cache, () at the beginning."""
        scores, longer = self.extend(tokens[:, None], cache or None)
        return scores[:, 0], longer
