"""Relative position (chapter "relative-position"): of two tiles of a picture, where does the second lie to the first?

Doersch, Gupta and Efros 2015, arXiv:1505.05192. Tiles of a 3 x 3 grid (`grid.py`), the middle one and one of its eight
neighbours, numbered row by row without the middle:

    0 1 2
    3 . 4        p(k | a, b) = softmax_k  W2 relu(norm(W1 [f(a), f(b)])),     loss = -log p(true k | a, b)
    5 6 7

The paper draws one neighbour of each picture; here all eight are asked at once, because the nine tiles are cut anyway.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_shapes
from course_lib.self_supervised.encoder import SmallEncoder, projector

NEIGHBOURS = (0, 1, 2, 3, 5, 6, 7, 8)  # tiles of the grid around the middle, 4


class RelativePosition(nn.Module):
    """Encoder and a head for pairs of tiles.

    Args:
        encoder: From tiles to (B, D); has `dimensions`.
        hidden: Width of the head.
    """

    def __init__(self, encoder: SmallEncoder, hidden: int = 128):
        super().__init__()
        self.encoder, self.head = encoder, projector(2 * encoder.dimensions, hidden, 8)

    def forward(self, tiles: Tensor) -> Tensor:
        """Logits (B, 8, 8) of tiles (B, 9, 3, P, P): for each neighbour, where it lies."""
        check_shapes(tiles=(tiles, "B 9 3 P P"))
        f = self.encoder(tiles.flatten(0, 1)).view(len(tiles), 9, -1)  # (B, 9, D)
        pairs = torch.cat([f[:, 4:5].expand(-1, 8, -1), f[:, NEIGHBOURS]], 2)  # (B, 8, 2 D)
        return self.head(pairs.flatten(0, 1)).view(len(tiles), 8, 8)

    def loss(self, tiles: Tensor) -> Tensor:
        """Cross-entropy over all eight neighbours of each picture, shape ()."""
        logits = self(tiles)
        return F.cross_entropy(logits.flatten(0, 1), torch.arange(8, device=tiles.device).repeat(len(tiles)))

    @torch.no_grad()
    def accuracy(self, tiles: Tensor) -> float:
        """Share of neighbours that are placed rightly, in [0, 1]; a guess has 1/8."""
        return float((self(tiles).argmax(2) == torch.arange(8, device=tiles.device)).float().mean())
