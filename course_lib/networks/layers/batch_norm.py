"""Batch normalisation (chapter 3, "batch-norm"): standardise every feature inside the network.

    training      y = gamma (x - mean) / sqrt(var + eps) + beta,     mean and var of this feature over the batch
                  running <- (1 - momentum) running + momentum * (mean, var N / (N - 1))
    evaluation    the same formula with the running mean and variance

For images (B, C, H, W) a feature is a channel, and the batch counts every pixel: N = B H W. Parameter and buffer names
are those of torch.nn.BatchNorm1d and BatchNorm2d. Ioffe and Szegedy 2015, 1502.03167.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import describe


class BatchNorm(nn.Module):
    """Equal to torch.nn.BatchNorm1d for (N, D) and to BatchNorm2d for (B, C, H, W)."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, features: int, eps: float = 1e-5, momentum: float = 0.1):
        """Start with scale 1, shift 0, running mean 0 and running variance 1.

        Args:
            features: D or C, at least 1.
            eps: Added to the variance.
            momentum: Weight of the newest batch in the running statistics.

        Raises:
            ValueError: For fewer than one feature.
        """
        super().__init__()
        if features < 1:
            raise ValueError(f"features must be at least 1, not {features}")
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(features))  # gamma
        self.bias = nn.Parameter(torch.zeros(features))  # beta
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, D) or (B, C, H, W).

        Raises:
            ValueError: For other shapes, or for a single value a feature while training.
        """
        if x.ndim not in (2, 4) or x.shape[1] != len(self.weight):
            raise ValueError(f"x must be (N, {len(self.weight)}) or (B, {len(self.weight)}, H, W), not a {describe(x)}")
        axes = (0,) if x.ndim == 2 else (0, 2, 3)
        shape = (1, -1) if x.ndim == 2 else (1, -1, 1, 1)
        if self.training:
            count = x.numel() // x.shape[1]
            if count < 2:
                raise ValueError("a batch of one value a feature has no variance; use a larger batch or eval()")
            mean, variance = x.mean(axes), x.var(axes, unbiased=False)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * count / (count - 1), self.momentum)
                self.num_batches_tracked += 1
        else:
            mean, variance = self.running_mean, self.running_var
        normal = (x - mean.view(shape)) / (variance.view(shape) + self.eps).sqrt()
        return normal * self.weight.view(shape) + self.bias.view(shape)
