"""The steerable pyramid gives the picture back, and any direction is a mixture of the ones computed."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.metrics import psnr
from course_lib.ops.pyramids import SteerablePyramid, steer, steerable_pyramid, steerable_reconstruct

CAMERA = photograph("camera", 128)[None]


@pytest.mark.parametrize("orientations", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("size", [(64, 96), (40, 24)])
def test_reconstruction_above_200_decibels(orientations, size, device, dtype):
    """Noise holds every frequency up to the corner of the spectrum; the bar of 60 dB is far below."""
    image = torch.rand(2, 3, *size, generator=generator(0), dtype=torch.float64).to(device, dtype)
    back = steerable_reconstruct(steerable_pyramid(image, 3, orientations))
    assert psnr(back, image) > (200 if dtype == torch.float64 else 100)


def test_reconstruction_of_a_photograph_in_float32():
    assert psnr(steerable_reconstruct(steerable_pyramid(CAMERA, 4, 4)), CAMERA) > 100


def turn(image):
    """A quarter turn of a periodic picture, exact in Fourier terms: pixel 0 stays where it is."""
    return torch.roll(torch.rot90(image, 1, (-2, -1)), 1, dims=-2)


@pytest.mark.parametrize("orientations", [2, 4, 6])
def test_steering_by_a_quarter_turn_equals_turning_the_picture(orientations, close):
    """K even: directions 0 and 90 degrees are both computed; filtering the turned picture must give the turned band."""
    picture = CAMERA.double()
    band = steerable_pyramid(picture, 1, orientations).bands[0]
    of_turned = steerable_pyramid(turn(picture), 1, orientations).bands[0]
    for degrees in (17, 50, 161):
        steered = steer(of_turned, math.radians(degrees - 90))
        close(steered, turn(steer(band, math.radians(degrees))), atol=1e-10)


@pytest.mark.parametrize("orientations", [1, 2, 3, 4, 5, 6])
def test_steering_identity_against_direct_filtering(orientations, close):
    """A plane wave: the band in direction phi must be proportional to cos(theta - phi)^(K-1)."""
    K = orientations
    n, fx, fy = 64, 7, 5
    y, x = torch.meshgrid(torch.arange(n).double(), torch.arange(n).double(), indexing="ij")
    wave = torch.cos(2 * math.pi * (fx * x + fy * y) / n)[None, None]
    theta = math.atan2(fy, fx)
    band = steerable_pyramid(wave, 1, K).bands[0]
    assert float(steer(band, theta).abs().max()) > 0.1
    for phi in torch.linspace(0, math.pi, 9)[:-1].tolist():
        close(steer(band, phi), steer(band, theta) * math.cos(theta - phi) ** (K - 1), atol=1e-10)


def test_steering_to_a_computed_direction_gives_that_band(close):
    band = steerable_pyramid(CAMERA.double(), 2, 5).bands[1]
    for k in range(5):
        close(steer(band, math.pi * k / 5), band[:, :, k], atol=1e-10)


def test_each_pixel_can_be_steered_by_itself(close):
    band = steerable_pyramid(CAMERA.double(), 1, 4).bands[0]
    angles = torch.rand(128, 128, generator=generator(0), dtype=torch.float64)
    field = steer(band, angles)
    for row, column in ((3, 5), (100, 77)):
        close(field[..., row, column], steer(band, float(angles[row, column]))[..., row, column], atol=1e-12)


def test_energy_is_kept_by_each_split():
    """The filters' squares sum to 1: energies of all parts sum to the picture's, each level weighed by its pixels."""
    image = torch.randn(1, 1, 64, 64, generator=generator(0), dtype=torch.float64)
    pyramid: SteerablePyramid = steerable_pyramid(image, 2, 3)
    parts = [pyramid.high, *pyramid.bands, pyramid.low]
    scale = [1, 1, 4, 16]
    total = sum(s * float(part.square().sum()) for s, part in zip(scale, parts, strict=True))
    assert total == pytest.approx(float(image.square().sum()), rel=1e-9)


def test_vertical_stripes_are_seen_by_the_horizontal_derivative():
    stripes = torch.sin(torch.arange(64) * 2 * math.pi / 6).double().expand(1, 1, 64, 64)
    band = steerable_pyramid(stripes, 1, 4).bands[0]
    energy = band.square().sum(dim=(0, 1, 3, 4))
    assert int(energy.argmax()) == 0
    assert float(energy[2]) < 1e-12


def test_gradients_flow():
    image = torch.randn(1, 1, 8, 8, generator=generator(0), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: steer(steerable_pyramid(a, 1, 3).bands[0], 0.4), (image,))
    assert torch.autograd.gradcheck(lambda a: steerable_reconstruct(steerable_pyramid(a, 2, 2)), (image,))
