"""All shifts of a patch as one matrix, and why Fourier makes it diagonal (chapter 13, "correlation-filter").

Row i of C(x) is x shifted by i places around a circle. Training on all shifts of one patch is ridge regression with
this matrix, and every circulant matrix has the same eigenvectors, the columns of the Fourier matrix F:

    C(x) = F diag(x^) F^H,    x^ = fft(x)
    w = (X^T X + lambda I)^-1 X^T y     becomes, place by place,     w^ = x^ y^ / (x^* x^ + lambda)

so that N^3 operations become N log N. Which factor carries the conjugate depends on whether shifts run forwards or
backwards; rows here are shifted forwards, C[i, j] = x[(j - i) mod N]. Henriques, Caseiro, Martins, Batista, High-speed
tracking with kernelized correlation filters, TPAMI 2015, arXiv:1404.7584. `ridge_by_matrix` is there to be slow and
plainly right.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes


def circulant(x: Tensor) -> Tensor:
    """C(x): (N, N) of x (N,), row i being x shifted forwards by i."""
    check_shapes(x=(x, "N"))
    places = torch.arange(len(x), device=x.device)
    return x[(places[None] - places[:, None]) % len(x)]


def fourier_matrix(size: int, *, dtype: torch.dtype = torch.complex128) -> Tensor:
    """Unitary (N, N): F[j, k] = exp(-2 pi i j k / N) / sqrt(N)."""
    places = torch.arange(size, dtype=torch.float64)
    turns = torch.outer(places, places) / size
    return (torch.exp(-2j * torch.pi * turns) / size**0.5).to(dtype)


def shifts(patch: Tensor) -> Tensor:
    """All cyclic shifts of a patch (H, W), one a row: (H W, H W), row i W + j is shifted by i rows and j columns."""
    check_shapes(patch=(patch, "H W"))
    height, width = patch.shape
    moved = [patch.roll((i, j), (0, 1)).flatten() for i in range(height) for j in range(width)]
    return torch.stack(moved)


def ridge_by_matrix(patch: Tensor, target: Tensor, weight: float) -> Tensor:
    """Ridge regression from all shifts of a patch to a target, with the whole matrix.

    Args:
        patch: (H, W).
        target: (H, W), what the patch shifted by (i, j) should answer.
        weight: lambda, above 0.

    Returns:
        (H, W) weights w that minimise sum (<w, shifted patch> - target)^2 + lambda |w|^2.
    """
    check_positive(weight=weight)
    X = shifts(patch)
    pull = weight * torch.eye(X.shape[1], dtype=X.dtype, device=X.device)
    return torch.linalg.solve(X.T @ X + pull, X.T @ target.flatten()).reshape(patch.shape)


def ridge_by_fourier(patch: Tensor, target: Tensor, weight: float) -> Tensor:
    """The same as `ridge_by_matrix`, in H W log(H W) operations."""
    check_shapes(patch=(patch, "H W"), target=(target, "H W"))
    check_positive(weight=weight)
    x, y = torch.fft.fft2(patch), torch.fft.fft2(target)
    return torch.fft.ifft2(x * y / (x.abs().square() + weight)).real
