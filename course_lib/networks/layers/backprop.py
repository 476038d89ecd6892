"""Back-propagation written out in matrices, and what it saves (chapter 3, "matrix-backprop").

For one sample as a column x, in the order of the computation:

    s1 = W1 x + b1,   a = f(s1),   s2 = W2 a + b2,   L = loss(s2)
    d2 = dL/ds2                     dL/dW2 = d2 a^T      dL/db2 = d2
    d1 = (W2^T d2) * f'(s1)         dL/dW1 = d1 x^T      dL/db1 = d1       dL/dx = W1^T d1

Below, samples stand in rows, as everywhere in the library, so each product appears transposed and weight gradients
are summed over samples. Rumelhart, Hinton and Williams 1986.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod

from torch import Tensor

from course_lib.core.checks import check_tensors


def linear_backward(x: Tensor, W: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of one layer s = x W^T + b, given dL/ds.

    Args:
        x: (N, D) inputs of the layer.
        W: (K, D) weights.
        upstream: (N, K), dL/ds.

    Returns:
        dL/dW (K, D), dL/db (K,), dL/dx (N, D).

    Raises:
        ValueError: If shapes do not fit.
    """
    check_tensors(x=(x, "N D"), W=(W, "K D"), upstream=(upstream, "N K"))
    return upstream.T @ x, upstream.sum(dim=0), upstream @ W


def two_layer_gradients(
    x: Tensor,
    W1: Tensor,
    b1: Tensor,
    *,
    W2: Tensor,
    b2: Tensor,
    activation: tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]],
    loss_gradient: Callable[[Tensor], Tensor],
) -> dict[str, Tensor]:
    """All gradients of a network with one hidden layer.

    Args:
        x: (N, D).
        W1, b1: (H, D) and (H,), the hidden layer.
        W2, b2: (K, H) and (K,), the output layer.
        activation: A function and its derivative, as in `ACTIVATIONS`.
        loss_gradient: Maps scores (N, K) to dL/d(scores) (N, K).

    Returns:
        Gradients with the names W1, b1, W2, b2 and x, each with the shape of its owner.

    Raises:
        ValueError: If shapes do not fit.
    """
    check_tensors(x=(x, "N D"), W1=(W1, "H D"), b1=(b1, "H"), W2=(W2, "K H"), b2=(b2, "K"))
    f, slope = activation
    s1 = x @ W1.T + b1  # (N, H)
    a = f(s1)
    d2 = loss_gradient(a @ W2.T + b2)  # (N, K)
    to_W2, to_b2, to_a = linear_backward(a, W2, d2)
    d1 = to_a * slope(s1)  # (N, H)
    to_W1, to_b1, to_x = linear_backward(x, W1, d1)
    return {"W1": to_W1, "b1": to_b1, "W2": to_W2, "b2": to_b2, "x": to_x}


def multiplications(sizes: Sequence[int]) -> dict[str, int]:
    """Multiplications between weights and signals for one sample, in four ways; activations are not counted.

    Args:
        sizes: Units of each layer, the input first, the last one 1 (the loss's only input).

    Returns:
        "forward": one forward pass. "backward": dL/ds of every layer, each from the one after it, then all weight
        gradients. "each layer anew": the same, but dL/ds of every layer computed from the loss again.
        "each path": for each hidden unit, the product of weights along every path to the output, then the same.

    Raises:
        ValueError: For fewer than two layers or a last layer that is not 1.
    """
    if len(sizes) < 2 or sizes[-1] != 1 or min(sizes) < 1:
        raise ValueError(f"sizes must be at least two positive numbers that end with 1, not {list(sizes)}")
    layers = [a * b for a, b in pairwise(sizes)]  # multiplications of W x, or of W^T d
    weight_gradients = sum(layers)
    anew = sum(sum(layers[i:]) for i in range(1, len(layers)))
    # From layer i there are prod(sizes[i:]) paths of len(sizes) - 1 - i weights each.
    paths = sum(prod(sizes[i:]) * (len(sizes) - 1 - i) for i in range(1, len(sizes) - 1))
    return {
        "forward": sum(layers),
        "backward": sum(layers[1:]) + weight_gradients,
        "each layer anew": anew + weight_gradients,
        "each path": paths + weight_gradients,
    }
