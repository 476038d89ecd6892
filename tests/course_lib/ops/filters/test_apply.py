"""Filtering with a kernel, in one and in two steps, and with unknown pixels."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import correlate1d

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.metrics import psnr
from course_lib.ops.filters import box_kernel, filter2d, filter_normalised, filter_separable, gaussian_kernel
from course_lib.ops.filters.apply import filter_axis


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


@pytest.mark.parametrize("dim", [-1, -2])
@pytest.mark.parametrize("taps", [1, 3, 17, 61])
@pytest.mark.parametrize("length", [61, 64, 96, 131])
def test_blocks_of_any_length_equal_scipy(dim, taps, length, device, dtype, close):
    """Lengths at, below and above whole blocks of 32, kernels shorter and longer than a block."""
    image, kernel = draw(2, 1, length, length + 1), draw(taps, seed=1)
    wanted = correlate1d(image.numpy(), kernel.numpy(), axis=dim, mode="wrap")
    inside = slice(taps // 2, image.shape[dim] - taps // 2)
    wanted = wanted[..., inside] if dim == -1 else wanted[..., inside, :]
    close(filter_axis(image.to(device, dtype), kernel.to(device, dtype), dim), wanted, atol=1e-10)


@pytest.mark.parametrize("border", ["nearest", "reflect", "mirror", "wrap", "constant"])
def test_separable_equals_the_outer_product(border, device, dtype, close):
    image = draw(2, 3, 20, 45).to(device, dtype)
    column, row = draw(5, seed=1).to(device, dtype), draw(9, seed=2).to(device, dtype)
    wanted = filter2d(image, torch.outer(column, row), border)
    close(filter_separable(image, column, row, border=border), wanted, atol=1e-10)


def test_normalised_filtering_keeps_flat_pictures_flat_up_to_the_border(close):
    flat = torch.full((1, 2, 9, 11), 0.4, dtype=torch.float64)
    kernel = box_kernel(5, torch.float64)
    close(filter_normalised(flat, kernel), flat)
    assert abs(float(filter2d(flat, kernel, "constant")[0, 0, 0, 0]) - 0.4 * 9 / 25) < 1e-12


def test_unknown_pixels_do_not_matter_and_are_filled_in():
    picture = photograph("camera", 96)[None]
    known = (torch.rand(1, 1, 96, 96, generator=generator(0)) > 0.7).float()
    bell = gaussian_kernel(0.8)
    kernel = torch.outer(bell, bell)
    holes = torch.where(known > 0, picture, 0)
    filled = filter_normalised(holes, kernel, known)
    wrong = torch.where(known > 0, picture, 7.0)
    torch.testing.assert_close(filter_normalised(wrong, kernel, known), filled)
    assert psnr(filled, picture) > psnr(filter2d(holes, kernel), picture) + 8
    nothing = filter_normalised(picture, kernel, torch.zeros_like(known))
    assert float(nothing.abs().max()) == 0


def test_gradients_flow():
    image, row = draw(1, 1, 5, 6).requires_grad_(), draw(3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, r: filter_separable(a, r, r, border="mirror"), (image, row))
    kernel = draw(3, 3).abs().requires_grad_()
    assert torch.autograd.gradcheck(filter_normalised, (image, kernel))
