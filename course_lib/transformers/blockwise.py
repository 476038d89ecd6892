"""Exact attention in bounded memory, and attention to neighbours only (chapter 15, "efficient-attention").

Attention needs all N^2 scores of a softmax, but not at the same time. Keys and values come in blocks, and for each
query three things are kept: the largest score so far m, the sum l of exp(score - m), the weighted sum of values o:

    m' = max(m, max of the block's scores)
    l' = l e^(m - m') + sum of e^(s - m')
    o' = o e^(m - m') + sum of e^(s - m') v             at the end  o / l

Milakov and Gimelshein 2018, arXiv:1805.02867; Rabe and Staats 2021, arXiv:2112.05682; Dao et al. 2022 (FlashAttention),
arXiv:2205.14135, which does it on a GPU's fast memory. Time stays quadratic; memory is N times a block. With a window,
each query looks only w places to each side: time and memory N w (Beltagy et al. 2020, arXiv:2004.05150).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.core.checks import check_positive


def blockwise_attention(query: Tensor, key: Tensor, value: Tensor, *, block: int = 128, causal: bool = False) -> Tensor:
    """softmax(Q K^T / sqrt(E)) V, with no array larger than N x block.

    Args:
        query: (..., N, E).
        key: (..., M, E).
        value: (..., M, D).
        block: Keys at a time, and queries at a time.
        causal: Query n looks at the keys 0 ... n only.

    Returns:
        (..., N, D), equal to `scaled_dot_product_attention` but for rounding.

    Raises:
        ValueError: For shapes that do not fit or a block below 1.
    """
    check_positive(block=block)
    _check(query, key, value)
    parts = [
        attend_to_blocks(rows, key, value, start=start, block=block, causal=causal)
        for start, rows in zip(range(0, query.shape[-2], block), query.split(block, -2), strict=True)
    ]
    return torch.cat(parts, -2)


def attend_to_blocks(query: Tensor, key: Tensor, value: Tensor, *, start: int, block: int, causal: bool) -> Tensor:
    """One block of queries reads all blocks of keys.

    Args:
        query: (..., n, E), the first of which stands at `start`.
        key, value, block, causal: As in `blockwise_attention`.
        start: Place of the first query.

    Returns:
        (..., n, D).
    """
    query = query / math.sqrt(query.shape[-1])
    largest = query.new_full((*query.shape[:-1], 1), -torch.inf)
    total = torch.zeros_like(largest)
    out = query.new_zeros(*query.shape[:-1], value.shape[-1])
    end = start + query.shape[-2]
    for first, k, v in zip(range(0, key.shape[-2], block), key.split(block, -2), value.split(block, -2), strict=True):
        if causal and first >= end:
            break
        scores = query @ k.mT  # (..., block, block)
        if causal and first + block > start:
            places = torch.arange(first, first + k.shape[-2], device=key.device)
            later = places > torch.arange(start, end, device=key.device)[:, None]
            scores = scores.masked_fill(later, -torch.inf)
        now = torch.maximum(largest, scores.amax(-1, keepdim=True))
        weights, fade = (scores - now).exp(), (largest - now).exp()
        total = total * fade + weights.sum(-1, keepdim=True)
        out = out * fade + weights @ v
        largest = now
    return out / total


def windowed_attention(query: Tensor, key: Tensor, value: Tensor, *, window: int) -> Tensor:
    """Attention in which query n looks at the keys n - window ... n + window.

    Args:
        query, key: (..., N, E).
        value: (..., N, D).
        window: w, at least 0.

    Returns:
        (..., N, D); each query's weights sum to 1 over the keys that there are.

    Raises:
        ValueError: For shapes that do not fit, unlike numbers of queries and keys, or a negative window.
    """
    _check(query, key, value)
    size = query.shape[-2]
    if window < 0 or key.shape[-2] != size:
        raise ValueError(f"windows need as many keys as queries and window at least 0, not {key.shape[-2]} keys, "
                         f"{size} queries and window {window}")  # fmt: skip
    around = [torch.nn.functional.pad(x, (0, 0, window, window)).unfold(-2, 2 * window + 1, 1) for x in (key, value)]
    scores = torch.einsum("...ne,...new->...nw", query, around[0]) / math.sqrt(query.shape[-1])
    places = torch.arange(size, device=query.device)[:, None] + torch.arange(-window, window + 1, device=query.device)
    weights = scores.masked_fill((places < 0) | (places >= size), -torch.inf).softmax(-1)
    return torch.einsum("...nw,...ndw->...nd", weights, around[1])


def _check(query: Tensor, key: Tensor, value: Tensor) -> None:
    """One line for shapes that do not fit."""
    fits = min(query.ndim, key.ndim, value.ndim) >= 2 and query.shape[-1] == key.shape[-1]
    if not fits or key.shape[-2] != value.shape[-2] or not key.shape[-2]:
        shapes = ", ".join(str(tuple(x.shape)) for x in (query, key, value))
        raise ValueError(f"query, key and value must be (..., N, E), (..., M, E) and (..., M, D), not {shapes}")
