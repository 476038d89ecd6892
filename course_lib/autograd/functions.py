"""Functions on autograd tensors (chapter 3): gates, softmax cross-entropy, convolution.

Each states its derivative beside its value, and nothing else is needed to train a network:

    exp' = exp      log' = 1/x      tanh' = 1 - tanh^2      sigmoid' = sigmoid (1 - sigmoid)      relu' = [x > 0]
    cross-entropy of scores s with label y:  d/ds = (softmax(s) - one_hot(y)) / N
    convolution  y[b,k,i,j] = sum_{c,u,v} w[k,c,u,v] x[b,c, si+u, sj+v]     (no flip, as in every deep-learning library)

Shapes: B batch, C input channels, K output channels or classes, H W pixels, h w kernel, I J output pixels.
"""

from __future__ import annotations

import numpy as np

from course_lib.autograd.tensor import Tensor


def exp(x: Tensor) -> Tensor:
    """e to the x, entry by entry."""
    value = np.exp(x.data)
    return Tensor(value, (x,), lambda g: (g * value,), op="exp")


def log(x: Tensor) -> Tensor:
    """Natural logarithm, entry by entry.

    Raises:
        ValueError: If a value is not above 0.
    """
    if not (x.data > 0).all():
        raise ValueError(f"log wants values above 0, but the smallest is {x.data.min():g}")
    return Tensor(np.log(x.data), (x,), lambda g: (g / x.data,), op="log")


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent, entry by entry."""
    value = np.tanh(x.data)
    return Tensor(value, (x,), lambda g: (g * (1 - value**2),), op="tanh")


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), entry by entry, through tanh so that no exponential overflows."""
    value = 0.5 + 0.5 * np.tanh(0.5 * x.data)
    return Tensor(value, (x,), lambda g: (g * value * (1 - value),), op="σ")


def relu(x: Tensor) -> Tensor:
    """max(x, 0), entry by entry; the derivative at 0 is taken as 0."""
    return Tensor(np.maximum(x.data, 0.0), (x,), lambda g: (g * (x.data > 0),), op="relu")


def cross_entropy(scores: Tensor, labels: np.ndarray) -> Tensor:
    """Mean of -log softmax(scores)[label], one node with the short derivative of chapter 2.

    Args:
        scores: (N, K).
        labels: (N,) integers 0 ... K - 1.

    Returns:
        A tensor of shape ().

    Raises:
        ValueError: If shapes or labels do not fit.
    """
    labels = np.asarray(labels)
    if scores.data.ndim != 2 or labels.shape != scores.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(f"cross_entropy wants scores (N, K) and N integer labels, not {scores.shape}, {labels.shape}")
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise ValueError(f"labels must be 0 to {scores.shape[1] - 1}, not {labels.min()} to {labels.max()}")
    rows = np.arange(len(labels))
    shifted = scores.data - scores.data.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def pull(g: np.ndarray) -> tuple[np.ndarray]:
        slope = np.exp(logs)
        slope[rows, labels] -= 1
        return (g * slope / len(labels),)

    return Tensor(-logs[rows, labels].mean(), (scores,), pull, op="cross-entropy")


def conv2d(x: Tensor, w: Tensor, stride: int = 1, *, padding: int = 0) -> Tensor:
    """Slide K kernels over a batch of images, as torch.nn.functional.conv2d does.

    Args:
        x: (B, C, H, W).
        w: (K, C, h, w).
        stride: Pixels between positions, at least 1.
        padding: Zeros added on each side, at least 0.

    Returns:
        (B, K, I, J) with I = (H + 2 padding - h) // stride + 1, J likewise.

    Raises:
        ValueError: If shapes do not fit, or the kernel is larger than the padded image.
    """
    if x.data.ndim != 4 or w.data.ndim != 4 or x.shape[1] != w.shape[1]:
        raise ValueError(f"conv2d wants x (B, C, H, W) and w (K, C, h, w), not {x.shape} and {w.shape}")
    if stride < 1 or padding < 0:
        raise ValueError(f"stride must be at least 1 and padding at least 0, not {stride} and {padding}")
    kernel = w.shape[2:]
    padded = np.pad(x.data, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    if kernel[0] > padded.shape[2] or kernel[1] > padded.shape[3]:
        raise ValueError(f"the kernel {kernel} is larger than the padded image {padded.shape[2:]}")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(2, 3))[:, :, ::stride, ::stride]
    value = np.tensordot(windows, w.data, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)  # (B, K, I, J)

    def pull(g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        to_kernel = np.tensordot(g, windows, axes=((0, 2, 3), (0, 2, 3)))  # (K, C, h, w)
        to_image = np.zeros_like(padded)
        rows, columns = stride * g.shape[2], stride * g.shape[3]
        for u, v in np.ndindex(kernel):  # every pixel that kernel entry (u, v) has touched
            part = np.tensordot(g, w.data[:, :, u, v], axes=(1, 0)).transpose(0, 3, 1, 2)  # (B, C, I, J)
            to_image[:, :, u : u + rows : stride, v : v + columns : stride] += part
        inner = slice(padding, padded.shape[2] - padding), slice(padding, padded.shape[3] - padding)
        return to_image[:, :, inner[0], inner[1]], to_kernel

    return Tensor(value, (x, w), pull, op="conv")
