"""Deformable attention: a query looks at a few places that it chooses (chapter 10, "detr").

    out(q) = W_o sum over heads, levels l, points p of   a_qlp V_l( r_q + dx_qlp )

    r_q      the query's reference point in [0, 1]^2                 V_l    values W_v x of level l, read bilinearly
    dx_qlp   offsets, linear in the query, in places of the level    a_qlp  weights, linear in the query, softmax

Attention over N places costs N products a query; here it costs heads x levels x points look-ups, whatever the size of
the map, so that fine maps can be read. The softmax of attention starts flat over all places; here a query begins by
looking around its reference point, each head in another direction. That is why these detectors learn faster. Zhu, Su,
Lu, Li, Wang, Dai, Deformable DETR, 2020, arXiv:2010.04159. Equal to a slow loop over bilinear look-ups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes


def multi_scale_sample(values: Sequence[Tensor], places: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum of bilinear look-ups in several maps.

    Args:
        values: For each level (B, h, E, height, width): h heads with E numbers a place.
        places: (B, N, h, L, P, 2), x and y in [0, 1] of the map; beyond the map values are 0.
        weights: (B, N, h, L, P).

    Returns:
        (B, N, h, E).

    Raises:
        ValueError: For shapes that do not fit.
    """
    check_shapes(places=(places, "B N h L P 2"), weights=(weights, "B N h L P"),
                 **{f"values[{k}]": (level, f"B h E y{k} x{k}") for k, level in enumerate(values)})  # fmt: skip
    if len(values) != places.shape[3]:
        raise ValueError(f"{len(values)} levels of values, but places for {places.shape[3]}")
    grid = (2 * places - 1).permute(3, 0, 2, 1, 4, 5).flatten(1, 2)  # (L, B h, N, P, 2)
    much = weights.permute(3, 0, 2, 1, 4).flatten(1, 2)[:, :, None]  # (L, B h, 1, N, P)
    found = torch.zeros(())
    for level, where, part in zip(values, grid, much, strict=True):
        read = F.grid_sample(level.flatten(0, 1), where, align_corners=False)  # (B h, E, N, P)
        found = found.to(read.device) + (read * part).sum(-1)
    return found.unflatten(0, places.shape[:1] + places.shape[2:3]).permute(0, 3, 1, 2)


class DeformableAttention(nn.Module):
    """Multi-scale deformable attention.

    Args:
        dimensions: E, a multiple of heads.
        heads: h.
        levels: L, how many maps there are.
        points: P, look-ups a head and level.
    """

    def __init__(self, dimensions: int, heads: int, levels: int, *, points: int = 4):
        super().__init__()
        check_positive(dimensions=dimensions, heads=heads, levels=levels, points=points)
        if dimensions % heads:
            raise ValueError(f"dimensions must be a multiple of heads, not {dimensions} and {heads}")
        self.heads, self.levels, self.points = heads, levels, points
        self.offsets = nn.Linear(dimensions, heads * levels * points * 2)
        self.weights = nn.Linear(dimensions, heads * levels * points)
        self.value, self.output = nn.Linear(dimensions, dimensions), nn.Linear(dimensions, dimensions)
        nn.init.zeros_(self.offsets.weight)
        nn.init.zeros_(self.weights.weight)
        nn.init.zeros_(self.weights.bias)
        angle = torch.arange(heads) * (2 * math.pi / heads)
        ring = torch.stack([angle.cos(), angle.sin()], -1)
        ring = ring / ring.abs().amax(-1, keepdim=True)  # (h, 2): on the square around the point
        far = torch.arange(1.0, points + 1)[:, None]
        self.offsets.bias.data.copy_((ring[:, None, None] * far).expand(-1, levels, -1, -1).flatten())
        for layer in (self.value, self.output):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def places_and_weights(
        self, query: Tensor, reference: Tensor, sizes: Sequence[tuple[int, int]]
    ) -> tuple[Tensor, Tensor]:
        """Where each query looks, and how much it takes from there.

        Args:
            query: (B, N, E).
            reference: (B, N, 2) points x and y in [0, 1], or (B, N, 4) boxes, centre and size: then offsets are in
                half sizes of the box over the number of points.
            sizes: (height, width) of each level.

        Returns:
            Places (B, N, h, L, P, 2) in [0, 1], and weights (B, N, h, L, P) that sum to 1 over L and P.
        """
        shape = (self.heads, self.levels, self.points)
        offsets = self.offsets(query).unflatten(-1, (*shape, 2))
        weights = self.weights(query).unflatten(-1, (self.heads, -1)).softmax(-1).unflatten(-1, shape[1:])
        centre = reference[:, :, None, None, None, :2]
        if reference.shape[-1] == 4:
            step = reference[:, :, None, None, None, 2:] / (2 * self.points)
        else:
            step = torch.tensor([[1 / width, 1 / height] for height, width in sizes]).to(query)[:, None]  # (L, 1, 2)
        return centre + offsets * step, weights

    def forward(self, query: Tensor, reference: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """Look.

        Args:
            query: (B, N, E).
            reference: (B, N, 2) or (B, N, 4) in [0, 1], as in `places_and_weights`.
            maps: L maps (B, E, height, width).

        Returns:
            (B, N, E).

        Raises:
            ValueError: For shapes that do not fit.
        """
        check_shapes(query=(query, "B N E"), reference=(reference, "B N R"))
        if len(maps) != self.levels or reference.shape[-1] not in (2, 4):
            raise ValueError(f"{self.levels} maps and references of 2 or 4 numbers are needed, not {len(maps)} and "
                             f"{reference.shape[-1]}")  # fmt: skip
        places, weights = self.places_and_weights(
            query, reference, [(level.shape[2], level.shape[3]) for level in maps]
        )
        values = [self.value(level.movedim(1, -1)).movedim(-1, 1).unflatten(1, (self.heads, -1)) for level in maps]
        return self.output(multi_scale_sample(values, places, weights).flatten(2))
