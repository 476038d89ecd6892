"""Activation functions with their derivatives written out (chapter 3, "activations").

    sigmoid     1 / (1 + e^-s)             s' = a (1 - a), at most 1/4
    tanh        (e^s - e^-s)/(e^s + e^-s)   1 - a^2, at most 1
    relu        max(s, 0)                   1 for s > 0, else 0
    leaky_relu  s for s > 0, else slope s   1 for s > 0, else slope
    elu         s for s > 0, else e^s - 1   1 for s > 0, else e^s
    gelu        s P(s)                      P(s) + s p(s)
    silu        s sigmoid(s)                sigmoid(s) (1 + s (1 - sigmoid(s)))

P and p are distribution and density of the standard normal. At s = 0, where ReLU and leaky ReLU have a corner, the
derivative from the left is taken, as in torch. Glorot, Bordes and Bengio 2011 (ReLU), Maas, Hannun and Ng 2013 (leaky),
Clevert, Unterthiner and Hochreiter 2015 (ELU), Hendrycks and Gimpel 2016, arXiv:1606.08415 (GELU and SiLU).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def sigmoid(s: Tensor) -> Tensor:
    """Squeeze any real number into (0, 1), entry by entry; through tanh, so that no exponential overflows."""
    return 0.5 + 0.5 * torch.tanh(0.5 * s)


def sigmoid_derivative(s: Tensor) -> Tensor:
    """a (1 - a) with a = sigmoid(s)."""
    a = sigmoid(s)
    return a * (1 - a)


def tanh(s: Tensor) -> Tensor:
    """Squeeze any real number into (-1, 1), entry by entry; expm1 keeps the digits of tiny inputs."""
    grown = torch.expm1(2 * s.clamp(max=20))  # e^2s - 1; beyond 20 the result is 1 in float64
    return grown / (grown + 2)


def tanh_derivative(s: Tensor) -> Tensor:
    """1 - a^2 with a = tanh(s)."""
    return 1 - tanh(s) ** 2


def relu(s: Tensor) -> Tensor:
    """Cut off what is below zero."""
    return s.clamp(min=0)


def relu_derivative(s: Tensor) -> Tensor:
    """1 above zero, 0 elsewhere."""
    return (s > 0).to(s.dtype)


def leaky_relu(s: Tensor, slope: float = 0.01) -> Tensor:
    """Keep a small slope below zero.

    Args:
        s: Any shape.
        slope: Derivative below zero.
    """
    return torch.where(s > 0, s, slope * s)


def leaky_relu_derivative(s: Tensor, slope: float = 0.01) -> Tensor:
    """1 above zero, `slope` elsewhere."""
    return slope + (1 - slope) * relu_derivative(s)


def elu(s: Tensor) -> Tensor:
    """Go smoothly to -1 below zero."""
    return torch.where(s > 0, s, torch.expm1(s.clamp(max=0)))


def elu_derivative(s: Tensor) -> Tensor:
    """1 above zero, e^s elsewhere."""
    return torch.where(s > 0, 1.0, torch.exp(s.clamp(max=0))).to(s.dtype)


def gelu(s: Tensor) -> Tensor:
    """Weigh s with the probability that a standard normal draw lies below it."""
    return 0.5 * s * torch.special.erfc(-s / math.sqrt(2))  # erfc keeps the digits of the left tail


def gelu_derivative(s: Tensor) -> Tensor:
    """The distribution, and s times the density."""
    density = torch.exp(-0.5 * s.square()) / math.sqrt(2 * math.pi)
    return 0.5 * torch.special.erfc(-s / math.sqrt(2)) + s * density


def silu(s: Tensor) -> Tensor:
    """Weigh s with its own sigmoid."""
    return s * sigmoid(s)


def silu_derivative(s: Tensor) -> Tensor:
    """a (1 + s (1 - a)) with a = sigmoid(s)."""
    a = sigmoid(s)
    return a * (1 + s * (1 - a))


Function = Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "sigmoid": (sigmoid, sigmoid_derivative),
    "tanh": (tanh, tanh_derivative),
    "relu": (relu, relu_derivative),
    "leaky_relu": (leaky_relu, leaky_relu_derivative),
    "elu": (elu, elu_derivative),
    "gelu": (gelu, gelu_derivative),
    "silu": (silu, silu_derivative),
}
