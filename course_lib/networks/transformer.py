"""The transformer's blocks (chapter 15): attention mixes tokens, a small network works on each, norms and short cuts.

Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762; pre-norm: Xiong et al. 2020, arXiv:2002.04745.

    post-norm (the paper)    x <- norm(x + F(x))
    pre-norm (norm_first)    x <- x + F(norm(x)),  and one norm at the very end

    encoder layer    F = self-attention, then feed-forward:  W2 act(W1 x + b1) + b2,  the same at each place
    decoder layer    F = self-attention, then attention to the encoder's memory, then feed-forward

Post-norm puts a norm on the short cut, so that gradients shrink on their way down and training needs a slow start; with
pre-norm the short cut is free. Parameters are named as in torch.nn.TransformerEncoderLayer and -DecoderLayer, batch
first, and outputs are equal. Masks are bool and True means "may look at" (torch's modules: the other way round).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.networks.attention import MultiHeadAttention

ACTIVATION: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu}


class TransformerEncoderLayer(nn.Module):
    """Self-attention, then feed-forward.

    Args:
        dimensions: E, a multiple of heads.
        heads: h.
        hidden: Width of the feed-forward network, 4 E in the paper.
        dropout: Probability of dropping, in weights, hidden units and outputs.
        activation: relu or gelu.
        norm_first: Pre-norm instead of the paper's post-norm.
    """

    def __init__(
        self,
        dimensions: int,
        heads: int,
        hidden: int,
        *,
        dropout: float = 0.1,
        activation: str = "relu",
        norm_first: bool = False,
    ):
        super().__init__()
        if activation not in ACTIVATION:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATION)}, not {activation!r}")
        self.self_attn = MultiHeadAttention(dimensions, heads, dropout=dropout)
        self.linear1, self.linear2 = nn.Linear(dimensions, hidden), nn.Linear(hidden, dimensions)
        self.norm1, self.norm2 = nn.LayerNorm(dimensions), nn.LayerNorm(dimensions)
        self.dropout = nn.Dropout(dropout)
        self.activation, self.norm_first = ACTIVATION[activation], norm_first

    def attend(self, x: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """Self-attention of (B, N, E)."""
        return self.dropout(self.self_attn(x, mask=mask, causal=causal))

    def feed_forward(self, x: Tensor) -> Tensor:
        """(B, N, E), each token by itself."""
        return self.dropout(self.linear2(self.dropout(self.activation(self.linear1(x)))))

    def forward(self, x: Tensor, mask: Tensor | None = None, *, causal: bool = False) -> Tensor:
        """(B, N, E) to the same shape; mask and causal as in `MultiHeadAttention`."""
        if self.norm_first:
            x = x + self.attend(self.norm1(x), mask, causal)
            return x + self.feed_forward(self.norm2(x))
        x = self.norm1(x + self.attend(x, mask, causal))
        return self.norm2(x + self.feed_forward(x))


class TransformerDecoderLayer(TransformerEncoderLayer):
    """Self-attention, attention to a memory, feed-forward; arguments as in `TransformerEncoderLayer`."""

    def __init__(self, dimensions: int, heads: int, hidden: int, *, dropout: float = 0.1, **options: Any):
        super().__init__(dimensions, heads, hidden, dropout=dropout, **options)
        self.multihead_attn = MultiHeadAttention(dimensions, heads, dropout=dropout)
        self.norm3 = nn.LayerNorm(dimensions)

    def consult(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> Tensor:
        """Cross-attention of (B, N, E) to (B, M, E)."""
        return self.dropout(self.multihead_attn(x, memory, mask=mask))

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        *,
        memory_mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor:
        """Decode.

        Args:
            x: (B, N, E) what is decoded.
            memory: (B, M, E) what the encoder gave.
            mask: Which tokens of x a token of x may look at, as in `MultiHeadAttention`.
            memory_mask: Which tokens of the memory it may look at.
            causal: Tokens of x look at themselves and at earlier ones only.

        Returns:
            (B, N, E).
        """
        if self.norm_first:
            x = x + self.attend(self.norm1(x), mask, causal)
            x = x + self.consult(self.norm2(x), memory, memory_mask)
            return x + self.feed_forward(self.norm3(x))
        x = self.norm1(x + self.attend(x, mask, causal))
        x = self.norm2(x + self.consult(x, memory, memory_mask))
        return self.norm3(x + self.feed_forward(x))


class TransformerEncoder(nn.Module):
    """Encoder layers one after another; with pre-norm a norm at the end, which is what torch's `norm` argument adds.

    Args:
        layers: How many; 6 in the paper.
        dimensions: E.
        heads: h.
        hidden: Width of the feed-forward networks.
        **options: dropout, activation and norm_first, as in `TransformerEncoderLayer`.
    """

    def __init__(self, layers: int, dimensions: int, heads: int, *, hidden: int, **options: Any):
        super().__init__()
        self.layers = nn.ModuleList(
            TransformerEncoderLayer(dimensions, heads, hidden, **options) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dimensions) if options.get("norm_first") else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None, *, causal: bool = False) -> Tensor:
        """(B, N, E) to the same shape; mask and causal as in `MultiHeadAttention`, the same for all layers."""
        for layer in self.layers:
            x = layer(x, mask, causal=causal)
        return self.norm(x)


class TransformerDecoder(nn.Module):
    """Decoder layers one after another; arguments as in `TransformerEncoder`."""

    def __init__(self, layers: int, dimensions: int, heads: int, *, hidden: int, **options: Any):
        super().__init__()
        self.layers = nn.ModuleList(
            TransformerDecoderLayer(dimensions, heads, hidden, **options) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dimensions) if options.get("norm_first") else nn.Identity()

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        *,
        memory_mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor:
        """(B, N, E) and a memory (B, M, E) to (B, N, E); arguments as in `TransformerDecoderLayer`."""
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask=memory_mask, causal=causal)
        return self.norm(x)
