"""A sensor's noise, mosaic and demosaicking, and white balance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.signals import sensor


@pytest.mark.parametrize("level", [0.02, 0.5])
def test_noise_has_the_variance_of_counting_and_reading(level):
    light = torch.full((200_000,), level, dtype=torch.float64)
    seen = sensor.count_photons(light, 1000, 8.0, generator=generator(0))
    assert float(seen.mean()) == pytest.approx(level, abs=5 * float(seen.std()) / 200_000**0.5)
    assert float(seen.var()) == pytest.approx(level / 1000 + (8 / 1000) ** 2, rel=0.02)


def test_each_pixel_measures_one_colour_and_half_of_them_green():
    masks = sensor.bayer_masks(6, 8)
    assert masks.sum(0).unique().tolist() == [1]
    assert masks.mean((1, 2)).tolist() == [0.25, 0.5, 0.25]


def test_demosaicking_equals_scipys_convolution_inside_and_keeps_what_was_measured():
    image = photograph("coffee", 60)[None].double()
    raw = sensor.mosaic(image)
    ours = sensor.demosaic(raw)[0, :, 2:-2, 2:-2].numpy()
    masks = sensor.bayer_masks(*image.shape[2:]).double().numpy()
    cross = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
    square = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    for channel, kernel in enumerate((square, cross, square)):
        theirs = convolve(raw[0, 0].numpy() * masks[channel], kernel, mode="constant")[2:-2, 2:-2]
        np.testing.assert_allclose(ours[channel], theirs, atol=1e-12)
    torch.testing.assert_close(sensor.mosaic(sensor.demosaic(raw)), raw)


def test_a_grey_picture_comes_back_from_its_mosaic_where_it_is_flat():
    flat = torch.full((1, 3, 9, 7), 0.3)
    torch.testing.assert_close(sensor.demosaic(sensor.mosaic(flat)), flat)


def test_grey_world_undoes_the_gains_of_the_light_for_a_grey_mean():
    image = photograph("chelsea", 40)[None].double()
    balanced = sensor.grey_world(image)
    means = balanced.mean((2, 3))
    torch.testing.assert_close(means, means[:, 1:2].expand_as(means))
    yellow = image * image.new_tensor([1.3, 1.0, 0.5]).view(3, 1, 1)
    torch.testing.assert_close(sensor.grey_world(yellow), balanced)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sensor.count_photons(torch.tensor([-0.1]), 10, generator=generator(0)), "0 or more, not -0.1"),
        (lambda: sensor.count_photons(torch.ones(1), 0, generator=generator(0)), "full_well"),
        (lambda: sensor.bayer_masks(1, 5), "at least 2 pixels, not 1 and 5"),
        (lambda: sensor.grey_world(torch.zeros(1, 3, 2, 2)), "mean above 0"),
    ],
)
def test_bad_input_is_one_line(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "\n" not in str(error.value)
