"""Neurons, layers and networks in matrix form against torch.nn, the lecture's numbers, and back-propagation by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.networks.layers import (
    ACTIVATIONS,
    MLP,
    Linear,
    linear_backward,
    multiplications,
    neuron,
    tanh,
    two_layer_gradients,
)

from ...refusals import refused

# The lecture's first weights and its results; the inputs and the other two rows are chosen to give them.
LECTURE_W = [[2.0, 0, 0, 4], [-1, -2, 2, -2], [1, 0, 2, 0]]
LECTURE_X = [[3.0, 1, -2, 2], [-3, 4, 1, -1]]


def test_the_lectures_neuron_gives_14_and_minus_10(device, dtype):
    x, w = torch.tensor(LECTURE_X, device=device, dtype=dtype), torch.tensor(LECTURE_W[0], device=device, dtype=dtype)
    assert neuron(x, w).tolist() == [14.0, -10.0]
    assert neuron(x[0], w, 3.0).item() == 17.0


def test_the_lectures_three_outputs_are_14_minus_13_minus_1(device):
    layer = Linear(4, 3).to(device)
    layer.load_state_dict({"weight": torch.tensor(LECTURE_W), "bias": torch.zeros(3)})
    assert layer(torch.tensor(LECTURE_X[0], device=device)).tolist() == [14.0, -13.0, -1.0]


def test_forward_in_matrix_form_equals_torch_nn(device, dtype, close):
    ours = MLP([64, 20, 12, 10], tanh, generator(0)).to(device, dtype)
    for layer in ours.layers:
        torch.nn.init.normal_(layer.bias)
    theirs = nn.Sequential(nn.Linear(64, 20), nn.Tanh(), nn.Linear(20, 12), nn.Tanh(), nn.Linear(12, 10))
    theirs = theirs.to(device, dtype)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    x = torch.randn(7, 64, generator=generator(1), dtype=torch.float64).to(device, dtype)
    close(ours(x), theirs(x), rtol=1e-12)
    close(ours.layers[-1](ours.hidden(x)), ours(x), rtol=0, atol=0)
    assert ours.hidden(x).shape == (7, 12)


def test_without_activations_depth_adds_nothing():
    deep = MLP([5, 9, 4, 3], lambda s: s, generator(0)).double()
    x = torch.randn(6, 5, generator=generator(1), dtype=torch.float64)
    single = torch.linalg.multi_dot([layer.weight for layer in reversed(deep.layers)])
    torch.testing.assert_close(deep(x), x @ single.T, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shared", [False, True])
def test_the_scalar_two_layer_net_with_shared_and_separate_weights(shared):
    """y = f(v f(w x)): dy/dw = f'(v a) v f'(w x) x, dy/dv = f'(v a) a; if v is w, the two add up."""
    f, slope = ACTIVATIONS["sigmoid"]
    x, w = torch.tensor(1.5, dtype=torch.float64), torch.tensor(-0.8, dtype=torch.float64, requires_grad=True)
    v = w if shared else torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    y = f(v * f(w * x))
    a = f(w * x)
    through_first = (slope(v * a) * v * slope(w * x) * x).item()
    through_second = (slope(v * a) * a).item()
    gradients = [g.item() for g in torch.autograd.grad(y, [w] if shared else [w, v])]
    expected = [through_first + through_second] if shared else [through_first, through_second]
    assert gradients == pytest.approx(expected, rel=1e-12)


