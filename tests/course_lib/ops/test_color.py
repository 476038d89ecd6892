"""Colour spaces come back, equal scikit-image, and pass finite gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import color as skimage_color

from course_lib.ops import color

AXIS = torch.linspace(0, 1, 12, dtype=torch.float64)
CUBE = torch.stack(torch.meshgrid(AXIS, AXIS, AXIS, indexing="ij")).reshape(1, 3, 36, 48)
LAST = CUBE[0].permute(1, 2, 0).numpy()
SPACES = ("xyz", "lms", "lab", "ycbcr", "cmyk")


@pytest.mark.parametrize("space", SPACES)
def test_there_and_back(space, device, dtype, close):
    rgb = CUBE.to(device, dtype).expand(2, -1, -1, -1)
    there = getattr(color, f"rgb_to_{space}")(rgb)
    assert there.device == rgb.device
    close(getattr(color, f"{space}_to_rgb")(there), rgb, atol=1e-9)


def test_gamma_comes_back_and_is_monotone(close):
    values = torch.linspace(-0.1, 1.1, 400, dtype=torch.float64).view(1, 1, 1, -1)
    light = color.srgb_to_linear(values)
    close(color.linear_to_srgb(light), values, atol=1e-7)
    assert bool((light.diff() > 0).all())


@pytest.mark.parametrize("space", ["xyz", "lab", "ycbcr"])
def test_equals_scikit_image(space, device, dtype, close):
    ours = getattr(color, f"rgb_to_{space}")(CUBE.to(device, dtype))[0].permute(1, 2, 0)
    theirs = getattr(skimage_color, f"rgb2{space}")(LAST)
    if space == "ycbcr":  # squeezed to television's range
        theirs = (theirs - 16) / np.array([219, 224, 224])
    close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_strips_change_nothing(monkeypatch, device, close):
    rgb = torch.rand(2, 3, 37, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(device)
    rgb.requires_grad_()
    whole = color.rgb_to_lab(rgb)
    (slope,) = torch.autograd.grad(whole.square().sum(), rgb)
    monkeypatch.setattr(color, "STRIP", 1000)  # 8 rows
    strips = color.rgb_to_lab(rgb)
    close(strips, whole)
    close(torch.autograd.grad(strips.square().sum(), rgb)[0], slope)
    close(color.lab_to_rgb(strips), rgb, atol=1e-9)


def test_the_way_back_equals_scikit_image(close):
    lab = skimage_color.rgb2lab(LAST)
    ours = color.lab_to_rgb(torch.from_numpy(lab).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    close(ours, skimage_color.lab2rgb(lab), atol=1e-6)


def test_delta_e_equals_scikit_image(close):
    a, b = color.rgb_to_lab(CUBE), color.rgb_to_lab(CUBE.flip(1))
    theirs = skimage_color.deltaE_cie76(*(x[0].permute(1, 2, 0).numpy() for x in (a, b)))
    close(color.delta_e(a, b)[0], theirs)


def test_white_excites_all_cones_alike_and_has_no_colour():
    white = torch.ones(1, 3, 1, 1, dtype=torch.float64)
    torch.testing.assert_close(color.rgb_to_lms(white).flatten(), torch.ones(3).double(), rtol=0, atol=2e-3)
    lab = color.rgb_to_lab(white).flatten()
    torch.testing.assert_close(lab, torch.tensor([100.0, 0, 0]).double(), rtol=0, atol=0.02)


def test_inks_of_black_and_red():
    colours = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0.5, 0.25, 0.5]]).T.reshape(1, 3, 1, 3)
    wanted = torch.tensor([[0.0, 0, 0, 1], [0, 1, 1, 0], [0, 0.5, 0, 0.5]]).T.reshape(1, 4, 1, 3)
    torch.testing.assert_close(color.rgb_to_cmyk(colours), wanted)


@pytest.mark.parametrize("space", SPACES)
def test_gradients_are_right_and_finite_at_black(space):
    there, back = getattr(color, f"rgb_to_{space}"), getattr(color, f"{space}_to_rgb")
    rgb = torch.tensor([[0.2, 0.7, 0.4], [0.001, 0.02, 0.9]]).double().T.reshape(1, 3, 1, 2).requires_grad_()
    assert torch.autograd.gradcheck(there, (rgb,))
    assert torch.autograd.gradcheck(back, (there(rgb).detach().requires_grad_(),))
    black = torch.zeros(1, 3, 1, 1, requires_grad=True)
    back(there(black)).sum().backward()
    assert bool(torch.isfinite(black.grad).all())


@pytest.mark.parametrize("name", [n for s in SPACES for n in (f"rgb_to_{s}", f"{s}_to_rgb")] + ["srgb_to_linear"])
def test_bad_input(name):
    with pytest.raises(ValueError, match=r"must be a floating-point tensor of shape \(B, .*\), not a float32 tensor"):
        getattr(color, name)(torch.rand(3, 4, 4))
    with pytest.raises(ValueError, match=r"not a uint8 tensor .*float\(\) converts it"):
        getattr(color, name)(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))


def test_inks_refuse_what_is_no_colour():
    with pytest.raises(ValueError, match=r"rgb must lie in \[0, 1\], not between 0 and 255"):
        color.rgb_to_cmyk(torch.tensor([0.0, 255, 3]).view(1, 3, 1, 1))
