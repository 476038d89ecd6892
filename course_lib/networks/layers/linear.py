"""The layer s = W x + b and networks made of it (chapter 3, "neuron", "multi-neuron" and "mlp").

One neuron is one row of W. Batches stand in rows: X is (N, n_in), so a layer computes S = X W^T + b. Parameters have
torch.nn.Linear's names and shapes, so that state dictionaries can be exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_tensors
from course_lib.networks.layers.activations import relu
from course_lib.networks.layers.initialisation import he_normal_


def neuron(x: Tensor, w: Tensor, b: Tensor | float = 0.0) -> Tensor:
    """Weighted sum of inputs plus bias, before any activation.

    Args:
        x: (..., D) inputs.
        w: (D,) one weight for each input.
        b: Bias, one number.

    Returns:
        (...) one number for each sample.

    Raises:
        ValueError: If shapes do not fit.
    """
    check_tensors(x=(x, "... D"), w=(w, "D"))
    return x @ w + b


class Linear(nn.Module):
    """K neurons that see the same inputs."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator | None = None):
        """Draw weights by He's rule; biases start at zero.

        Args:
            inputs: n_in, at least 1.
            outputs: n_out, at least 1.
            generator: Source of the weights; torch's global stream without it.

        Raises:
            ValueError: For an empty layer.
        """
        super().__init__()
        check_positive(inputs=inputs, outputs=outputs)
        self.weight = nn.Parameter(he_normal_(torch.empty(outputs, inputs), generator))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(..., n_in) to (..., n_out)."""
        return x @ self.weight.T + self.bias


class MLP(nn.Module):
    """Multi-layer perceptron: linear layers with an activation between each two."""

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Callable[[Tensor], Tensor] = relu,
        generator: torch.Generator | None = None,
    ):
        """Stack layers.

        Args:
            sizes: Units of the input, of each hidden layer, and of the output; at least two numbers.
            activation: Entry by entry.
            generator: Source of the weights.

        Raises:
            ValueError: For fewer than two sizes or an empty layer.
        """
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"sizes must name at least the input and the output, not {list(sizes)}")
        self.layers = nn.ModuleList(Linear(a, b, generator) for a, b in pairwise(sizes))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) inputs to (..., K) scores; no activation after the last layer."""
        return self.layers[-1](self.hidden(x))

    def hidden(self, x: Tensor) -> Tensor:
        """What the last hidden layer makes of (..., D) inputs: the space in which the output layer draws its lines."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return x