def test_one_layer_gradients_equal_autograd(device, dtype, close):
    g = generator(2)
    x, W, upstream = (torch.randn(*shape, generator=g, dtype=torch.float64).to(device, dtype)
                      for shape in ((6, 5), (3, 5), (6, 3)))  # fmt: skip
    leaves = [x.requires_grad_(), W.requires_grad_(), torch.zeros(3, device=device, dtype=dtype, requires_grad=True)]
    wanted = torch.autograd.grad((leaves[0] @ leaves[1].T + leaves[2]), leaves, upstream)
    to_W, to_b, to_x = linear_backward(x.detach(), W.detach(), upstream)
    for ours, theirs in zip((to_x, to_W, to_b), wanted, strict=True):
        close(ours, theirs, rtol=1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_two_layer_gradients_equal_autograd(activation, device, dtype, close):
    g = generator(3)
    shapes = {"x": (6, 5), "W1": (8, 5), "b1": (8,), "W2": (3, 8), "b2": (3,)}
    leaves = {n: torch.randn(*s, generator=g, dtype=torch.float64).to(device, dtype) for n, s in shapes.items()}
    target = torch.randn(6, 3, generator=g, dtype=torch.float64).to(device, dtype)
    f = ACTIVATIONS[activation]
    ours = two_layer_gradients(**leaves, activation=f, loss_gradient=lambda s: 2 * (s - target) / target.numel())
    free = {n: v.clone().requires_grad_() for n, v in leaves.items()}
    scores = f[0](free["x"] @ free["W1"].T + free["b1"]) @ free["W2"].T + free["b2"]
    theirs = torch.autograd.grad(nn.functional.mse_loss(scores, target), list(free.values()))
    for name, wanted in zip(free, theirs, strict=True):
        close(ours[name], wanted, rtol=1e-9)


class Counted:
    """A number that counts how often it is multiplied; products of counts with counts are all that is asked of it."""

    made = 0

    def __mul__(self, other: Counted) -> Counted:
        Counted.made += 1
        return Counted()

    __rmul__ = __mul__

    def __add__(self, other: object) -> Counted:
        return self

    __radd__ = __add__


def counted(*shape: int) -> np.ndarray:
    return np.array([Counted() for _ in range(int(np.prod(shape)))], dtype=object).reshape(shape)


def count(compute) -> int:
    Counted.made = 0
    compute()
    return Counted.made


@pytest.mark.parametrize("sizes", [(3, 1), (4, 3, 1), (5, 4, 3, 1), (3, 4, 2, 3, 1)])
def test_the_stated_multiplications_are_those_that_a_computation_makes(sizes):
    weights = [counted(b, a) for a, b in pairwise(sizes)]
    signals = [counted(n) for n in sizes]
    L = len(weights)

    def backward() -> None:
        d = signals[L]
        for i in reversed(range(L)):
            np.outer(d, signals[i])
            d = weights[i].T @ d if i else d

    def anew() -> None:
        for i in range(L):
            d = signals[L]
            for W in reversed(weights[i + 1 :]):
                d = W.T @ d
            np.outer(d, signals[i])

    def paths() -> None:
        for i in range(1, L):
            for unit in range(sizes[i]):
                for path in np.ndindex(*sizes[i + 1 :]):
                    product, here = signals[L][0], unit
                    for layer, there in zip(range(i, L), path, strict=True):
                        product, here = product * weights[layer][there, here], there
        for i in range(L):
            np.outer(signals[i + 1], signals[i])

    stated = multiplications(sizes)
    assert stated["forward"] == count(lambda: [W @ signals[i] for i, W in enumerate(weights)])
    assert stated["backward"] == count(backward)
    assert stated["each layer anew"] == count(anew)
    assert stated["each path"] == count(paths)


def test_backward_costs_at_most_twice_forward_and_the_others_grow_without_bound():
    ratios = []
    for depth in (2, 4, 8):
        cost = multiplications([10] * depth + [1])
        assert cost["backward"] <= 2 * cost["forward"]
        ratios.append((cost["each layer anew"] / cost["backward"], cost["each path"] / cost["backward"]))
    assert ratios[0] < ratios[1] < ratios[2]
    assert ratios[2][1] > 1e4


BAD = {
    "neuron": (lambda: neuron(torch.zeros(2, 3), torch.zeros(4)), r"w has D = 4 but x has D = 3"),
    "empty layer": (lambda: Linear(0, 3), r"inputs must be a finite number above 0, not 0"),
    "one size": (lambda: MLP([3]), r"sizes must name at least the input and the output, not \[3\]"),
    "backward": (
        lambda: linear_backward(torch.zeros(2, 3), torch.zeros(4, 3), torch.zeros(3, 4)),
        r"upstream has N = 3 but x has N = 2",
    ),
    "count": (lambda: multiplications([3, 2]), r"sizes must be at least two positive numbers that end with 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_line(name):
    call, message = BAD[name]
    refused(call, message)
