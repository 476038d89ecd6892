"""Dropout (chapter 3, "dropout"): while training, switch each unit off with probability p.

    training      y = m x / (1 - p),  m = 0 with probability p, else 1, drawn for each entry of each sample
    evaluation    y = x

The division keeps the mean: E[y] = x in both modes, so nothing has to be rescaled at test time.
Srivastava et al., JMLR 15 (2014).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Equal to torch.nn.Dropout, with a generator of its own if one is given."""

    def __init__(self, p: float = 0.5, generator: torch.Generator | None = None):
        """Remember the probability of being switched off.

        Args:
            p: At least 0 and below 1.
            generator: Source of the masks, on the inputs' device; torch's global stream without it.

        Raises:
            ValueError: For p outside [0, 1).
        """
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p, the probability of switching a unit off, must be at least 0 and below 1, not {p}")
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        """Drop while training, pass through while evaluating; any shape."""
        if not self.training or self.p == 0:
            return x
        drawn = torch.rand(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)
        return x * (drawn >= self.p) / (1 - self.p)
