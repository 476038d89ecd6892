"""Chapter 5's filter playground draws every setting, and a live kernel shows its controls."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from course_lib.data import photograph

from .demonstrations import draw, live_controls, namespace, sources

NAME = "05_filters_and_pyramids"
MARKS = ("pin(0)", "PLAY = {", "def play(")
KERNELS = ["Gaussian", "box", "sharpen", "Sobel", "spot", "line 90"]


@pytest.fixture
def space():
    return namespace(sources(NAME, MARKS))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("sigma", "border"), [(0.4, "constant"), (1.0, "wrap"), (6.0, "mirror")])
def test_every_setting_is_drawn(space, kernel, sigma, border):
    made, caption = draw(space, "play", kernel, sigma, border)
    assert kernel in caption
    assert f"sigma {sigma:g}, border {border}" in caption
    photo, answer, filtered = (ax.images[0].get_array() for ax in made.axes)
    assert photo.shape == filtered.shape == (128, 128)
    assert answer.max() > answer.min()
    wanted = space["PLAY"][kernel](photograph("camera", 128)[None], sigma, border)[0, 0].clamp(0, 1)
    torch.testing.assert_close(torch.from_numpy(np.array(filtered)), wanted, rtol=0, atol=1e-6)


def test_all_kernels_are_offered_and_the_gaussian_is_the_gaussian(space):
    assert list(space["PLAY"]) == KERNELS
    photo = photograph("camera", 128)[None]
    ours = space["PLAY"]["Gaussian"](photo, 2.0, "mirror")[0, 0]
    theirs = torch.from_numpy(ndimage.gaussian_filter(photo[0, 0].numpy(), 2.0, mode="mirror"))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_live_controls():
    controls = live_controls(sources(NAME, MARKS), sources(NAME, ["explore("]))
    assert controls == {"Dropdown": 2, "FloatSlider": 1}
