"""PSNR equals scikit-image's and is what its definition says on simple errors."""

from __future__ import annotations

import math

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.metrics import psnr


@pytest.mark.parametrize("peak", [1.0, 255.0])
def test_equals_scikit_image(peak, device, dtype):
    clean = peak * photograph("coffee", 50).to(device, dtype)
    noisy = clean + 0.05 * peak * torch.randn(clean.shape, generator=generator(0)).to(device, dtype)
    theirs = peak_signal_noise_ratio(clean.cpu().numpy(), noisy.cpu().numpy(), data_range=peak)
    assert psnr(noisy, clean, peak) == pytest.approx(theirs, abs=1e-6 if dtype == torch.float64 else 1e-3)


def test_an_error_of_a_tenth_everywhere_is_20_decibels():
    reference = torch.full((2, 3), 0.5, dtype=torch.float64)
    assert psnr(reference + 0.1, reference) == pytest.approx(20)
    assert psnr(reference, reference) == math.inf


def test_a_picture_that_carries_a_graph_is_judged_without_a_warning(recwarn):
    picture = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert psnr(picture * 1.0, torch.zeros(3, 8, 8)) > 0
    assert [str(warning.message) for warning in recwarn] == []
