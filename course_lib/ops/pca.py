"""Principal components: the directions in which features differ most (chapters 7 and 16). Pearson 1901; Hotelling 1933.

With centred data X (N, D) = U S V^T, the rows of V^T are the components, S^2 / (N - 1) their variances. Each
component's sign is free; here its largest entry is positive, so that results can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors


@dataclass(frozen=True)
class PCA:
    """Fitted components.

    Attributes:
        mean: (D,).
        components: (K, D), orthonormal rows, largest variance first.
        variances: (K,).
        total: Variance of all D directions together, shape ().
    """

    mean: Tensor
    components: Tensor
    variances: Tensor
    total: Tensor

    def transform(self, X: Tensor) -> Tensor:
        """Coordinates (N, K) of samples (N, D)."""
        return (X - self.mean) @ self.components.T

    def inverse(self, Z: Tensor) -> Tensor:
        """The samples (N, D) that coordinates (N, K) stand for."""
        return Z @ self.components + self.mean


def fit_pca(X: Tensor, components: int) -> PCA:
    """Fit by a singular value decomposition.

    Args:
        X: (N, D), floating point, N at least 2.
        components: K, at most min(N, D).

    Raises:
        ValueError: If X is no such matrix or K is out of range.
    """
    check_tensors(X=(X, "N D"))
    if len(X) < 2 or not 1 <= components <= min(X.shape):
        raise ValueError(f"components must be 1 to {min(X.shape)} for X of shape {tuple(X.shape)}, not {components}")
    mean = X.mean(dim=0)
    _, singular, directions = torch.linalg.svd(X - mean, full_matrices=False)
    variances = singular.square() / (len(X) - 1)
    kept = directions[:components]
    largest = kept.abs().argmax(dim=1, keepdim=True)
    return PCA(mean, kept * kept.gather(1, largest).sign(), variances[:components], variances.sum())
