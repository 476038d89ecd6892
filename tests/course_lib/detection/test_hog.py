"""Histograms of gradients equal scikit-image's, forget contrast, and tell directions apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.feature import hog as reference

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.detection.hog import cells, gradients, hog

from ..refusals import refused


@pytest.mark.parametrize("options", [{}, {"cell": 6}, {"block": 1}, {"orientations": 12, "cell": 5, "block": 2}])
@pytest.mark.parametrize("channels", [1, 3])
def test_equals_scikit_image(options, channels):
    images = torch.stack(
        [photograph("astronaut", 96)[:channels, :70, :83], photograph("coffee", 128)[:channels, :70, :83]]
    )
    wanted = {"orientations": 9, "cell": 8, "block": 3} | options
    found = hog(images.double(), **options)
    for image, blocks in zip(images.double().numpy(), found, strict=True):
        expected = reference(np.moveaxis(image, 0, -1), wanted["orientations"], (wanted["cell"],) * 2,
                             (wanted["block"],) * 2, feature_vector=False, channel_axis=-1)  # fmt: skip
        np.testing.assert_allclose(blocks.numpy(), expected, atol=2e-6)  # their sums are float32


def test_contrast_is_divided_out_and_brightness_does_not_count():
    image = photograph("camera", 64)[None].double()
    torch.testing.assert_close(hog(image), hog(0.2 * image + 0.5), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("angle", "wanted"), [(10, 0), (50, 2), (90, 4), (130, 6), (170, 8)])
def test_a_ramp_votes_for_its_direction(angle, wanted):
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    ramp = x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))
    strength, found = gradients(ramp[None, None])
    assert found[0, 5:-5, 5:-5].mean() == pytest.approx(angle, abs=1e-2)
    assert strength[0, 5:-5, 5:-5].mean() == pytest.approx(2, abs=1e-3)
    inner = cells(ramp[None, None])[0, 1:-1, 1:-1]
    assert (inner.argmax(-1) == wanted).all()
    torch.testing.assert_close(inner.sum(-1), torch.full((2, 2), 2.0))


def test_gradients_flow_back_to_the_pixels():
    image = torch.rand(1, 1, 24, 24, generator=generator(0), dtype=torch.float64).requires_grad_()
    hog(image).square().mean().backward()
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().sum() > 0


def test_flat_pictures_give_zeros():
    assert (hog(torch.full((1, 3, 32, 32), 0.7)) == 0).all()


def test_bad_input_is_refused():
    refused(lambda: hog(torch.zeros(3, 32, 32)), "images must be")
    refused(lambda: hog(torch.zeros(1, 1, 7, 32)), "no whole cell of 8 x 8")
    refused(lambda: hog(torch.zeros(1, 1, 16, 32)), "no whole block of 3 x 3")
    refused(lambda: hog(torch.zeros(1, 1, 32, 32), cell=0), "cell")
