"""Transposed convolution in two ways (chapter 9, "transposed-convolution"): as stamping, as a transposed matrix.

    stamping   out[i s + u - p, j s + v - p] += sum over c of  maps[c, i, j] * weight[c, k, u, v]
    matrix     convolution of one channel is y = M x with a row of M for each output; this is x = M^T y
    size       (size - 1) s - 2 p + kernel + output_padding

Each place of the small map stamps a copy of the kernel, weighted with its value, into the large one; where stamps
overlap they add up; p pixels are cut off on each side. It is the gradient of a convolution with the same kernel, stride
and padding with regard to its input, and undoes that convolution's change of size, not its values. Sizes that a stride
rounds to the same are told apart by output_padding, which gives the lower and right side more pixels. Long, Shelhamer,
Darrell 2014, arXiv:1411.4038; Dumoulin and Visin 2016, arXiv:1603.07285.

Maps are (B, C, H, W), weights (C, K, h, w): input channels first, as torch has it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_tensors, describe
from course_lib.ops.filters.convolution import convolution_matrix


def transposed_size(size: int, kernel: int, stride: int = 1, *, padding: int = 0, output_padding: int = 0) -> int:
    """Pixels a side of what a transposed convolution returns.

    Args:
        size: Pixels a side of the small map, at least 1.
        kernel: Pixels a side of the kernel, at least 1.
        stride: Pixels between stamps, at least 1.
        padding: Pixels cut off on each side, at least 0.
        output_padding: Pixels more at the lower and the right side, 0 to stride - 1.

    Raises:
        ValueError: For a number out of range, or if nothing is left.
    """
    for name, value, least in (("size", size, 1), ("kernel", kernel, 1), ("stride", stride, 1),
                               ("padding", padding, 0), ("output_padding", output_padding, 0)):  # fmt: skip
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")
    if output_padding >= stride:
        raise ValueError(f"output_padding must be below the stride of {stride}, not {output_padding}")
    left = (size - 1) * stride - 2 * padding + kernel + output_padding
    if left < 1:
        raise ValueError(f"a padding of {padding} cuts everything off: {left + 2 * padding} pixels are stamped")
    return left


def conv_transpose2d_stamping(
    maps: Tensor, weight: Tensor, stride: int = 1, *, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """Transposed convolution by its definition: visit each place, stamp the weighted kernel, add up. Slow on purpose.

    Args:
        maps: (B, C, H, W), floating point.
        weight: (C, K, h, w), of the maps' dtype.
        stride, padding, output_padding: See `transposed_size`.

    Returns:
        (B, K, H', W'), equal to `torch.nn.functional.conv_transpose2d`.

    Raises:
        ValueError: For bad shapes, values, dtypes or numbers.
    """
    rows, columns = _check(maps, weight, stride, padding, output_padding)
    (H, W), (h, w) = maps.shape[2:], weight.shape[2:]
    sheet = maps.new_zeros(len(maps), weight.shape[1], rows + 2 * padding, columns + 2 * padding)
    for i in range(H):
        for j in range(W):
            stamp = torch.einsum("bc,ckuv->bkuv", maps[:, :, i, j], weight)
            sheet[:, :, i * stride : i * stride + h, j * stride : j * stride + w] += stamp
    return sheet[:, :, padding : padding + rows, padding : padding + columns]


def conv_transpose2d_matrix(
    maps: Tensor, weight: Tensor, stride: int = 1, *, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """Transposed convolution as a product with the transposed matrix of a convolution, channel by channel.

    The convolution is the one that leads from the large size back to the small one. Arguments, answer and errors as in
    `conv_transpose2d_stamping`.
    """
    rows, columns = _check(maps, weight, stride, padding, output_padding)
    flat = maps.flatten(2)  # (B, C, H W)
    out = maps.new_zeros(len(maps), weight.shape[1], rows * columns)
    for c in range(weight.shape[0]):
        for k in range(weight.shape[1]):
            matrix = convolution_matrix(weight[c, k], (rows, columns), stride, padding=padding)  # (H W, H' W')
            out[:, k] += flat[:, c] @ matrix
    return out.unflatten(2, (rows, columns))


def bilinear_kernel(factor: int, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Tensor:
    """The kernel with which a transposed convolution of stride `factor` interpolates linearly.

    Args:
        factor: By which maps are enlarged, at least 1.
        dtype: Of the kernel.
        device: Of the kernel.

    Returns:
        (2 f - f mod 2,) * 2, a pyramid. Shifted copies with distance f add up to 1 everywhere.

    Raises:
        ValueError: For another factor.
    """
    if not isinstance(factor, int) or isinstance(factor, bool) or factor < 1:
        raise ValueError(f"factor must be an integer of at least 1, not {factor!r}")
    size = 2 * factor - factor % 2
    away = (torch.arange(size, dtype=dtype, device=device) - (size - 1) / 2).abs()
    side = 1 - away / factor
    return side[:, None] * side


def enlarge_bilinear(maps: Tensor, factor: int) -> Tensor:
    """Enlarge (B, C, H, W) by a whole number with one stamp for each place; beyond the frame there are zeros.

    Equal to bilinear interpolation without aligned corners at a distance of `factor` pixels and more from the frame.
    """
    kernel = bilinear_kernel(factor, maps.dtype, maps.device)
    stamps = kernel.expand(maps.shape[1], 1, *kernel.shape)
    return F.conv_transpose2d(maps, stamps, stride=factor, padding=factor // 2, groups=maps.shape[1])


def _check(maps: Tensor, weight: Tensor, stride: int, padding: int, output_padding: int) -> tuple[int, int]:
    """Check maps and kernels; return the answer's height and width."""
    check_tensors(maps=(maps, "B C H W"), weight=(weight, "C K h w"))
    if maps.dtype != weight.dtype:
        raise ValueError(f"maps is a {describe(maps)} but weight is {weight.dtype}; convert one with .to(dtype)")
    rows, columns = (
        transposed_size(n, k, stride, padding=padding, output_padding=output_padding)
        for n, k in zip(maps.shape[2:], weight.shape[2:], strict=True)
    )
    return rows, columns
