"""The Gaussian pyramid blurs before it drops pixels, for any size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.ops.pyramids import gaussian_pyramid, pyramid_expand, pyramid_reduce


def draw(*shape):
    return torch.randn(*shape, generator=generator(0), dtype=torch.float64)


@pytest.mark.parametrize("size", [(8, 12), (9, 7), (2, 3)])
def test_reduce_equals_scipy(size, device, dtype, close):
    image = draw(2, 1, *size)
    weights = np.array([1, 4, 6, 4, 1]) / 16
    blurred = correlate1d(correlate1d(image.numpy(), weights, axis=2, mode="mirror"), weights, axis=3, mode="mirror")
    close(pyramid_reduce(image.to(device, dtype)), blurred[:, :, ::2, ::2], atol=1e-10)


@pytest.mark.parametrize("size", [(8, 12), (9, 7), (2, 3), (1, 5)])
def test_expand_keeps_flat_pictures_flat_and_ramps_straight(size, close):
    flat = torch.full((1, 1, *((n + 1) // 2 for n in size)), 0.3, dtype=torch.float64)
    close(pyramid_expand(flat, size), torch.full((1, 1, *size), 0.3))
    ramp = torch.arange(0, 10, 2.0, dtype=torch.float64).expand(1, 1, 1, 5)
    close(pyramid_expand(ramp, (1, 10))[0, 0, 0, 2:8], torch.arange(2, 8.0))


def test_a_stripe_pattern_too_fine_for_the_small_picture_turns_grey_not_coarse():
    """Period 2 pixels: dropping pixels turns it black, the pyramid grey."""
    stripes = (torch.arange(64) % 2).double().expand(1, 1, 64, 64)
    assert float(stripes[:, :, ::2, ::2].max()) == 0
    assert float((pyramid_reduce(stripes) - 0.5).abs().max()) < 1e-12


def test_sizes_and_means_of_the_levels():
    picture = photograph("flower", 100)[None]
    levels = gaussian_pyramid(picture, 5)
    assert [tuple(level.shape[2:]) for level in levels] == [(100, 150), (50, 75), (25, 38), (13, 19), (7, 10)]
    assert all(abs(float(level.mean() - picture.mean())) < 0.03 for level in levels)
    assert [len(level[0, 0]) for level in gaussian_pyramid(picture[..., :5, :5], 4)] == [5, 3, 2, 1]


def test_gradients_flow():
    assert torch.autograd.gradcheck(lambda a: gaussian_pyramid(a, 3)[-1], (draw(1, 1, 6, 5).requires_grad_(),))
    assert torch.autograd.gradcheck(lambda a: pyramid_expand(a, (5, 6)), (draw(1, 1, 3, 3).requires_grad_(),))
