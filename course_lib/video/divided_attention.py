"""Attention in time, then in space: a transformer for clips (chapter 12, "action-recognition", what is used today).

A clip of T frames with N patches each has T N tokens. If every token looks at all, there are (T N)^2 pairs. Divided,
each token first looks at the T tokens at its own place, then at the N tokens of its own frame: T N (T + N) pairs.

    x <- x + attend over time(norm(x));   x <- x + attend over space(norm(x));   x <- x + MLP(norm(x))

Bertasius, Wang, Torresani, Is space-time attention all you need for video understanding?, ICML 2021, arXiv:2102.05095.
On purpose small; a mean over all tokens takes the place of the class token.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive
from course_lib.networks.attention import MultiHeadAttention
from course_lib.networks.transformer import TransformerEncoderLayer
from course_lib.video.clips import check_clips


class DividedLayer(TransformerEncoderLayer):
    """Time, space, feed-forward, each behind a norm and beside a shortcut.

    Args:
        dimensions: E, a multiple of heads.
        heads: h.
        hidden: Width of the feed-forward network.
        dropout: Probability of dropping.
    """

    def __init__(self, dimensions: int, heads: int, hidden: int, *, dropout: float = 0.0):
        super().__init__(dimensions, heads, hidden, dropout=dropout, activation="gelu", norm_first=True)
        self.time_attn, self.norm3 = MultiHeadAttention(dimensions, heads, dropout=dropout), nn.LayerNorm(dimensions)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """(B, T, N, E) to the same shape."""
        batch, frames, places, _ = x.shape
        along = self.norm3(x).transpose(1, 2).flatten(0, 1)  # (B N, T, E)
        x = x + self.dropout(self.time_attn(along)).unflatten(0, (batch, places)).transpose(1, 2)
        across = self.norm1(x).flatten(0, 1)  # (B T, N, E)
        x = x + self.attend(across, None, False).unflatten(0, (batch, frames))
        return x + self.feed_forward(self.norm2(x))


class DividedTransformer(nn.Module):
    """Patches of all frames as tokens, divided attention, the mean, a linear layer.

    Args:
        classes: K.
        frames: T.
        size: Image side in pixels, a multiple of the patch.
        patch: Side of a patch.
        dimensions: E.
        heads: h.
        layers: How many.
    """

    def __init__(self, classes: int, frames: int = 8, size: int = 64, *, patch: int = 8, dimensions: int = 64,
                 heads: int = 4, layers: int = 4):  # fmt: skip
        super().__init__()
        check_positive(classes=classes, frames=frames, size=size, patch=patch, layers=layers)
        if size % patch:
            raise ValueError(f"size must be a multiple of patch, not {size} and {patch}")
        self.shape = (frames, 3, size, size)
        self.patches = nn.Conv2d(3, dimensions, patch, patch)
        self.place = nn.Parameter(0.02 * torch.randn(1, 1, (size // patch) ** 2, dimensions))
        self.moment = nn.Parameter(0.02 * torch.randn(1, frames, 1, dimensions))
        self.layers = nn.Sequential(*(DividedLayer(dimensions, heads, 4 * dimensions) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(dimensions), nn.Linear(dimensions, classes)

    def forward(self, clips: Tensor) -> Tensor:
        """Logits (B, K) of clips (B, T, 3, size, size) in [0, 1].

        Raises:
            ValueError: For clips of another shape than the network was built for.
        """
        check_clips(clips)
        if clips.shape[1:] != self.shape:
            raise ValueError(f"this transformer reads clips of shape (B, {', '.join(map(str, self.shape))}), not "
                             f"{tuple(clips.shape)}")  # fmt: skip
        tokens = self.patches(2 * clips.flatten(0, 1) - 1).flatten(2).transpose(1, 2)  # (B T, N, E)
        x = tokens.unflatten(0, clips.shape[:2]) + self.place + self.moment
        return self.head(self.norm(self.layers(x)).mean((1, 2)))
