"""Pooling (chapter 5, "pooling"): one number for each window, the mean, the largest or the smallest.

    out[b, c, i, j] = reduce over u, v of image[b, c, i s + u, j s + v]         0 <= u, v < size

Windows lie inside the picture; what is left over at the right and lower edge is dropped, as torch does. The smallest is
minus the largest of the negative. A max pool answers the same while the maximum stays inside its window: that is the
small invariance to shifts that pooling gives, and all of it.
"""

from __future__ import annotations

from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.filters.convolution import output_size


def average_pool(image: Tensor, size: int, stride: int | None = None) -> Tensor:
    """Mean of each window.

    Args:
        image: (B, C, H, W), floating point.
        size: Side of the square window in pixels.
        stride: Steps between windows; the window's size without it.

    Returns:
        (B, C, H', W') with H' = floor((H - size) / stride) + 1.

    Raises:
        ValueError: For bad shapes or values, or a window that does not fit.
    """
    return _windows(image, size, stride).mean(dim=(-2, -1))


def max_pool(image: Tensor, size: int, stride: int | None = None) -> Tensor:
    """Largest value of each window; of equal ones they share the gradient. Arguments as `average_pool`."""
    return _windows(image, size, stride).amax(dim=(-2, -1))


def min_pool(image: Tensor, size: int, stride: int | None = None) -> Tensor:
    """Smallest value of each window. Arguments as `average_pool`."""
    return _windows(image, size, stride).amin(dim=(-2, -1))


def _windows(image: Tensor, size: int, stride: int | None) -> Tensor:
    """All windows without copying: (B, C, H', W', size, size)."""
    check_tensors(image=(image, "B C H W"))
    step = size if stride is None else stride
    for side in image.shape[2:]:
        output_size(side, size, step)
    return image.unfold(2, size, step).unfold(3, size, step)
