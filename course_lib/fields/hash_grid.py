"""Learnt features on grids of many resolutions, kept in small tables (chapter 20, "beyond-encoding", "nerf").

    level l of L has N_l = floor(N_0 b^l) cells a side and a table of T feature vectors
    the 2^D corners c of a point's cell     row(c) = c_1 + c_2 (N_l + 1) + ...        if all (N_l + 1)^D corners fit
                                            row(c) = (c_1 p_1 xor c_2 p_2 xor ...) mod T      otherwise
    a level answers with the multilinear mean of its corners' vectors; a small MLP reads all levels side by side

Corners that share a row are not told apart: the gradients of the more important one win, and other levels differ.
Mueller et al. 2022, Instant NGP, 2201.05989: p = (1, 2654435761, 805459861). A step changes only the rows that were
read, and nothing has to be multiplied by a large matrix: that is where the speed comes from.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.fields.coordinates import relu_layers

PRIMES = (1, 2654435761, 805459861)
SIGNED_PRIMES = [p - 2**32 if p >= 2**31 else p for p in PRIMES]  # the same bits as int32


class _Bag(torch.autograd.Function):
    """`embedding_bag` whose backward adds rows up directly: several times faster on a CPU than torch's own."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(rows, weights)
        ctx.size = table.shape
        return F.embedding_bag(rows, table, per_sample_weights=weights, mode="sum")

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        rows, weights = ctx.saved_tensors
        shares = (slope[:, None] * weights[..., None]).flatten(0, 1)
        return slope.new_zeros(ctx.size).index_add_(0, rows.flatten().long(), shares), None, None


class HashGrid(nn.Module):
    """The encoding.

    Args:
        dims: D, 1 to 3.
        levels: L.
        table: T, rows of one level's table at most, a power of two.
        features: Numbers in a row.
        coarsest, finest: Cells a side of the first and last level.
    """

    def __init__(self, dims: int = 2, levels: int = 8, table: int = 2**12, *, features: int = 2, coarsest: int = 4,
                 finest: int = 64):  # fmt: skip
        super().__init__()
        check_positive(dims=dims, levels=levels, table=table, features=features, coarsest=coarsest)
        if dims > len(PRIMES) or finest < coarsest:
            raise ValueError(f"a hash grid has at most 3 dims and finest >= coarsest, not {dims}, {coarsest}, {finest}")
        if table & (table - 1):
            raise ValueError(f"table must be a power of two, so that mod is a mask, not {table}")
        growth = math.exp(math.log(finest / coarsest) / max(1, levels - 1))
        self.cells = [math.floor(coarsest * growth**k + 1e-6) for k in range(levels)]
        self.dims, self.size = dims, table
        rows = [min(table, (n + 1) ** dims) for n in self.cells]
        self.starts = [sum(rows[:k]) for k in range(levels)]
        self.table = nn.Parameter(torch.empty(sum(rows), features).uniform_(-1e-4, 1e-4))
        self.outputs = levels * features

    def dense(self, level: int) -> bool:
        """Whether each corner of a level has a row of its own."""
        return (self.cells[level] + 1) ** self.dims <= self.size

    def corners_of(self, points: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """Rows of the whole table that points read at a level.

        Args:
            points: (N, D) in [-1, 1].
            level: 0 to L - 1.

        Returns:
            (2^D, N) int32 rows and (2^D, N) weights, which sum to 1 for each point.
        """
        cells, dense = self.cells[level], self.dense(level)
        place = (points.t().contiguous().clamp(-1, 1) + 1) * (cells / 2)  # (D, N)
        low = place.detach().floor().clamp_(max=cells - 1)
        share = place - low
        factors = [(cells + 1) ** d for d in range(self.dims)] if dense else SIGNED_PRIMES[: self.dims]
        scaled = low.int() * torch.tensor(factors, dtype=torch.int32, device=points.device)[:, None]
        rows, weights = scaled.new_zeros(1, len(points)), share.new_ones(1, len(points))
        for d, factor in enumerate(factors):  # corners double with each axis; int32 wraps round, its low bits are right
            sides = torch.stack([scaled[d], scaled[d] + factor])[:, None]
            rows = (rows + sides if dense else rows ^ sides).flatten(0, 1)
            weights = (weights * torch.stack([1 - share[d], share[d]])[:, None]).flatten(0, 1)
        rows = rows if dense else rows & (self.size - 1)
        return rows + self.starts[level], weights

    def forward(self, points: Tensor) -> Tensor:
        """Points (N, D) in [-1, 1] (others are moved to the edge) to features (N, levels * features)."""
        check_shapes(points=(points, "N D"))
        if points.shape[1] != self.dims:
            raise ValueError(f"points must be (N, {self.dims}), not {tuple(points.shape)}")
        found = [self.corners_of(points, k) for k in range(len(self.cells))]
        rows = torch.stack([rows for rows, _ in found]).permute(2, 0, 1).reshape(-1, 2**self.dims)  # (N L, 2^D)
        weights = torch.stack([weights for _, weights in found]).permute(2, 0, 1).reshape(-1, 2**self.dims)
        if points.requires_grad:  # slower, with a slope for the points as well
            return (self.table[rows] * weights[..., None]).sum(1).view(len(points), self.outputs)
        return _Bag.apply(self.table, rows, weights).view(len(points), self.outputs)


class HashField(nn.Module):
    """A hash grid read by a small MLP: a field as quick to train as it is to ask.

    Args:
        dims: D.
        hidden: Units of the MLP's one hidden layer.
        outputs: Numbers at a point.
        **grid: Passed to `HashGrid`.
    """

    def __init__(self, dims: int = 2, hidden: int = 32, *, outputs: int = 3, **grid: int):
        super().__init__()
        self.grid = HashGrid(dims, **grid)
        self.layers = relu_layers(self.grid.outputs, outputs, hidden, depth=1)

    def forward(self, points: Tensor) -> Tensor:
        """Points (N, D) in [-1, 1] to values (N, outputs)."""
        return self.layers(self.grid(points))
