"""A tensor that remembers how it was computed, and can therefore say its derivatives (chapter 3).

Each operation returns a new tensor that knows its parents and one function, `pull`, that carries a gradient from the
result back to them. `backward` sorts the graph so that parents come before children, then walks it in reverse:

    dL/d(root) = 1,     dL/d(parent) += pull(dL/d(child))          (the chain rule, once for each edge)

Storage is plain numpy, float64, so that nothing is borrowed from torch, which the tests compare with. Where
broadcasting stretched a parent, its gradient is summed back over the stretched axes. Gradients of leaves add up over
calls of `backward`, as torch's do; those of inner nodes are made afresh. At scalar size this is Karpathy's micrograd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_lib.core.checks import describe

Axis = int | tuple[int, ...] | None
Pull = Callable[[np.ndarray], Sequence[np.ndarray]]


class Tensor:
    """An array with a gradient.

    Attributes:
        data: The values, float64, any shape.
        grad: dL/d(data) after `backward`, same shape; None before.
        parents: The tensors that this one was computed from; none for a leaf.
        op: What computed it, for drawings; a leaf has its name here.
    """

    __array_priority__ = 1000  # numpy leaves `array + tensor` to us

    def __init__(self, data: object, parents: Sequence[Tensor] = (), pull: Pull | None = None, *, op: str = ""):
        """Wrap values; with only `data` (and a name in `op`) it is a leaf.

        Raises:
            ValueError: If the data are not real numbers in a rectangular array.
        """
        try:
            values = np.asarray(data)
            if np.iscomplexobj(values):
                raise TypeError
            self.data = values.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"data must be real numbers in a rectangular array, not a {describe(data)}") from error
        self.grad: Any = None
        self.parents, self.pull, self.op = tuple(parents), pull, op

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the data."""
        return self.data.shape

    def __bool__(self) -> bool:
        """Whether the one value is not 0.

        Raises:
            ValueError: If this tensor holds several values, or none.
        """
        if self.data.size != 1:
            raise ValueError(f"the truth of a tensor of shape {self.shape} is ambiguous; compare its data")
        return bool(self.data.item())

    def __repr__(self) -> str:
        """Values, and the operation if there was one."""
        return f"Tensor({np.array2string(self.data, precision=4)}{', ' + self.op if self.op else ''})"

    def topological_order(self) -> list[Tensor]:
        """All tensors that this one depends on, each after its parents; no recursion, so any depth works."""
        order: list[Tensor] = []
        seen: set[int] = set()
        stack = [(self, False)]
        while stack:
            node, parents_done = stack.pop()
            if parents_done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack += [(parent, False) for parent in reversed(node.parents)]
        return order

    def backward(self) -> None:
        """Fill `grad` of every tensor that this scalar depends on.

        Raises:
            ValueError: If this tensor holds more than one value.
        """
        if self.data.size != 1:
            raise ValueError(f"backward starts from one value, not from shape {self.shape}; sum() or mean() it first")
        order = self.topological_order()
        for node in order:
            if node.parents or node.grad is None:
                node.grad = np.zeros_like(node.data)
        self.grad = self.grad + 1.0
        for node in reversed(order):
            if node.pull is not None:
                for parent, gradient in zip(node.parents, node.pull(node.grad), strict=True):
                    parent.grad = parent.grad + unbroadcast(gradient, parent.shape)

    def __add__(self, other: object) -> Tensor:
        other = as_tensor(other)
        return Tensor(self.data + other.data, (self, other), lambda g: (g, g), op="+")

    def __mul__(self, other: object) -> Tensor:
        other = as_tensor(other)
        return Tensor(self.data * other.data, (self, other), lambda g: (g * other.data, g * self.data), op="×")

    def __pow__(self, exponent: float) -> Tensor:
        if not isinstance(exponent, int | float):
            raise ValueError(f"the exponent must be a number, not a {describe(exponent)}; a^b is exp(b * log(a))")
        if exponent == 0:  # the derivative of 1 is 0, also where 0 * x^-1 has none
            return Tensor(np.ones_like(self.data), (self,), lambda g: (np.zeros_like(g),), op="^0")
        slope = lambda: exponent * self.data ** (exponent - 1)  # noqa: E731 - needed only if somebody asks
        return Tensor(self.data**exponent, (self,), lambda g: (g * slope(),), op=f"^{exponent:g}")

    def __rpow__(self, base: float) -> Tensor:
        if not isinstance(base, int | float) or base <= 0:
            raise ValueError(f"the base of a power with a tensor as exponent must be a number above 0, not {base!r}")
        value = base**self.data
        return Tensor(value, (self,), lambda g: (g * value * np.log(base),), op=f"{base:g}^")

    def __matmul__(self, other: object) -> Tensor:
        """(N, D) @ (D, K), or stacks of such matrices (..., N, D) @ (..., D, K)."""
        other = as_tensor(other)
        if min(self.data.ndim, other.data.ndim) < 2 or self.shape[-1] != other.shape[-2]:
            raise ValueError(f"@ wants (..., N, D) and (..., D, K), not {self.shape} and {other.shape}")
        pull = lambda g: (g @ other.data.swapaxes(-1, -2), self.data.swapaxes(-1, -2) @ g)  # noqa: E731
        return Tensor(self.data @ other.data, (self, other), pull, op="@")

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Sum over all axes, or over some."""
        stretch = lambda g: np.broadcast_to(_restore(g, self.shape, axis, keepdims), self.shape)  # noqa: E731
        return Tensor(self.data.sum(axis, keepdims=keepdims), (self,), lambda g: (stretch(g),), op="sum")

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Mean over all axes, or over some."""
        if self.data.size == 0:
            raise ValueError(f"mean of nothing: the tensor has shape {self.shape}")
        total = self.sum(axis, keepdims)
        return total * (total.data.size / self.data.size)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Largest value over all axes, or over some; equal largest values share the gradient (as torch.amax)."""
        winner = self.data == self.data.max(axis, keepdims=True)
        share = winner / winner.sum(axis, keepdims=True)
        route = lambda g: share * _restore(g, self.shape, axis, keepdims)  # noqa: E731
        return Tensor(self.data.max(axis, keepdims=keepdims), (self,), lambda g: (route(g),), op="max")

    def reshape(self, *shape: int) -> Tensor:
        """The same values in another shape; one size may be -1."""
        return Tensor(self.data.reshape(shape), (self,), lambda g: (g.reshape(self.shape),), op="reshape")

    def transpose(self, *axes: int) -> Tensor:
        """Axes in a new order, such as transpose(0, 2, 1)."""
        back = np.argsort(axes)
        return Tensor(self.data.transpose(axes), (self,), lambda g: (g.transpose(back),), op="transpose")

    def __getitem__(self, index: Any) -> Tensor:
        """Any numpy index; a value picked twice gets both gradients."""

        def pull(g: np.ndarray) -> tuple[np.ndarray]:
            scattered = np.zeros_like(self.data)
            np.add.at(scattered, index, g)
            return (scattered,)

        return Tensor(self.data[index], (self,), pull, op="[ ]")

    def __neg__(self) -> Tensor:
        return self * -1.0

    def __sub__(self, other: object) -> Tensor:
        other = as_tensor(other)
        return Tensor(self.data - other.data, (self, other), lambda g: (g, -g), op="−")

    def __truediv__(self, other: object) -> Tensor:
        return self * as_tensor(other) ** -1.0

    def __rsub__(self, other: object) -> Tensor:
        return as_tensor(other) - self

    def __rmatmul__(self, other: object) -> Tensor:
        return as_tensor(other) @ self

    def __rtruediv__(self, other: object) -> Tensor:
        return as_tensor(other) / self

    __radd__ = __add__
    __rmul__ = __mul__


def as_tensor(value: object) -> Tensor:
    """The value itself if it is a tensor, else a leaf that holds it."""
    return value if isinstance(value, Tensor) else Tensor(value)


def unbroadcast(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum a gradient over the axes that broadcasting added or stretched, so that it has the given shape.

    Args:
        gradient: Shape that `shape` broadcasts to.
        shape: The shape before broadcasting.
    """
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    stretched = tuple(i for i, size in enumerate(shape) if size == 1 and gradient.shape[i] != 1)
    return gradient.sum(axis=stretched, keepdims=True) if stretched else gradient


def _restore(g: np.ndarray, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> np.ndarray:
    """Give a reduced array its lost axes back, with size one."""
    return g if keepdims or axis is None else np.expand_dims(g, tuple(np.arange(len(shape))[np.atleast_1d(axis)]))
