"""Keeping a slow copy of the weights (chapter 3, "training-tricks").

    average <- decay * average + (1 - decay) * weights        after each step

SGD's weights tremble around a good place; their running average sits nearer to its middle. The first copy is the first
weights seen. Polyak and Juditsky 1992; equal to torch's AveragedModel with get_ema_multi_avg_fn.
"""

from __future__ import annotations

import copy

import torch
from torch import nn


class EMA:
    """Exponential moving average of a model's parameters; buffers (running statistics) are copied as they are."""

    def __init__(self, model: nn.Module, decay: float = 0.99):
        """Copy the model.

        Args:
            model: Whose parameters will be averaged.
            decay: Share of the old average kept at each update, at least 0 and below 1; it remembers about
                1 / (1 - decay) steps.

        Raises:
            ValueError: For a decay out of range.
        """
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, not {decay}")
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards the model's present parameters.

        Args:
            model: The one given at the start, after an optimiser step.
        """
        for slow, fast in zip(self.model.parameters(), model.parameters(), strict=True):
            slow.lerp_(fast, 1 - self.decay)
        for kept, current in zip(self.model.buffers(), model.buffers(), strict=True):
            kept.copy_(current)
