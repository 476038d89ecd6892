"""Jigsaw (chapter "jigsaw"): nine tiles in disorder, which of a fixed set of orders is it?

Noroozi and Favaro 2016, arXiv:1603.09246. There are 9! = 362,880 orders; a set of a few that differ in as many places
as possible makes the task clear. Greedily:

    begin with a random order;  then again and again add the order whose least distance to the set is largest,
    of several such the one whose mean distance is largest                  (the paper's algorithm 1: the mean alone)

Hamming distance: in how many of the nine places two orders differ; at most 9. Orders at distance 9 from each other form
a Latin rectangle, so at most nine of them exist; a larger set cannot have 9 throughout.

    p(k | tiles) = softmax_k  W2 relu(norm(W1 [f(t_1), ..., f(t_9)])),    loss = -log p(true k)
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_labels, check_positive, check_shapes
from course_lib.self_supervised.encoder import SmallEncoder, projector


def permutation_set(count: int, generator: torch.Generator, *, tiles: int = 9) -> Tensor:
    """A set of orders far from each other.

    Args:
        count: How many, at least 1 and at most tiles!.
        generator: Chooses the first order and among equally good ones; on the CPU.
        tiles: At most 9.

    Returns:
        (count, tiles) int64, each row an order of 0 ... tiles - 1, all different.

    Raises:
        ValueError: For numbers out of range.
    """
    check_positive(count=count, tiles=tiles)
    if tiles > 9:
        raise ValueError(f"tiles must be at most 9, of which all orders fit into memory, not {tiles}")
    every = torch.tensor(list(itertools.permutations(range(tiles))), dtype=torch.uint8)  # (tiles!, tiles)
    if count > len(every):
        raise ValueError(f"count must be at most {len(every)}, the orders of {tiles} tiles, not {count}")
    tie = torch.rand(len(every), generator=generator)  # below 1: decides between equal sums of whole numbers
    chosen = [int(tie.argmax())]
    total, least = torch.zeros(len(every)), torch.full((len(every),), float(tiles))
    while len(chosen) < count:
        distance = (every != every[chosen[-1]]).sum(1)
        total, least = total + distance, least.minimum(distance)
        open_ = least * tiles * count + total + tie
        open_[chosen] = -1.0
        chosen.append(int(open_.argmax()))
    return every[chosen].long()


def hamming_distances(orders: Tensor) -> Tensor:
    """In how many places two orders differ: (K, T) int64 to (K, K) int64."""
    return (orders[:, None] != orders[None]).sum(2)


class Jigsaw(nn.Module):
    """Encoder and a head that sees nine tiles.

    Args:
        encoder: From tiles to (B, D); has `dimensions`.
        orders: (K, 9) int64, the set that is asked about.
        hidden: Width of the head.
    """

    orders: Tensor

    def __init__(self, encoder: SmallEncoder, orders: Tensor, hidden: int = 128):
        super().__init__()
        self.encoder, self.head = encoder, projector(9 * encoder.dimensions, hidden, len(orders))
        self.register_buffer("orders", orders)

    def forward(self, tiles: Tensor) -> Tensor:
        """Logits (B, K) of tiles (B, 9, 3, P, P) in the order in which they are given."""
        check_shapes(tiles=(tiles, "B 9 3 P P"))
        return self.head(self.encoder(tiles.flatten(0, 1)).view(len(tiles), -1))

    def shuffle(self, tiles: Tensor, labels: Tensor) -> Tensor:
        """Tiles (B, 9, 3, P, P) in the orders that labels (B,) name: place j shows tile orders[label, j]."""
        check_labels("labels", labels, len(self.orders), tiles=tiles)
        return tiles[torch.arange(len(tiles), device=tiles.device)[:, None], self.orders[labels]]

    def loss(self, tiles: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of tiles in their right order, which are shuffled here as labels (B,) say; shape ()."""
        return F.cross_entropy(self(self.shuffle(tiles, labels)), labels)
