"""Stochastic gradient descent with momentum, and how noisy its gradients are (chapter 2, "sgd" and "momentum").

    g <- grad of the mini-batch loss + weight_decay * p
    v <- momentum * v + g          (v starts as the first g)
    p <- p - lr * v                (Nesterov: p <- p - lr * (g + momentum * v))

Step for step equal to `torch.optim.SGD` with the same arguments. Robbins and Monro (1951); Polyak (1964);
Nesterov (1983) in the form of Sutskever et al. (2013).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.optim.optimiser import Optimiser


class SGD(Optimiser):
    """Stochastic gradient descent, with the interface of torch's optimisers."""

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        """Remember the parameters and start without velocity.

        Args:
            params: Tensors that require gradients, or groups of them.
            lr: Learning rate, above 0.
            momentum: 0 for plain SGD, below 1.
            weight_decay: Adds weight_decay * p to the gradient of each parameter p, at least 0.
            nesterov: Look ahead along the velocity; needs momentum.

        Raises:
            ValueError: For no parameters or a value out of range.
        """
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)

    def check(self, group: dict[str, Any]) -> None:
        """Momentum in [0, 1), weight decay at least 0, Nesterov with momentum."""
        momentum, decay = group["momentum"], group["weight_decay"]
        if not 0 <= momentum < 1 or decay < 0:
            raise ValueError(f"SGD needs 0 <= momentum < 1 and weight_decay >= 0, not {momentum} and {decay}")
        if group["nesterov"] and momentum == 0:
            raise ValueError("nesterov looks ahead along the velocity and needs a momentum above 0")

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any], state: dict[str, Any]) -> None:
        """One step of the equations above."""
        momentum = group["momentum"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        if momentum:
            v = state.get("momentum_buffer")
            v = state["momentum_buffer"] = g.clone() if v is None else v.mul_(momentum).add_(g)
            g = g.add(v, alpha=momentum) if group["nesterov"] else v
        p.sub_(g, alpha=group["lr"])


def gradient_noise(
    loss: Callable[[Tensor, Tensor], Tensor],
    weights: Tensor,
    samples: int,
    *,
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
