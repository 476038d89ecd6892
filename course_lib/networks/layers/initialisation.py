"""How to draw the first weights (chapter 3, "initialisation").

With n_in inputs of variance v a linear layer's outputs have variance n_in Var(w) v, and its backward pass multiplies
the gradient's variance by n_out Var(w). To keep a signal alive through many layers:

    Xavier (Glorot and Bengio 2010)     Var(w) = 2 / (n_in + n_out)        for tanh: a compromise of both directions
    He (He et al. 2015, 1502.01852)     Var(w) = 2 / n_in                  for ReLU, which halves the second moment

Weights are (n_out, n_in), as in torch.nn.Linear; kernels (n_out, n_in, h, w) count each of the h w taps as an input.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, describe


def fans(weight: Tensor) -> tuple[int, int]:
    """Inputs to one output and outputs of one input.

    Args:
        weight: (n_out, n_in) or (n_out, n_in, h, w).

    Raises:
        ValueError: For a tensor with fewer than two axes or no entries.
    """
    if not isinstance(weight, Tensor) or weight.ndim < 2 or weight.numel() == 0:
        raise ValueError(f"weight must be (n_out, n_in) or (n_out, n_in, h, w), not a {describe(weight)}")
    taps = weight[0, 0].numel()
    return weight.shape[1] * taps, weight.shape[0] * taps


@torch.no_grad()
def normal_(weight: Tensor, deviation: float, generator: torch.Generator | None = None) -> Tensor:
    """Fill a weight in place with normal numbers of mean 0 and the given standard deviation; what "naive" starts use.

    Args:
        weight: Any shape.
        deviation: Above 0.
        generator: On the weight's device.

    Raises:
        ValueError: For a deviation that is not above 0.
    """
    check_positive(deviation=deviation)
    return weight.copy_(deviation * torch.randn(weight.shape, generator=generator, dtype=weight.dtype,
                                                device=weight.device))  # fmt: skip


def xavier_normal_(weight: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Fill in place with variance 2 / (n_in + n_out).

    Args:
        weight: (n_out, n_in) or (n_out, n_in, h, w).
        generator: On the weight's device.

    Raises:
        ValueError: For a weight without fans.
    """
    return normal_(weight, (2 / sum(fans(weight))) ** 0.5, generator)


def he_normal_(weight: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Fill in place with variance 2 / n_in.

    Args:
        weight: (n_out, n_in) or (n_out, n_in, h, w).
        generator: On the weight's device.

    Raises:
        ValueError: For a weight without fans.
    """
    return normal_(weight, (2 / fans(weight)[0]) ** 0.5, generator)


def signal_by_depth(
    x: Tensor,
    depth: int,
    activation: Callable[[Tensor], Tensor],
    *,
    fill_: Callable[[Tensor, torch.Generator], object],
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Send data through freshly drawn square layers, and a random gradient back; measure both on the way.

    Args:
        x: (N, D) inputs, floating point.
        depth: Number of layers D x D, at least 1.
        activation: Entry by entry, differentiable by autograd.
        fill_: Fills a (D, D) weight in place from a generator.
        generator: Source of weights and of the gradient, on x's device.

    Returns:
        Mean square of the activations after each layer, and mean square of the gradient that arrives at each layer's
        output when a gradient of mean square 1 enters at the last; both (depth,).

    Raises:
        ValueError: For a bad input or depth.
    """
    check_positive(depth=depth)
    fans(x)  # refuses what is no matrix
    outputs = []
    a = x.detach().requires_grad_()
    for _ in range(depth):
        weight = torch.empty(x.shape[1], x.shape[1], dtype=x.dtype, device=x.device)
        fill_(weight, generator)
        a = activation(a @ weight.T)
        outputs.append(a)
    entering = torch.randn(a.shape, generator=generator, dtype=x.dtype, device=x.device)
    arriving = torch.autograd.grad(a, outputs, entering)
    return (torch.stack([a.detach().square().mean() for a in outputs]),
            torch.stack([g.square().mean() for g in arriving]))  # fmt: skip
