"""Stochastic gradient descent with momentum, and how noisy its gradients are (chapter 2, "sgd" and "momentum").

    g <- grad of the mini-batch loss + weight_decay * p
    v <- momentum * v + g          (v starts as the first g)
    p <- p - lr * v

Step for step equal to `torch.optim.SGD` with the same arguments. Robbins and Monro (1951); Polyak (1964).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


class SGD:
    """Updates parameters in place from their `.grad`, with the interface of torch's optimisers."""

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0, weight_decay: float = 0.0):
        """Remember the parameters and start without velocity.

        Args:
            params: Tensors that require gradients.
            lr: Learning rate, above 0.
            momentum: 0 for plain SGD, below 1.
            weight_decay: Adds weight_decay * p to the gradient of each parameter p, at least 0.

        Raises:
            ValueError: For no parameters or a value out of range.
        """
        self.params = list(params)
        check_positive(lr=lr)
        if not self.params or not 0 <= momentum < 1 or weight_decay < 0:
            raise ValueError(
                "SGD needs at least one parameter, 0 <= momentum < 1 and weight_decay >= 0, "
                f"not {len(self.params)} parameters, momentum={momentum}, weight_decay={weight_decay}"
            )
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.velocity: list[Tensor | None] = [None] * len(self.params)

    def zero_grad(self) -> None:
        """Forget the gradients of the last batch."""
        for p in self.params:
            p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient once."""
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad + self.weight_decay * p if self.weight_decay else p.grad
            if self.momentum:
                v = self.velocity[i]
                g = g.clone() if v is None else v.mul_(self.momentum).add_(g)
                self.velocity[i] = g
            p.sub_(g, alpha=self.lr)


def gradient_noise(
    loss: Callable[[Tensor, Tensor], Tensor],
    weights: Tensor,
    samples: int,
    batch: int,
    draws: int,
    generator: torch.Generator,
) -> float:
    """Root-mean-square distance between mini-batch gradients and the full gradient.

    For batches drawn with replacement it falls as 1 / sqrt(batch).

    Args:
        loss: Maps weights (D,) and sample indices (B,) int64 to the mean loss of those samples, shape ().
        weights: (D,) where the gradient is taken.
        samples: Size N of the whole data set.
        batch: Samples in a mini-batch, 1 ... N.
        draws: Number of mini-batches.
        generator: Where the indices come from.

    Raises:
        ValueError: For no draws, or a batch that is empty or larger than the data set.
    """
    check_tensors(weights=(weights, "D"))
    check_positive(draws=draws)
    if not 1 <= batch <= samples:
        raise ValueError(f"batch must be 1 to {samples}, the size of the data set, not {batch}")
    gradient = torch.func.grad(loss)
    full = gradient(weights, torch.arange(samples, device=weights.device))
    drawn = torch.randint(samples, (draws, batch), generator=generator, device=weights.device)  # (draws, B)
    each = torch.func.vmap(gradient, in_dims=(None, 0))(weights, drawn)  # (draws, D)
    return float((each - full).square().sum(dim=1).mean().sqrt())
