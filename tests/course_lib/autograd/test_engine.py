"""The engine against torch.autograd: single operations, random graphs, and what users get wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import autograd
from course_lib.autograd import Tensor
from course_lib.data import digits, split_indices

from ..refusals import refused

SHAPES = [(3, 4), (1, 4), (3, 1), (4,), (1,), (), (2, 3, 4), (2, 1, 4)]
TOLERANCE = 1e-6


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def same(make_ours, make_theirs, *arrays: np.ndarray) -> None:
    """Both functions get the same leaves; the sum of weighted results must have the same value and gradients."""
    ours, theirs = [Tensor(a) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    result, wanted = make_ours(*ours), make_theirs(*theirs)
    assert result.shape == tuple(wanted.shape)
    np.testing.assert_allclose(result.data, wanted.detach().numpy(), rtol=TOLERANCE, atol=TOLERANCE)
    weights = draw(99, *result.shape)
    (result * weights).sum().backward()
    (wanted * torch.tensor(weights)).sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        reference = np.zeros(a.shape) if b.grad is None else b.grad.numpy()
        assert a.grad.shape == a.shape
        np.testing.assert_allclose(a.grad, reference, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("b", SHAPES)
@pytest.mark.parametrize("a", SHAPES)
def test_arithmetic_broadcasts_as_in_torch(a, b):
    formula = lambda x, y: x * y + x - y / (y * y + 1.0)  # noqa: E731
    same(formula, formula, draw(0, *a), draw(1, *b))


OPERATIONS = {
    "exp": (autograd.exp, torch.exp),
    "log": (lambda x: autograd.log(x * x + 0.1), lambda x: torch.log(x * x + 0.1)),
    "tanh": (autograd.tanh, torch.tanh),
    "sigmoid": (autograd.sigmoid, torch.sigmoid),
    "relu": (autograd.relu, torch.relu),
    "power": (lambda x: x**3 + (x * x + 1.0) ** -0.5, lambda x: x**3 + (x * x + 1.0) ** -0.5),
    "from the right": (lambda x: 2.0 - 3.0 / (x * x + 1.0) + 2.0 * -x, lambda x: 2.0 - 3.0 / (x * x + 1.0) + 2.0 * -x),
    "sum": (lambda x: x.sum(), lambda x: x.sum()),
    "sum of an axis": (lambda x: x.sum(1), lambda x: x.sum(1)),
    "sum of two axes": (lambda x: x.sum((0, -1)), lambda x: x.sum((0, -1))),
    "mean": (lambda x: x.mean(), lambda x: x.mean()),
    "mean, kept": (lambda x: x.mean(-1, keepdims=True), lambda x: x.mean(-1, keepdim=True)),
    "max": (lambda x: x.max(), lambda x: x.amax((0, 1, 2))),
    "max of an axis": (lambda x: x.max(1), lambda x: x.amax(1)),
    "max with ties": (lambda x: x[:, :, [0, 1, 1, 0]].max(-1) ** 2, lambda x: x[:, :, [0, 1, 1, 0]].amax(-1) ** 2),
    "max of equal values": (lambda x: (x * 0.0 + 1.0).max(1) * x.max(), lambda x: (x * 0.0 + 1.0).amax(1) * x.amax()),
    "reshape": (lambda x: x.reshape(4, -1), lambda x: x.reshape(4, -1)),
    "transpose": (lambda x: x.transpose(2, 0, 1), lambda x: x.permute(2, 0, 1)),
    "slice": (lambda x: x[:, 1:, ::2], lambda x: x[:, 1:, ::2]),
    "picked twice": (lambda x: x[np.array([0, 1, 1])], lambda x: x[[0, 1, 1]]),
    "stack of matrices": (lambda x: x @ x.transpose(0, 2, 1), lambda x: x @ x.permute(0, 2, 1)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_equals_torch(name):
    same(*OPERATIONS[name], draw(2, 2, 3, 4))


@pytest.mark.parametrize("a", [(3, 4), (5, 3, 4)])
@pytest.mark.parametrize("b", [(4, 2), (5, 4, 2)])
def test_matmul_broadcasts_stacks_as_in_torch(a, b):
    same(lambda x, y: x @ y, lambda x, y: x @ y, draw(3, *a), draw(4, *b))


@settings(max_examples=60)
@given(size=st.tuples(st.integers(1, 7), st.integers(1, 7)), kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
       stride=st.integers(1, 3), padding=st.integers(0, 2), seed=st.integers(0, 99))  # fmt: skip
def test_conv2d_equals_torch_for_any_size_stride_and_padding(size, kernel, stride, padding, seed):
    if any(k > s + 2 * padding for k, s in zip(kernel, size, strict=True)):
        return
    same(lambda x, w: autograd.conv2d(x, w, stride, padding=padding),
         lambda x, w: torch.nn.functional.conv2d(x, w, stride=stride, padding=padding),
         draw(seed, 2, 3, *size), draw(seed + 1, 4, 3, *kernel))  # fmt: skip


def test_cross_entropy_equals_torch_also_for_huge_scores():
    labels = np.array([0, 2, 1, 1, 2])
    for scale in (1.0, 1000.0):
        same(lambda s: autograd.cross_entropy(s, labels),
             lambda s: torch.nn.functional.cross_entropy(s, torch.tensor(labels)), scale * draw(5, 5, 3))  # fmt: skip


# Steps of random graphs. Each keeps values small, so that 1e-6 stays meaningful whatever the graph.
UNARY = {
    "tanh": (autograd.tanh, torch.tanh),
    "sigmoid": (autograd.sigmoid, torch.sigmoid),
    "relu": (autograd.relu, torch.relu),
    "exp": (lambda x: autograd.exp(autograd.tanh(x)), lambda x: torch.exp(torch.tanh(x))),
    "log": (lambda x: autograd.log(x * x + 1.0), lambda x: torch.log(x * x + 1.0)),
    "square": (lambda x: autograd.tanh(x) ** 2, lambda x: torch.tanh(x) ** 2),
    "sum": (lambda x: autograd.tanh(x.sum(-1, keepdims=True)), lambda x: torch.tanh(x.sum(-1, keepdim=True))),
    "mean": (lambda x: x.mean(0, keepdims=True), lambda x: x.mean(0, keepdim=True)),
    "max": (lambda x: x.max(-1, keepdims=True), lambda x: x.amax(-1, keepdim=True)),
    "turn": (lambda x: x.transpose(1, 0), lambda x: x.permute(1, 0)),
    "part": (lambda x: x[:1], lambda x: x[:1]),
}
BINARY = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1.0),
    "matmul": lambda a, b: a @ b,
}
STEP = st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 30), st.integers(0, 30))


def conv(x, w, library):
    """A convolution of two matrices, x as an image with padding 1 and w cut to at most 3 x 3."""
    part = w[:3, :3]
    y = library(x.reshape(1, 1, *x.shape), part.reshape(1, 1, *part.shape))
    return y.reshape(*y.shape[2:])


def grow(pool, steps, which, conv2d, tanh):
    """Apply the steps to a growing pool of matrices; a step whose shapes do not fit becomes a convolution."""
    for name, i, j in steps:
        a, b = pool[i % len(pool)], pool[j % len(pool)]
        if name in UNARY:
            pool.append(UNARY[name][which](a))
            continue
        fits = a.shape[1] == b.shape[0] if name == "matmul" else all(
            1 in pair or pair[0] == pair[1] for pair in zip(a.shape, b.shape, strict=True))  # fmt: skip
        pool.append(tanh(BINARY[name](a, b) if fits else conv(a, b, conv2d)))
    total = pool[0].sum()
    for node in pool[1:]:
        total = total + (node * node).sum() * 0.1 + node.sum()
    return total


@settings(max_examples=300)
@given(steps=st.lists(STEP, min_size=1, max_size=14), seed=st.integers(0, 10_000),
       shapes=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3))  # fmt: skip
def test_random_graphs_equal_torch_in_value_and_gradient(steps, seed, shapes):
    """Reused nodes, broadcasting, matrix products, reductions and convolutions in any order and depth."""
    arrays = [draw(seed + i, *shape) for i, shape in enumerate(shapes)]
    ours = [Tensor(a) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    ours_conv = lambda x, w: autograd.conv2d(x, w, 1, padding=1)  # noqa: E731
    their_conv = lambda x, w: torch.nn.functional.conv2d(x, w, padding=1)  # noqa: E731
    result = grow(list(ours), steps, 0, ours_conv, autograd.tanh)
    wanted = grow(list(theirs), steps, 1, their_conv, torch.tanh)
    result.backward()
    wanted.backward()
    assert result.data.item() == pytest.approx(wanted.item(), rel=TOLERANCE, abs=TOLERANCE)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=TOLERANCE, atol=TOLERANCE)


def test_the_sum_times_z_by_hand():
    """f = (x + y) z at x = -2, y = 5, z = -4: f = -12, df/dx = df/dy = z = -4, df/dz = x + y = 3."""
    x, y, z = Tensor(-2.0), Tensor(5.0), Tensor(-4.0)
    f = (x + y) * z
    f.backward()
    assert [f.data, x.grad, y.grad, z.grad] == [-12.0, -4.0, -4.0, 3.0]


def test_a_value_used_on_two_ways_gets_the_sum_of_both():
    """d/dt of u(t) v(t) with u = t^2 and v = sigmoid(t): u' v + u v'."""
    t = Tensor(0.7)
    (t**2 * autograd.sigmoid(t)).backward()
    s = 1 / (1 + np.exp(-0.7))
    assert t.grad == pytest.approx(2 * 0.7 * s + 0.49 * s * (1 - s))


def test_leaves_collect_gradients_over_calls_and_inner_nodes_do_not():
    w = Tensor(3.0)
    inner = w * 2.0
    loss = inner * inner
    loss.backward()
    loss.backward()
    assert w.grad == 2 * 24.0
    assert inner.grad == 12.0


def test_every_node_comes_after_its_parents_once_also_in_a_very_deep_graph():
    x = node = Tensor(1.0)
    for _ in range(5000):  # far beyond Python's limit of recursion
        node = node * 1.0 + x * 0.0
    order = node.topological_order()
    place = {id(n): i for i, n in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[id(parent)] < place[id(n)] for n in order for parent in n.parents)
    node.backward()
    assert x.grad == 1.0


def test_the_lectures_numbers():
    """A neuron with w = (2, 0, 0, 4) gives 14 and -10; with two more neurons the first input gives (14, -13, -1)."""
    W = Tensor([[2.0, 0, 0, 4], [-1, -2, 2, -2], [1, 0, 2, 0]])
    X = Tensor([[3.0, 1, -2, 2], [-3, 4, 1, -1]])
    scores = X @ W.transpose(1, 0)
    assert scores.data[:, 0].tolist() == [14.0, -10.0]
    assert scores.data[0].tolist() == [14.0, -13.0, -1.0]


def test_trains_a_digit_classifier_to_95_percent():
    data = digits()
    fit, held = split_indices(len(data), (0.7, 0.3), seed=0)
    X, y = (data.features - data.features[fit].mean(0)).numpy() / 16, data.labels.numpy()
    rng = np.random.default_rng(0)
    W1, b1 = Tensor(rng.normal(size=(64, 32)) * (2 / 64) ** 0.5), Tensor(np.zeros(32))
    W2, b2 = Tensor(rng.normal(size=(32, 10)) * (2 / 32) ** 0.5), Tensor(np.zeros(10))
    parameters = [W1, b1, W2, b2]
    forward = lambda part: autograd.relu(Tensor(X[part]) @ W1 + b1) @ W2 + b2  # noqa: E731
    for _ in range(30):
        for part in np.array_split(rng.permutation(fit.numpy()), 40):
            for p in parameters:
                p.grad = None
            autograd.cross_entropy(forward(part), y[part]).backward()
            for p in parameters:
                p.data = p.data - 0.3 * p.grad
    right = forward(held.numpy()).data.argmax(axis=1) == y[held.numpy()]
    assert right.mean() >= 0.95


def test_input_gradients_turn_more_pictures_wrong_than_random_changes():
    """A linear reader of digits by our engine: the same size of change, along dL/dx and with random signs."""
    data = digits()
    X, y = (data.features.numpy() - 8) / 16, data.labels.numpy()
    rng = np.random.default_rng(0)
    W = Tensor(np.zeros((64, 10)))
    for _ in range(200):
        W.grad = None
        autograd.cross_entropy(Tensor(X) @ W, y).backward()
        W.data = W.data - 1.0 * W.grad
    pictures = Tensor(X)
    scores = pictures @ W
    autograd.cross_entropy(scores, y).backward()
    right = scores.data.argmax(1) == y
    assert right.mean() > 0.9
    wrong = lambda change: ((X + 0.1 * change) @ W.data).argmax(1)[right] != y[right]  # noqa: E731
    assert wrong(np.sign(pictures.grad)).mean() > 0.3
    assert wrong(np.sign(rng.normal(size=X.shape))).mean() < 0.05
    assert wrong(-np.sign(pictures.grad)).mean() == 0


ONES = Tensor(np.ones((2, 3)))
IMAGE, KERNEL = Tensor(draw(0, 1, 1, 2, 5)), Tensor(draw(0, 1, 1, 3, 3))
BAD = {
    "many values": (lambda: Tensor([1.0, 2.0]).backward(), r"backward starts from one value, not from shape \(2,\)"),
    "ragged": (lambda: Tensor([[1.0], [1.0, 2.0]]), r"data must be real numbers in a rectangular array, not a list"),
    "words": (lambda: Tensor("one"), r"data must be real numbers .* not a str 'one'"),
    "matmul": (lambda: ONES @ ONES, r"@ wants .* not \(2, 3\) and \(2, 3\)"),
    "matmul of a vector": (lambda: ONES @ np.ones(3), r"@ wants .* not \(2, 3\) and \(3,\)"),
    "log": (lambda: autograd.log(Tensor([1.0, -2.0])), r"log wants values above 0, but the smallest is -2"),
    "labels": (lambda: autograd.cross_entropy(ONES, np.array([0, 3])), r"labels must be 0 to 2, not 0 to 3"),
    "label type": (lambda: autograd.cross_entropy(ONES, np.zeros(2)), r"N integer labels"),
    "channels": (lambda: autograd.conv2d(IMAGE, Tensor(draw(0, 1, 3, 3, 3))), r"conv2d wants x"),
    "kernel": (lambda: autograd.conv2d(IMAGE, KERNEL), r"kernel \(3, 3\) is larger than the padded image \(2, 5\)"),
    "stride": (lambda: autograd.conv2d(IMAGE, KERNEL, 0), r"stride must be at least 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_line(name):
    call, message = BAD[name]
    refused(call, message)


def test_powers_at_zero_with_a_tensor_as_exponent_and_products_with_arrays():
    x = Tensor([0.0, 2.0])
    (x**0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]
    exponent, theirs = Tensor([0.0, 1.5]), torch.tensor([0.0, 1.5], dtype=torch.float64, requires_grad=True)
    (2**exponent).sum().backward()
    (2**theirs).sum().backward()
    assert exponent.grad == pytest.approx(theirs.grad.numpy())
    weights = Tensor([[1.0], [2.0]])
    (np.array([[3.0, 4.0]]) @ weights).sum().backward()
    assert weights.grad.tolist() == [[3.0], [4.0]]
    assert not Tensor([0.0])
    assert Tensor(2.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Tensor(2.0) ** Tensor(3.0), r"the exponent must be a number, not a Tensor.*exp\(b \* log\(a\)\)"),
        (lambda: (-2.0) ** Tensor(3.0), "the base of a power .* must be a number above 0, not -2.0"),
        (lambda: bool(Tensor([1.0, 2.0])), r"the truth of a tensor of shape \(2,\) is ambiguous"),
        (lambda: Tensor(np.zeros((0, 3))).mean(), r"mean of nothing: the tensor has shape \(0, 3\)"),
        (lambda: Tensor([1j]), "data must be real numbers"),
        (lambda: Tensor(np.array([1 + 2j])), "data must be real numbers"),
    ],
)
def test_what_has_no_meaning_is_said_in_one_line(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
