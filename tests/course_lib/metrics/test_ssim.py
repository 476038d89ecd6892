"""SSIM equals scikit-image's in both conventions, and is a loss that gradients can use."""

from __future__ import annotations

import pytest
import torch
from skimage.metrics import structural_similarity

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.metrics import ssim, ssim_map


@pytest.mark.parametrize("peak", [1.0, 255.0])
@pytest.mark.parametrize("gaussian", [True, False])
def test_equals_scikit_image(device, dtype, gaussian, peak):
    clean = peak * photograph("coffee", 50).to(device, dtype)
    noisy = clean + 0.1 * peak * torch.randn(clean.shape, generator=generator(0)).to(device, dtype)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False} if gaussian else {}
    theirs = structural_similarity(noisy.cpu().numpy(), clean.cpu().numpy(), data_range=peak, channel_axis=0, **options)
    assert float(ssim(noisy[None], clean[None], peak, gaussian=gaussian)[0]) == pytest.approx(theirs, abs=1e-5)


def test_equal_pictures_give_one_and_negatives_less_than_zero(device, dtype):
    picture = torch.rand(2, 1, 16, 16, generator=generator(0)).to(device, dtype)
    torch.testing.assert_close(ssim(picture, picture), torch.ones(2, device=device, dtype=dtype))
    assert float(ssim(1 - picture, picture).max()) < 0


def test_only_whole_windows_count_and_pictures_are_scored_one_by_one(device, dtype):
    x, y = (torch.rand(2, 3, 15, 20, generator=generator(s)).to(device, dtype) for s in (0, 1))
    assert ssim_map(x, y).shape == (2, 3, 5, 10)
    assert ssim_map(x, y, gaussian=False).shape == (2, 3, 9, 14)
    torch.testing.assert_close(ssim(x, y)[1:], ssim(x[1:], y[1:]))


def test_descent_on_one_minus_ssim_finds_the_picture():
    target = photograph("camera", 24)[None].double()
    start = 0.5 + 0.3 * (target - 0.5) + 0.02 * torch.randn(target.shape, generator=generator(0), dtype=torch.float64)
    pixels = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([pixels], 0.01)
    for _ in range(80):
        optimiser.zero_grad()
        (1 - ssim(pixels, target)).sum().backward()
        optimiser.step()
    assert float(ssim(start, target)) < 0.85
    assert float(ssim(pixels.detach(), target)) > 0.97


def test_bad_input_is_refused():
    small = torch.rand(1, 1, 10, 20)
    with pytest.raises(ValueError, match="at least 11 x 11"):
        ssim(small, small)
    with pytest.raises(ValueError, match="references has H = 12"):
        ssim(torch.rand(1, 1, 14, 20), torch.rand(1, 1, 12, 20))
    with pytest.raises(ValueError, match="peak must be"):
        ssim(small, small, peak=0)


@pytest.mark.parametrize("offset", [0.0, 10.0, 1000.0])
def test_a_large_offset_with_little_contrast_stays_a_similarity(offset):
    """In single precision, mean of squares less square of the mean is mostly rounding error there."""
    stream = torch.Generator().manual_seed(0)
    clean = offset + 0.05 * torch.rand(1, 1, 32, 32, generator=stream)
    noisy = clean + 0.02 * torch.rand(1, 1, 32, 32, generator=stream)
    found = ssim_map(clean, noisy, 0.1)
    assert float(found.abs().max()) <= 1 + 1e-3
    torch.testing.assert_close(found.double(), ssim_map(clean.double(), noisy.double(), 0.1), rtol=0, atol=2e-3)
