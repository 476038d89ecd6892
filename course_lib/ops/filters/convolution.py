"""Convolution in four ways (chapter 5, "convolution"): by its definition, as a matrix product, by FFT, as a matrix.

    out[b, k, i, j] = sum over c, u, v of  image[b, c, i s + u d - p, j s + v d - p] * weight[k, c, u, v]

with stride s, padding p (zeros) and dilation d. This is what torch calls convolution. Signal processing calls it
cross-correlation; its convolution turns the kernel by 180 degrees first, which `flip` does. The output has

    floor((size + 2 p - d (kernel - 1) - 1) / s) + 1        pixels a side.

im2col copies each window into a column, so that all sums are one matrix product (Chellapilla, Puri and Simard, 2006).
The FFT turns the sum into products of spectra. The matrix of a convolution has a row for each output pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from course_lib.core.checks import check_tensors, describe


def output_size(size: int, kernel: int, stride: int = 1, *, padding: int = 0, dilation: int = 1) -> int:
    """Pixels a side that a convolution leaves.

    Args:
        size: Pixels a side of the input, at least 1.
        kernel: Pixels a side of the kernel, at least 1.
        stride: Steps between windows, at least 1.
        padding: Zeros added on each side, at least 0.
        dilation: Steps between the kernel's taps, at least 1.

    Raises:
        ValueError: For a number out of range, or a kernel that does not fit into the padded input.
    """
    for name, value, least in (
        ("size", size, 1), ("kernel", kernel, 1), ("stride", stride, 1),
        ("padding", padding, 0), ("dilation", dilation, 1),
    ):  # fmt: skip
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")
    reach = dilation * (kernel - 1) + 1
    if reach > size + 2 * padding:
        raise ValueError(
            f"a kernel that reaches over {reach} pixels does not fit into {size} + 2 * {padding}: add padding"
        )
    return (size + 2 * padding - reach) // stride + 1


def flip(weight: Tensor) -> Tensor:
    """Turn kernels (..., h, w) by 180 degrees: what lies between cross-correlation and convolution."""
    return weight.flip(-2, -1)


def conv2d_naive(image: Tensor, weight: Tensor, stride: int = 1, *, padding: int = 0, dilation: int = 1) -> Tensor:
    """Convolution by its definition: visit each output pixel, multiply window and kernel, add up. Slow on purpose.

    Args:
        image: (B, C, H, W), floating point.
        weight: (K, C, h, w), K kernels of the image's dtype.
        stride, padding, dilation: See `output_size`.

    Returns:
        (B, K, H', W'), equal to `torch.nn.functional.conv2d`.

    Raises:
        ValueError: For bad shapes, values or dtypes, or a kernel that does not fit.
    """
    rows, columns = _check(image, weight, stride, padding, dilation)
    padded = pad(image, [padding] * 4)
    h, w = (dilation * (n - 1) + 1 for n in weight.shape[2:])
    out = []
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            window = padded[:, None, :, top : top + h : dilation, left : left + w : dilation]  # (B, 1, C, h, w)
            out.append((window * weight).sum(dim=(2, 3, 4)))  # (B, K)
    return torch.stack(out, dim=2).reshape(len(image), len(weight), rows, columns)  # (B, K, H', W')


def im2col(image: Tensor, kernel: tuple[int, int], stride: int = 1, *, padding: int = 0, dilation: int = 1) -> Tensor:
    """Copy every window of an image into a column.

    Args:
        image: (B, C, H, W).
        kernel: Height h and width w of the windows.
        stride, padding, dilation: See `output_size`.

    Returns:
        (B, C h w, L) for L windows in reading order.

    Raises:
        ValueError: For bad shapes, values, or a window that does not fit.
    """
    check_tensors(image=(image, "B C H W"))
    (h, w), (H, W) = kernel, image.shape[2:]
    rows, columns = (
        output_size(H, h, stride, padding=padding, dilation=dilation),
        output_size(W, w, stride, padding=padding, dilation=dilation),
    )
    padded = pad(image, [padding] * 4)
    windows = [
        padded[:, :, u : u + (rows - 1) * stride + 1 : stride, v : v + (columns - 1) * stride + 1 : stride]
        for u in range(0, h * dilation, dilation)
        for v in range(0, w * dilation, dilation)
    ]  # one shifted copy of the image for each tap
    return torch.stack(windows, dim=2).reshape(len(image), -1, rows * columns)  # (B, C h w, L)


def conv2d_im2col(image: Tensor, weight: Tensor, stride: int = 1, *, padding: int = 0, dilation: int = 1) -> Tensor:
    """Convolution as one matrix product of kernels (K, C h w) and windows (C h w, L). See `conv2d_naive`."""
    rows, columns = _check(image, weight, stride, padding, dilation)
    windows = im2col(image, (weight.shape[2], weight.shape[3]), stride, padding=padding, dilation=dilation)
    return (weight.flatten(1) @ windows).unflatten(2, (rows, columns))  # (B, K, H', W')


def conv2d_fft(image: Tensor, weight: Tensor, stride: int = 1, *, padding: int = 0) -> Tensor:
    """Convolution as a product of spectra; the cost does not depend on the kernel's size. See `conv2d_naive`.

    The transform is periodic. The padded image is as large as the longest reach of a valid window, so nothing wraps
    around into the part that is kept. A stride throws results away after they were computed.
    """
    _check(image, weight, stride, padding, 1)
    padded = pad(image, [padding] * 4)
    (H, W), (h, w) = padded.shape[2:], weight.shape[2:]
    spectrum = torch.fft.rfft2(padded)  # (B, C, H, W / 2 + 1)
    kernels = torch.fft.rfft2(weight, s=(H, W)).conj()  # the conjugate correlates, without it the kernel is flipped
    product = torch.einsum("bchw,kchw->bkhw", spectrum, kernels)
    full = torch.fft.irfft2(product, s=(H, W))
    return full[:, :, : H - h + 1 : stride, : W - w + 1 : stride]


def convolution_matrix(kernel: Tensor, size: tuple[int, int], stride: int = 1, *, padding: int = 0) -> Tensor:
    """The matrix M with M @ image.flatten() = output.flatten() for images of one size.

    Args:
        kernel: (h, w), floating point.
        size: Height H and width W of the images.
        stride, padding: See `output_size`.

    Returns:
        (H' W', H W): a row for each output pixel, a column for each input pixel. Its transpose spreads outputs back
        over the input: the "transposed convolution" that gradients and up-sampling use.

    Raises:
        ValueError: For bad shapes, or a kernel that does not fit.
    """
    check_tensors(kernel=(kernel, "h w"))
    H, W = size
    output_size(H, kernel.shape[0], stride, padding=padding), output_size(W, kernel.shape[1], stride, padding=padding)
    one_hot = torch.eye(H * W, dtype=kernel.dtype, device=kernel.device).reshape(H * W, 1, H, W)
    columns = conv2d_im2col(one_hot, kernel[None, None], stride, padding=padding)  # (H W, 1, H', W')
    return columns.flatten(1).mT  # (H' W', H W)


def _check(image: Tensor, weight: Tensor, stride: int, padding: int, dilation: int) -> tuple[int, int]:
    """Check an image and its kernels; return the output's height and width."""
    check_tensors(image=(image, "B C H W"), weight=(weight, "K C h w"))
    if image.dtype != weight.dtype:
        raise ValueError(f"image is {describe(image)} but weight is {weight.dtype}; convert one with .to(dtype)")
    rows, columns = (
        output_size(n, k, stride, padding=padding, dilation=dilation)
        for n, k in zip(image.shape[2:], weight.shape[2:], strict=True)
    )
    return rows, columns
