"""Box and Gaussian equal scipy's, the ways of computing them agree, and there is a best sigma for each noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.metrics import psnr
from course_lib.ops.filters import (
    MODES,
    box_filter,
    box_kernel,
    filter2d,
    filter_separable,
    gaussian_filter,
    gaussian_kernel,
)

CHELSEA = photograph("chelsea", 60).double()[None]


def each_channel(function, image, *arguments, **options):
    return np.array([[function(c.numpy(), *arguments, **options) for c in b] for b in image])


@pytest.mark.parametrize("size", [1, 3, 11])
def test_running_sums_equal_the_definition_and_two_passes(size, device, dtype, close):
    image = CHELSEA.to(device, dtype)
    by_definition = filter2d(image, box_kernel(size, dtype, device))
    row = torch.full((size,), 1 / size, dtype=dtype, device=device)
    close(box_filter(image, size), by_definition, atol=1e-10)
    close(filter_separable(image, row, row), by_definition, atol=1e-10)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [3, 9])
def test_box_equals_scipy(mode, size, device, dtype, close):
    wanted = each_channel(ndimage.uniform_filter, CHELSEA, size, mode=mode)
    close(box_filter(CHELSEA.to(device, dtype), size, mode), wanted, atol=1e-10)


def test_running_sums_keep_their_digits_in_float32(device):
    """One bright corner must not spoil the other end of a long row."""
    image = torch.full((1, 1, 1, 20_000), 1e-3)
    image[..., :100] = 1e6
    error = (box_filter(image.to(device), 3)[..., 200:].cpu() - 1e-3).abs().max()
    assert device.type == "mps" or float(error) < 1e-6


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.3])
def test_gaussian_equals_scipy(sigma, device, dtype, close):
    wanted = each_channel(ndimage.gaussian_filter, CHELSEA, sigma)
    close(gaussian_filter(CHELSEA.to(device, dtype), sigma), wanted, atol=1e-10)


def test_gaussian_is_separable(device, dtype, close):
    bell = gaussian_kernel(1.5, dtype=dtype, device=device)
    image = CHELSEA.to(device, dtype)
    close(gaussian_filter(image, 1.5), filter2d(image, torch.outer(bell, bell)), atol=1e-10)


def test_two_blurs_are_one_with_the_sum_of_the_variances():
    twice = gaussian_filter(gaussian_filter(CHELSEA, 3.0, truncate=6), 4.0, truncate=6)
    assert float((twice - gaussian_filter(CHELSEA, 5.0, truncate=6)).abs().max()) < 1e-3


@pytest.mark.parametrize("name", ["camera", "chelsea"])
def test_denoising_has_a_best_sigma_that_grows_with_the_noise(name):
    clean = photograph(name, 160)[None]
    sigmas, best = [0.3, 0.5, 0.7, 0.9, 1.2, 1.6, 2.2, 3.0], []
    for noise in (0.05, 0.2):
        noisy = clean + noise * torch.randn(clean.shape, generator=generator(0))
        scores = [psnr(gaussian_filter(noisy, s), clean) for s in sigmas]
        best.append(int(np.argmax(scores)))
        assert 0 < best[-1] < len(sigmas) - 1
        assert max(scores) > psnr(noisy, clean) + 2
    assert best[0] < best[1]


def test_gradients_flow():
    image = CHELSEA[:, :1, :5, :4].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda a: box_filter(a, 3, "mirror"), (image,))
    assert torch.autograd.gradcheck(lambda a: gaussian_filter(a, 0.6), (image,))
