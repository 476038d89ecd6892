"""Attention (chapters 14 and 15): each query looks at all keys and takes a mean of their values.

Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762, sections 3.2.1 and 3.2.2.

    weights    A = softmax(Q K^T / sqrt(E))          rows sum to 1; 1/sqrt(E) keeps the scores' variance at 1
    attention  A V
    heads      Q = x W_q, K = y W_k, V = z W_v are cut into h parts of E / h, each attends alone; W_o mixes the results

Self-attention has x = y = z; in cross-attention keys and values come from elsewhere. Masks are bool and True means "may
look at", as in torch's scaled_dot_product_attention (torch.nn.MultiheadAttention has it the other way round). A query
that may look at nothing gets weights and an answer of 0, not NaN. N queries, M keys, E dimensions, h heads.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import describe


def attention_weights(query: Tensor, key: Tensor, *, mask: Tensor | None = None, causal: bool = False) -> Tensor:
    """How much each query takes from each key.

    Args:
        query: (..., N, E).
        key: (..., M, E).
        mask: Bool, broadcast to (..., N, M); True where a query may look at a key.
        causal: Query n looks at the keys 0 ... n only, besides what the mask says.

    Returns:
        (..., N, M), not negative; each row sums to 1, or to 0 where all is hidden.

    Raises:
        ValueError: For shapes that do not fit or a mask that is not bool.
    """
    if query.shape[-1:] != key.shape[-1:] or query.ndim < 2 or key.ndim < 2:
        raise ValueError(f"query and key must be (..., N, E) and (..., M, E), not {_shapes(query, key)}")
    scores = query @ key.mT / math.sqrt(query.shape[-1])  # (..., N, M)
    if mask is not None and (not isinstance(mask, Tensor) or mask.dtype != torch.bool):
        raise ValueError(f"mask must be a bool tensor, True where a query may look at a key, not a {describe(mask)}")
    if causal:
        past = causal_mask(*scores.shape[-2:], device=scores.device)
        mask = past if mask is None else mask & past
    if mask is None:
        return scores.softmax(-1)
    # The lowest number and not -inf: a row that hides everything stays finite, and so do its gradients.
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~mask, lowest).softmax(-1).masked_fill(~mask, 0)


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, *, mask: Tensor | None = None, causal: bool = False
) -> Tensor:
    """softmax(Q K^T / sqrt(E)) V.

    Args:
        query: (..., N, E).
        key: (..., M, E).
        value: (..., M, D).
        mask, causal: As in `attention_weights`.

    Returns:
        (..., N, D); 0 where a query may look at nothing.

    Raises:
        ValueError: For shapes that do not fit or a mask that is not bool.
    """
    if value.shape[-2:-1] != key.shape[-2:-1]:
        raise ValueError(f"key and value must have one number M of rows, not {_shapes(key, value)}")
    return attention_weights(query, key, mask=mask, causal=causal) @ value


def causal_mask(queries: int, keys: int | None = None, *, device: torch.device | str = "cpu") -> Tensor:
    """(N, M) bool: query n may look at the keys 0 ... n. M is N unless said otherwise."""
    return torch.ones(queries, keys or queries, dtype=torch.bool, device=device).tril()


def padding_mask(lengths: Tensor, size: int) -> Tensor:
    """(B, 1, size) bool: all queries of sequence b may look at its first lengths[b] tokens, the rest is padding.

    Args:
        lengths: (B,) int64.
        size: Number of tokens with padding.
    """
    return (torch.arange(size, device=lengths.device) < lengths[:, None])[:, None]


class MultiHeadAttention(nn.Module):
    """Several attentions side by side. Parameters are named as in torch.nn.MultiheadAttention.

    Args:
        dimensions: E, a multiple of heads.
        heads: h.
        dropout: Probability to drop a weight while training.
        kdim, vdim: Dimensions of keys and of values if they come from elsewhere; E without it.
    """

    in_proj_weight: nn.Parameter
    q_proj_weight: nn.Parameter
    k_proj_weight: nn.Parameter
    v_proj_weight: nn.Parameter

    def __init__(
        self, dimensions: int, heads: int, *, dropout: float = 0.0, kdim: int | None = None, vdim: int | None = None
    ):
        super().__init__()
        if heads < 1 or dimensions % heads:
            raise ValueError(f"dimensions must be a multiple of heads, not {dimensions} and {heads}")
        self.heads, self.dropout = heads, dropout
        kdim, vdim = kdim or dimensions, vdim or dimensions
        if kdim == vdim == dimensions:  # one matrix, W_q above W_k above W_v
            self.in_proj_weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(3 * dimensions, dimensions)))
        else:
            for name, size in (("q", dimensions), ("k", kdim), ("v", vdim)):
                weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(dimensions, size)))
                self.register_parameter(f"{name}_proj_weight", weight)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dimensions))
        self.out_proj = nn.Linear(dimensions, dimensions)
        nn.init.zeros_(self.out_proj.bias)

    def with_weights(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """The answer (B, N, E) and each head's weights (B, h, N, M); arguments as in `forward`."""
        key = query if key is None else key
        value = key if value is None else value
        if query.ndim != 3 or key.ndim != 3 or value.ndim != 3:
            raise ValueError(f"query, key and value must be (B, N, E) or (B, M, E), not {_shapes(query, key, value)}")
        if hasattr(self, "in_proj_weight"):
            matrices = self.in_proj_weight.chunk(3)
        else:
            matrices = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        inputs = zip((query, key, value), matrices, self.in_proj_bias.chunk(3), strict=True)
        q, k, v = (F.linear(x, w, b).unflatten(-1, (self.heads, -1)).transpose(1, 2) for x, w, b in inputs)
        if mask is not None and mask.ndim == 3:
            mask = mask[:, None]  # one for all heads: (B, 1, N, M)
        weights = attention_weights(q, k, mask=mask, causal=causal)  # (B, h, N, M)
        answer = F.dropout(weights, self.dropout, self.training) @ v  # (B, h, N, E / h)
        return self.out_proj(answer.transpose(1, 2).flatten(2)), weights  # heads side by side, (B, N, E)

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor:
        """Attend.

        Args:
            query: (B, N, E).
            key: (B, M, kdim); the queries without it: self-attention.
            value: (B, M, vdim); the keys without it.
            mask: Bool, True where a query may look at a key: (N, M), (B, N, M) or (B, h, N, M), sizes may be 1.
            causal: Query n looks at the keys 0 ... n only, besides what the mask says.

        Returns:
            (B, N, E). A query that may look at nothing gets the output's bias.

        Raises:
            ValueError: For shapes that do not fit or a mask that is not bool.
        """
        return self.with_weights(query, key, value, mask=mask, causal=causal)[0]


def _shapes(*tensors: Tensor) -> str:
    return " and ".join(str(tuple(tensor.shape)) for tensor in tensors)
