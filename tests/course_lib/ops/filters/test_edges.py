"""Sobel equals scikit-image, its directions are right, and spots and lines tell real textures apart."""

from __future__ import annotations

import math

import pytest
import torch
from skimage import filters as skimage_filters

from course_lib.data import photograph
from course_lib.ops.filters import average_pool, filter2d, sobel, sobel_kernels, spot_and_lines

CAMERA = photograph("camera", 80).double()[None]


def test_sobel_equals_scikit_image(device, dtype, close):
    gradient = sobel(CAMERA.to(device, dtype))
    grey = CAMERA[0, 0].numpy()
    close(2 * gradient.x[0, 0], skimage_filters.sobel_v(grey), atol=1e-10)
    close(2 * gradient.y[0, 0], skimage_filters.sobel_h(grey), atol=1e-10)
    close(math.sqrt(2) * gradient.magnitude()[0, 0], skimage_filters.sobel(grey), atol=1e-10)


def test_sobel_equals_its_two_kernels(close):
    gradient = sobel(CAMERA)
    for part, kernel in zip(gradient, sobel_kernels(torch.float64), strict=True):
        close(part, filter2d(CAMERA, kernel))


@pytest.mark.parametrize("degrees", [0, 30, 90, 135, -60])
def test_a_ramp_gives_its_slope_and_direction(degrees, device, dtype, close):
    angle = math.radians(degrees)
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    ramp = (0.03 * (math.cos(angle) * x + math.sin(angle) * y)).to(device, dtype)[None, None]
    gradient = sobel(ramp)
    close(gradient.magnitude()[0, 0, 1:-1, 1:-1], torch.full((7, 7), 0.03), atol=1e-8)
    close(gradient.direction()[0, 0, 1:-1, 1:-1], torch.full((7, 7), angle), rtol=1e-5)


def test_gradients_flow_also_on_flat_ground():
    flat = torch.zeros(1, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    sobel(flat).magnitude().sum().backward()
    assert bool(torch.isfinite(flat.grad).all())
    image = CAMERA[:, :, 20:26, 20:25].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda a: sobel(a).magnitude(), (image,))


def test_white_noise_excites_all_five_detectors_alike():
    noise = torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    strength = spot_and_lines(noise)[0].square().mean(dim=(1, 2))
    torch.testing.assert_close(strength, torch.ones(5), rtol=0, atol=0.05)


def patch_scores(name, turned=False, size=64):
    """log(spot energy / energy of the strongest line) in patches of a texture."""
    texture = photograph(name)[None]
    texture = texture.mT if turned else texture
    energy = average_pool(spot_and_lines(texture).square(), size)[0].flatten(1)  # (5, patches)
    return (energy[0] / energy[1:].amax(dim=0)).log()


@pytest.mark.parametrize("turned", [False, True])
def test_spots_and_lines_tell_gravel_from_brick(turned):
    """The threshold comes from patches in the left halves, the accuracy from the right halves, also turned by 90."""
    gravel, brick = patch_scores("gravel"), patch_scores("brick")
    left = torch.arange(64) % 8 < 4
    threshold = (gravel[left].mean() + brick[left].mean()) / 2
    held_gravel, held_brick = gravel[~left], (patch_scores("brick", turned) if turned else brick[~left])
    right = (held_gravel > threshold).sum() + (held_brick <= threshold).sum()
    assert float(right) / (len(held_gravel) + len(held_brick)) >= 0.98
