"""Are the neighbours of the same kind? (chapter 7, "feature-neighbours").

precision@k: of the k nearest other samples, the share that has the query's class, averaged over all queries.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_labels, check_tensors
from course_lib.ops.neighbours import pairwise_distances


def precision_at_k(features: Tensor, labels: Tensor, k: int) -> float:
    """Every sample asks all others.

    Args:
        features: (N, D), floating point; compared by straight-line distance.
        labels: (N,) int64 classes.
        k: How many neighbours, 1 to N - 1.

    Returns:
        0 to 1; guessing gives about the share of a class in the set.

    Raises:
        ValueError: If the shapes differ or k is out of range.
    """
    check_tensors(features=(features, "N D"))
    check_labels("labels", labels, features=features)
    if not 1 <= k < len(features):
        raise ValueError(f"k must be 1 to {len(features) - 1}, one less than there are samples, not {k}")
    distances = pairwise_distances(features, features)  # (N, N)
    distances.fill_diagonal_(torch.inf)  # nobody is its own neighbour
    found = distances.topk(k, largest=False).indices  # (N, k)
    return float((labels[found] == labels[:, None]).double().mean())
