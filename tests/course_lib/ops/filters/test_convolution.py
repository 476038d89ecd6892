"""Convolution in four ways equals torch's for every size, and the size formula says what comes out."""

from __future__ import annotations

import itertools

import pytest
import torch
from scipy.ndimage import convolve
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.ops.filters import (
    conv2d_fft,
    conv2d_im2col,
    conv2d_naive,
    convolution_matrix,
    flip,
    im2col,
    output_size,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


@pytest.mark.parametrize("method", [conv2d_naive, conv2d_im2col, conv2d_fft])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 2), (2, 0), (3, 1)])
def test_equals_torch(method, stride, padding, device, dtype, close):
    image, weight = draw(2, 3, 9, 12).to(device, dtype), draw(4, 3, 3, 5, seed=1).to(device, dtype)
    close(
        method(image, weight, stride, padding=padding),
        F.conv2d(image, weight, stride=stride, padding=padding),
        atol=1e-10,
    )


@pytest.mark.parametrize("method", [conv2d_naive, conv2d_im2col])
def test_dilation_equals_torch(method, device, dtype, close):
    image, weight = draw(1, 2, 11, 10).to(device, dtype), draw(3, 2, 3, 2, seed=1).to(device, dtype)
    close(
        method(image, weight, 2, padding=1, dilation=3),
        F.conv2d(image, weight, stride=2, padding=1, dilation=3),
        atol=1e-10,
    )


def test_output_size_over_a_full_grid():
    """Each size, kernel, stride, padding and dilation: what torch makes, and refusal where torch refuses."""
    fits = refused = 0
    for size, kernel, stride, padding, dilation in itertools.product(
        range(1, 11), range(1, 6), range(1, 5), range(4), range(1, 4)
    ):
        line, taps = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
        try:
            wanted = F.conv1d(line, taps, stride=stride, padding=padding, dilation=dilation).shape[2]
        except RuntimeError:
            refused += 1
            with pytest.raises(ValueError, match="does not fit"):
                output_size(size, kernel, stride, padding=padding, dilation=dilation)
            continue
        fits += 1
        assert output_size(size, kernel, stride, padding=padding, dilation=dilation) == wanted
    assert fits + refused == 10 * 5 * 4 * 4 * 3
    assert refused > 100


def test_the_matrix_of_a_3x3_kernel_on_a_4x4_image():
    """The lecture's 4 x 16 matrix: in its first row the kernel's rows stand with one zero between them."""
    kernel = torch.arange(1.0, 10).reshape(3, 3)
    matrix = convolution_matrix(kernel, (4, 4))
    assert matrix.shape == (4, 16)
    assert matrix[0].tolist() == [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0]
    assert matrix[3].tolist() == [0, 0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9]


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_the_matrix_equals_torch_and_its_transpose_is_the_transposed_convolution(stride, padding, device, dtype, close):
    image, kernel = draw(1, 1, 7, 5).to(device, dtype), draw(3, 3, seed=1).to(device, dtype)
    out = F.conv2d(image, kernel[None, None], stride=stride, padding=padding)
    matrix = convolution_matrix(kernel, (7, 5), stride, padding=padding)
    close(matrix @ image.flatten(), out.flatten(), atol=1e-10)
    back = F.conv_transpose2d(out, kernel[None, None], stride=stride, padding=padding)
    close(matrix.mT @ out.flatten(), back.flatten(), atol=1e-10)


def test_a_flipped_kernel_is_the_convolution_of_signal_processing(close):
    picture, kernel = photograph("camera", 32).double(), draw(3, 3)
    ours = conv2d_im2col(picture[None], flip(kernel)[None, None])[0, 0]
    close(ours, convolve(picture[0].numpy(), kernel.numpy())[1:-1, 1:-1])


def test_im2col_holds_the_windows_in_torchs_order(device, dtype, close):
    image = draw(2, 3, 6, 7).to(device, dtype)
    close(im2col(image, (3, 2), 2, padding=1), F.unfold(image, (3, 2), stride=2, padding=1))


@pytest.mark.parametrize("method", [conv2d_naive, conv2d_im2col, conv2d_fft])
def test_gradients_flow(method):
    image, weight = draw(1, 2, 5, 4).requires_grad_(), draw(2, 2, 3, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: method(a, b, 2, padding=1), (image, weight))
