"""Nearest neighbours (chapter 2, "image-as-point" and "knn"): an image is a point, and near points are alike.

    L1 distance  sum_d |a_d - b_d|        L2 distance  sqrt(sum_d (a_d - b_d)^2)

All L2 distances at once come from one matrix product, |a - b|^2 = |a|^2 + |b|^2 - 2 a^T b, with both moved to the mean.
There is nothing to train; all the work, N distances of D terms, waits until a question is asked. Cover and Hart (1967).
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_labels, check_tensors


def pairwise_distances(A: Tensor, B: Tensor, norm: int = 2) -> Tensor:
    """Distance from every row of A to every row of B.

    Args:
        A: (N, D), floating point: flattened images, for example.
        B: (M, D).
        norm: 1 for city-block distance, 2 for straight-line distance.

    Returns:
        (N, M) distances in the units of A and B. For L2, cancellation limits the accuracy to about the square root
        of the precision times the points' distance from the mean of B.

    Raises:
        ValueError: For bad shapes or values, or another norm.
    """
    check_tensors(A=(A, "N D"), B=(B, "M D"))
    if A.dtype != B.dtype:
        raise ValueError(f"A is {A.dtype} but B is {B.dtype}; convert one with .to(dtype)")
    if norm == 1:
        return torch.cdist(A, B, p=1)
    if norm == 2:
        middle = B.mean(dim=0)  # far from the origin |a|^2 and 2 a^T b are large and nearly equal: move it
        A, B = A - middle, B - middle
        squares = torch.addmm(B.square().sum(dim=1), A, B.mT, alpha=-2)  # (N, M), |b|^2 - 2 a^T b
        return squares.add_(A.square().sum(dim=1, keepdim=True)).clamp_(min=0).sqrt_()
    raise ValueError(f"norm must be 1 (city block) or 2 (straight line), not {norm!r}")


def nearest(X: Tensor, train_X: Tensor, k: int, *, norm: int = 2) -> Tensor:
    """Indices of each query's k nearest training samples; of two equally near ones the earlier counts as nearer.

    Args:
        X: (M, D) queries, floating point.
        train_X: (N, D) training samples.
        k: 1 ... N.
        norm: 1 or 2, see `pairwise_distances`.

    Returns:
        (M, k) int64, in no particular order within a row.

    Raises:
        ValueError: For bad shapes or values, or k outside 1 ... N.
    """
    check_tensors(X=(X, "M D"), train_X=(train_X, "N D"))
    if not 1 <= k <= len(train_X):
        raise ValueError(f"k must be 1 to {len(train_X)}, the number of training samples, not {k}")
    distances = pairwise_distances(X, train_X, norm)  # (M, N)
    values, indices = distances.topk(k, largest=False, sorted=True)
    tied = ((distances <= values[:, -1:]).sum(dim=1) > k).nonzero()[:, 0]  # rows with an equal at the border
    if len(tied):
        indices[tied] = distances[tied].sort(dim=1, stable=True).indices[:, :k]
    return indices


def knn_predict(X: Tensor, train_X: Tensor, train_labels: Tensor, *, k: int, norm: int = 2) -> Tensor:
    """The most frequent class among the k nearest training samples; of equally frequent classes the lowest.

    Args:
        X: (M, D) queries, floating point.
        train_X: (N, D) training samples.
        train_labels: (N,) int64 classes.
        k: 1 ... N.
        norm: 1 or 2, see `pairwise_distances`.

    Returns:
        (M,) int64 classes.

    Raises:
        ValueError: For bad shapes, values or labels, or k outside 1 ... N.
    """
    check_tensors(train_X=(train_X, "N D"))
    check_labels("train_labels", train_labels, train_X=train_X)
    neighbours = train_labels[nearest(X, train_X, k, norm=norm)]  # (M, k)
    votes = torch.zeros(len(X), int(train_labels.max()) + 1, dtype=torch.int64, device=X.device)
    votes.scatter_add_(1, neighbours, torch.ones_like(neighbours))
    return votes.argmax(dim=1)
