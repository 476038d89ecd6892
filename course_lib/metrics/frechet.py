"""Frechet distance: how far are two clouds of features apart? (chapters 16 to 18)

    d^2 = |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))

between Gaussians of means m and covariances S. With the features of an ImageNet network it is called FID: Heusel et al.
2017, arXiv:1706.08500. tr (S1 S2)^(1/2) is the sum of the singular values of A^T B if S1 = A A^T and S2 = B B^T, and
centred features divided by sqrt(N - 1) are such A and B: no root of a matrix is needed, and nothing can turn complex.

What changes the number: the features, how pictures were resized, and the number of samples: from few samples it comes
out too large. Below D + 1 samples a covariance has no full rank, and we refuse.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors


@torch.no_grad()
def frechet_distance(features: Tensor, references: Tensor) -> Tensor:
    """Squared Frechet distance of the Gaussians that fit two sets of features; FID's convention has no root.

    Args:
        features: (N, D), N at least D + 1.
        references: (M, D), M at least D + 1.

    Returns:
        () float64, 0 or more: 0 for sets with equal means and covariances. Without gradient: a judge, not a loss.

    Raises:
        ValueError: For bad shapes or values, or too few samples.
    """
    check_tensors(features=(features, "N D"), references=(references, "M D"))
    parts = []
    for name, value in (("features", features), ("references", references)):
        samples, dimensions = value.shape
        if samples <= dimensions:
            raise ValueError(
                f"{name} has {samples} samples of {dimensions} numbers; a covariance needs at least {dimensions + 1}: "
                f"take more samples or fewer features"
            )
        mean = value.double().mean(0)
        parts.append((mean, (value.double() - mean).mT / (samples - 1) ** 0.5))  # (D,), A (D, N) with A A^T = S
    (mean1, a), (mean2, b) = parts
    means = (mean1 - mean2).square().sum()
    root = torch.linalg.svdvals(_square(a).mT @ _square(b)).sum()
    return (means + a.square().sum() + b.square().sum() - 2 * root).clamp(min=0)


def _square(a: Tensor) -> Tensor:
    """A (D, D) factor of the same A A^T: with A^T = Q R it is R^T, because Q^T Q = 1."""
    return torch.linalg.qr(a.mT, mode="r").R.mT
