"""SimSiam (chapter "non-contrastive"): two views shall agree, and nothing is pushed apart.

Chen and He 2021, arXiv:2011.10566, algorithm 1. With z = g(f(x)) and a predictor p:

    loss = -1/2 cos(p(z_1), stop(z_2)) - 1/2 cos(p(z_2), stop(z_1))

stop(z) is z without gradients. Without it every output may become one and the same vector, loss -1: collapse. The
spread of the outputs shows it: of z / |z| in d dimensions take the deviation of each dimension over pictures, times
sqrt(d). It is 0 after a collapse and about 1 when directions are spread evenly over the sphere. A batch norm at the end
forbids equal outputs, but not that all coordinates say the same: `effective_dimensions` counts directions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_shapes
from course_lib.self_supervised.encoder import SmallEncoder, projector


def negative_cosine(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Minus the mean cosine of (B, D) and (B, D), shape (), in [-1, 1]."""
    check_shapes(predicted=(predicted, "B D"), wanted=(wanted, "B D"))
    return -F.cosine_similarity(predicted, wanted, dim=1).mean()


def output_spread(z: Tensor) -> Tensor:
    """Mean over dimensions of the deviation of z / |z|, times sqrt(d): shape (), 0 (collapsed) to 1.

    Args:
        z: (N, d), N at least 2.
    """
    check_shapes(z=(z, "N d"))
    if len(z) < 2:
        raise ValueError(f"z must hold at least two outputs, not {len(z)}")
    return F.normalize(z, dim=1).std(0, correction=0).mean() * z.shape[1] ** 0.5


def effective_dimensions(z: Tensor) -> Tensor:
    """In how many directions outputs differ: exp of the entropy of p_k = s_k / sum s, shape (), 1 to d.

    s_k are the singular values of the centred outputs (Roy and Vetterli 2007, "effective rank").

    Args:
        z: (N, d), N at least 2.
    """
    check_shapes(z=(z, "N d"))
    if len(z) < 2:
        raise ValueError(f"z must hold at least two outputs, not {len(z)}")
    share = torch.linalg.svdvals(z - z.mean(0))
    share = share / share.sum()
    return torch.special.entr(share).sum().exp()


class SimSiam(nn.Module):
    """Encoder, head and predictor.

    Args:
        encoder: From images to (B, D); has `dimensions`.
        outputs: Dimensions of z.
        bottleneck: Width inside the predictor.
        stop: Whether the wanted side is cut off from the gradients.
    """

    def __init__(self, encoder: SmallEncoder, outputs: int = 128, bottleneck: int = 32, *, stop: bool = True):
        super().__init__()
        self.encoder, self.stop = encoder, stop
        self.head = projector(encoder.dimensions, encoder.dimensions, outputs, last_norm=True)
        self.predictor = projector(outputs, bottleneck, outputs)

    def loss(self, first: Tensor, second: Tensor) -> Tensor:
        """Of two views (B, 3, H, W) of the same pictures, shape (), in [-1, 1]."""
        z = self.head(self.encoder(torch.cat([first, second])))
        p = self.predictor(z)
        wanted = (z.detach() if self.stop else z).roll(len(first), 0)  # the other view of the same picture
        return negative_cosine(p, wanted)
