"""The kernels of chapter 5: averages, derivatives, and detectors of spots and lines.

    box        1 / n^2 everywhere
    gaussian   exp(-x^2 / (2 sigma^2)), cut off and divided by its sum
    sobel      a difference across, a (1 2 1) average along
    spot       the centre against all around it, sums to zero
    line       a line through the centre against its two sides, sums to zero

Smoothing kernels sum to 1, so a flat picture stays as it is. Detectors sum to 0, so a flat picture gives nothing.
Kernels are written for cross-correlation (see `convolution`): what you see is what is laid on the picture. Sobel and
Feldman (1968); the spot and line masks are the classic 3 x 3 ones, such as in Gonzalez and Woods, chapter 10.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors

_LINES = {
    0: [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]],
    45: [[-1, -1, 2], [-1, 2, -1], [2, -1, -1]],
    90: [[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]],
    135: [[2, -1, -1], [-1, 2, -1], [-1, -1, 2]],
}


def box_kernel(size: int, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Tensor:
    """Equal weights that sum to 1: (size, size). The size is odd, so that there is a centre.

    Raises:
        ValueError: If the size is not an odd integer of at least 1.
    """
    check_odd(size)
    return torch.full((size, size), 1 / size**2, dtype=dtype, device=device)


def gaussian_kernel(
    sigma: float, truncate: float = 4.0, dtype: torch.dtype = torch.float32, *, device: torch.device | str = "cpu"
) -> Tensor:
    """A sampled bell curve that sums to 1.

    Args:
        sigma: Standard deviation in pixels, above 0.
        truncate: Where to cut off, in standard deviations.
        dtype, device: Of the result.

    Returns:
        (2 r + 1,) with r = round(truncate * sigma), as scipy has it. The 2-D kernel is its outer product with itself.

    Raises:
        ValueError: If a number is not above 0.
    """
    check_positive(sigma=sigma, truncate=truncate)
    radius = int(truncate * sigma + 0.5)
    x = torch.arange(-radius, radius + 1, dtype=dtype, device=device)
    bell = torch.exp(-0.5 * (x / sigma) ** 2)
    return bell / bell.sum()


def sobel_kernels(dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """The x and y kernels, (3, 3) each; on a ramp that rises by 1 a pixel they answer 1.

    x grows to the right and y grows downwards: the x kernel answers above 0 where the right is brighter.
    """
    across = torch.tensor([-0.5, 0.0, 0.5], dtype=dtype, device=device)
    along = torch.tensor([0.25, 0.5, 0.25], dtype=dtype, device=device)
    return torch.outer(along, across), torch.outer(across, along)


def spot_kernel(dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Tensor:
    """Centre 8, its eight neighbours -1: (3, 3). Answers above 0 on a bright spot."""
    kernel = torch.full((3, 3), -1.0, dtype=dtype, device=device)
    kernel[1, 1] = 8
    return kernel


def line_kernel(degrees: int, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Tensor:
    """A bright line through the centre, 2, between two darker sides, -1: (3, 3).

    Args:
        degrees: Direction of the line: 0 horizontal, 45 rising to the right, 90 vertical, 135 falling to the right.
        dtype, device: Of the result.

    Raises:
        ValueError: For another direction.
    """
    if degrees not in _LINES:
        raise ValueError(f"degrees must be 0, 45, 90 or 135, not {degrees!r}")
    return torch.tensor(_LINES[degrees], dtype=dtype, device=device)


def separate(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Split a 2-D kernel into a column and a row whose outer product it is.

    Args:
        kernel: (h, w) of rank 1.

    Returns:
        A column (h,) and a row (w,).

    Raises:
        ValueError: If the kernel has a higher rank: then no single pair of 1-D filters does its work.
    """
    check_tensors(kernel=(kernel, "h w"))
    left, strength, right = torch.linalg.svd(kernel)
    rank = int((strength > 1e-5 * strength[0]).sum())
    if rank != 1:
        raise ValueError(f"kernel has rank {rank}, so it is not separable: only rank 1 is column times row")
    root = strength[0].sqrt()
    column, row = left[:, 0] * root, right[0] * root
    sign = torch.where(column.sum() < 0, -1.0, 1.0).to(kernel.dtype)  # signs of column and row are free together
    return column * sign, row * sign


def check_odd(size: int) -> None:
    """Check that a window's side is an odd integer of at least 1.

    Raises:
        ValueError: One line that says what came.
    """
    if not isinstance(size, int) or isinstance(size, bool) or size < 1 or size % 2 == 0:
        raise ValueError(f"size must be an odd integer of at least 1, so that the window has a centre, not {size!r}")
