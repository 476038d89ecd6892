"""MoCo (chapter "moco"): negatives from a queue of earlier batches, made by an encoder that follows slowly.

He et al. 2020, arXiv:1911.05722, algorithm 1; the head of two layers is MoCo v2's, arXiv:2003.04297.

    q = f_q(view 1),  k+ = f_k(view 2) without gradients,  both of length 1;  k_1 ... k_K the queue
    loss = -log  exp(q . k+ / tau) / (exp(q . k+ / tau) + sum over j of exp(q . k_j / tau))
    after the step    theta_k <- m theta_k + (1 - m) theta_q,     the oldest B keys leave the queue, k+ enter

A small batch so has thousands of negatives. The keys in the queue come from older networks; m near 1 keeps these alike.

Batch norm leaks: q and k+ come from one batch, whose mean and deviation mark both, the queue's keys from others.
The paper shuffles the batch over machines; here the key batch is cut into `groups` random parts that are normalised
apart. The key network's running statistics are its own.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.self_supervised.encoder import SmallEncoder, projector


class Queue(nn.Module):
    """The latest keys, first in, first out.

    Args:
        size: K, at least 1.
        dimensions: D of a key.
        generator: Draws the first keys, random directions.
    """

    keys: Tensor
    position: Tensor

    def __init__(self, size: int, dimensions: int, *, generator: torch.Generator):
        super().__init__()
        check_positive(size=size, dimensions=dimensions)
        self.register_buffer("keys", F.normalize(torch.randn(size, dimensions, generator=generator), dim=1))
        self.register_buffer("position", torch.zeros((), dtype=torch.int64))  # where the next key goes: the oldest

    @torch.no_grad()
    def push(self, keys: Tensor) -> None:
        """Keys (B, D) replace the B oldest ones; B at most the queue's size.

        Raises:
            ValueError: For keys of another shape, or more than the queue holds.
        """
        check_shapes(keys=(keys, f"B {self.keys.shape[1]}"))
        if len(keys) > len(self.keys):
            raise ValueError(f"keys must be at most {len(self.keys)}, the queue's size, not {len(keys)}")
        at = (self.position + torch.arange(len(keys), device=keys.device)) % len(self.keys)
        self.keys[at] = keys.detach()
        self.position.add_(len(keys)).remainder_(len(self.keys))


@torch.no_grad()
def momentum_update(slow: nn.Module, fast: nn.Module, momentum: float) -> None:
    """theta_slow <- m theta_slow + (1 - m) theta_fast, for parameters; buffers stay the slow network's own.

    Raises:
        ValueError: For a momentum outside [0, 1].
    """
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum must be in [0, 1], not {momentum}")
    for old, new in zip(slow.parameters(), fast.parameters(), strict=True):
        old.mul_(momentum).add_(new, alpha=1 - momentum)


def moco_loss(queries: Tensor, keys: Tensor, queue: Tensor, *, temperature: float = 0.2) -> Tensor:
    """InfoNCE with one positive each and the queue's keys as negatives.

    Args:
        queries: (B, D), length 1.
        keys: (B, D), length 1; key b belongs to query b.
        queue: (K, D), length 1.
        temperature: tau, above 0.

    Returns:
        The mean loss of shape ().
    """
    check_shapes(queries=(queries, "B D"), keys=(keys, "B D"), queue=(queue, "K D"))
    check_positive(temperature=temperature)
    positive = (queries * keys).sum(1, keepdim=True)  # (B, 1)
    scores = torch.cat([positive, queries @ queue.T], 1) / temperature  # (B, 1 + K), the right one in front
    return F.cross_entropy(scores, torch.zeros(len(queries), dtype=torch.int64, device=queries.device))


class MoCo(nn.Module):
    """Two encoders with heads and a queue.

    Args:
        encoder: From images to (B, D); has `dimensions`. The one that is kept.
        generator: Fills the queue at the start.
        outputs: Dimensions of a key.
        size: K.
        momentum: m.
        temperature: tau.
        groups: Parts of a key batch that are normalised apart.
    """

    def __init__(self, encoder: SmallEncoder, *, generator: torch.Generator, outputs: int = 64, size: int = 2048,
                 momentum: float = 0.99, temperature: float = 0.2, groups: int = 4):  # fmt: skip
        super().__init__()
        check_positive(groups=groups, temperature=temperature)
        self.encoder, self.head = encoder, projector(encoder.dimensions, encoder.dimensions, outputs)
        self.slow = copy.deepcopy(nn.Sequential(self.encoder, self.head)).requires_grad_(False)
        self.queue = Queue(size, outputs, generator=generator)
        self.momentum, self.temperature, self.groups = momentum, temperature, groups

    @torch.no_grad()
    def keys(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Keys (B, D) of length 1 of images (B, 3, H, W), normalised in random groups."""
        order = torch.randperm(len(images), generator=generator, device=images.device)
        made = torch.cat([self.slow(images[part]) for part in order.chunk(self.groups)])
        return F.normalize(made, dim=1)[order.argsort()]

    def loss(self, first: Tensor, second: Tensor, generator: torch.Generator) -> Tensor:
        """One step's loss, shape (); first the slow network moves, last the keys enter the queue."""
        if self.training:
            momentum_update(self.slow, nn.Sequential(self.encoder, self.head), self.momentum)
        keys = self.keys(second, generator)
        queries = F.normalize(self.head(self.encoder(first)), dim=1)
        value = moco_loss(queries, keys, self.queue.keys.clone(), temperature=self.temperature)
        self.queue.push(keys)
        return value
