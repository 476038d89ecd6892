"""SimCLR (chapter "simclr"): two views of a picture shall be nearer to each other than to all others of the batch.

Chen et al. 2020, arXiv:2002.05709, algorithm 1. Views 0 ... N - 1 and N ... 2N - 1, view i belongs to view i + N:

    z_i = g(f(x_i)) / |g(f(x_i))|,     s_ij = z_i . z_j
    loss_i = -log  exp(s_ip / tau) / sum over j not i of exp(s_ij / tau),    p the partner of i;  mean over all 2N

f is the encoder that is kept, g a head that is thrown away. InfoNCE (van den Oord et al. 2018, arXiv:1807.03748) is the
same cross-entropy for any queries and keys; MoCo and CLIP use it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.self_supervised.encoder import SmallEncoder, projector


def nt_xent(z: Tensor, temperature: float = 0.5) -> Tensor:
    """The normalised, temperature-scaled cross-entropy.

    Args:
        z: (2N, D), N at least 1: first views, then second views, in the same order; normalised here.
        temperature: tau, above 0.

    Returns:
        The mean loss of shape ().

    Raises:
        ValueError: For an odd number of rows or a temperature that is not above 0.
    """
    check_shapes(z=(z, "N D"))
    check_positive(temperature=temperature)
    if len(z) % 2:
        raise ValueError(f"z must hold two views of each picture, an even number of rows, not {len(z)}")
    z = F.normalize(z, dim=1)
    scores = z @ z.T / temperature  # (2N, 2N)
    scores.fill_diagonal_(float("-inf"))  # a view is not its own partner
    partner = torch.arange(len(z), device=z.device).roll(len(z) // 2)
    return F.cross_entropy(scores, partner)


def info_nce(queries: Tensor, keys: Tensor, targets: Tensor, *, temperature: float = 0.1) -> Tensor:
    """-log softmax of a query's cosines with all keys, at the right key.

    Args:
        queries: (N, D), normalised here.
        keys: (M, D), normalised here.
        targets: (N,) int64: the right key of each query.
        temperature: tau, above 0.

    Returns:
        The mean loss of shape ().

    Raises:
        ValueError: For shapes that do not fit or a temperature that is not above 0.
    """
    check_shapes(queries=(queries, "N D"), keys=(keys, "M D"))
    check_positive(temperature=temperature)
    scores = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature  # (N, M)
    return F.cross_entropy(scores, targets)


class SimCLR(nn.Module):
    """Encoder and head.

    Args:
        encoder: From images to (B, D); has `dimensions`.
        outputs: Dimensions where the loss is computed; 0 for no head at all (the loss then works on the features).
        temperature: tau.
    """

    def __init__(self, encoder: SmallEncoder, outputs: int = 64, temperature: float = 0.5):
        super().__init__()
        d = encoder.dimensions
        self.encoder, self.temperature = encoder, temperature
        self.head = projector(d, d, outputs) if outputs else nn.Identity()

    def loss(self, first: Tensor, second: Tensor) -> Tensor:
        """NT-Xent of two views (B, 3, H, W) of the same pictures; both go through the network in one batch."""
        return nt_xent(self.head(self.encoder(torch.cat([first, second]))), self.temperature)
