"""Median and bilateral filter: equal to SciPy and to loops, and the limits that their docstrings state."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from scipy import ndimage

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.ops.filters import MODES, bilateral_filter, filter2d, gaussian_kernel, median_filter


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("size", [1, 3, 5])
def test_median_equals_scipy_in_every_channel_and_mode(size, border, device, dtype, close):
    image = photograph("chelsea", 24)[None].to(device, dtype)
    ours = median_filter(image, size, border, value=0.3)
    theirs = [ndimage.median_filter(c.cpu().numpy(), size, mode=border, cval=0.3) for c in image[0]]
    close(ours, torch.stack([torch.from_numpy(c) for c in theirs])[None].to(device), rtol=0, atol=0)


@pytest.mark.parametrize(("sigma", "spread", "radius"), [(1.0, 0.1, 2), (1.6, 0.3, 3)])
def test_bilateral_equals_the_formula_written_out(sigma, spread, radius, device, dtype, close):
    image = photograph("chelsea", 12)[None, :, :, :10].to(device, dtype)
    padded = torch.nn.functional.pad(image, [radius] * 4, mode="reflect")  # SciPy's mirror
    wanted = torch.zeros_like(image)
    for i, j in product(range(12), range(10)):
        total, weights = torch.zeros_like(image[0, :, 0, 0]), 0.0
        for u, v in product(range(-radius, radius + 1), repeat=2):
            other = padded[0, :, i + u + radius, j + v + radius]
            far = (u * u + v * v) / (2 * sigma**2)
            unlike = float((other - image[0, :, i, j]).square().sum()) / (2 * spread**2)
            weight = math.exp(-far - unlike)
            total, weights = total + weight * other, weights + weight
        wanted[0, :, i, j] = total / weights
    close(bilateral_filter(image, sigma, spread, border="mirror"), wanted, rtol=1e-5, atol=1e-6)


def test_with_a_wide_spread_bilateral_is_a_gaussian_blur(device, dtype, close):
    image = torch.rand(2, 3, 12, 15, generator=generator(0), dtype=torch.float64).to(device, dtype)
    bell = gaussian_kernel(1.5, 2.0, dtype, device=device)
    close(bilateral_filter(image, 1.5, 1e4), filter2d(image, torch.outer(bell, bell)), rtol=1e-5, atol=1e-6)


def test_an_edge_far_above_the_spread_is_kept_and_noise_beside_it_is_not():
    step = torch.zeros(1, 1, 20, 20, dtype=torch.float64)
    step[..., 10:] = 1
    noisy = step + 0.02 * torch.randn(step.shape, generator=generator(0), dtype=torch.float64)
    smooth = bilateral_filter(noisy, 2.0, 0.1)
    assert float((smooth - step).abs().max()) < 0.03
    assert float((smooth - step).std()) < 0.4 * float((noisy - step).std())


def test_channels_decide_together():
    image = torch.zeros(1, 2, 9, 9)
    image[:, 0, :, 5:] = 1  # an edge in the first channel keeps the second from crossing it
    image[:, 1] = torch.rand(9, 9, generator=generator(0))
    other = image.clone()
    other[:, 1, :, 5:] += 5
    ours, theirs = (bilateral_filter(x, 1.0, 0.05)[:, 1, :, :5] for x in (image, other))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: median_filter(x, 4), "odd"),
        (lambda x: median_filter(x[0], 3), "image"),
        (lambda x: bilateral_filter(x, 0.0, 0.1), "above 0"),
        (lambda x: bilateral_filter(x, 1.0, -1.0), "above 0"),
        (lambda x: bilateral_filter(x, 1.0, 0.1, border="no"), "no"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, said):
    with pytest.raises(ValueError, match=said) as refusal:
        call(torch.rand(1, 1, 8, 8))
    assert "\n" not in str(refusal.value)
