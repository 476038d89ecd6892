"""The photographs have the sizes, the range and the colours that were promised."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
from sklearn.datasets import load_sample_image

from course_lib.data import photograph

SHAPES = {
    "china": (3, 427, 640), "flower": (3, 427, 640), "astronaut": (3, 512, 512), "brick": (1, 512, 512),
    "camera": (1, 512, 512), "chelsea": (3, 300, 451), "coffee": (3, 400, 600), "coins": (1, 303, 384),
    "grass": (1, 512, 512), "gravel": (1, 512, 512), "rocket": (3, 427, 640),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_shape_and_range(name):
    picture = photograph(name)
    assert picture.shape == SHAPES[name]
    assert picture.dtype == torch.float32
    assert 0 <= picture.min() < 0.3
    assert 0.8 < picture.max() <= 1


@pytest.mark.parametrize(
    ("name", "source"), [("chelsea", skimage.data.chelsea), ("flower", lambda: load_sample_image("flower.jpg")),
                         ("coins", lambda: skimage.data.coins()[:, :, None])],
)  # fmt: skip
def test_pixels_are_the_packages_own(name, source):
    pixels = (photograph(name) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    assert np.array_equal(pixels, source())


@pytest.mark.parametrize("height", [1, 20, 64, 600])
@pytest.mark.parametrize("name", ["china", "coins"])
def test_resizing_keeps_proportions_range_and_mean(name, height):
    whole, small = photograph(name), photograph(name, height)
    assert small.shape[:2] == (whole.shape[0], height)
    assert small.shape[2] == pytest.approx(whole.shape[2] * height / whole.shape[1], abs=0.5)
    assert 0 <= small.min() <= small.max() <= 1
    assert float(small.mean()) == pytest.approx(float(whole.mean()), abs=0.02)


def test_shrinking_is_anti_aliased():
    """Every 16th pixel of gravel keeps the full contrast; averages over 16 x 16 pixels have far less."""
    whole, small = photograph("gravel"), photograph("gravel", 32)
    assert small.std() < 0.5 * whole[:, 8::16, 8::16].std()


def test_unknown_name_says_what_there_is():
    with pytest.raises(ValueError, match=r"no photograph 'lena'; there are astronaut, brick, camera, .*rocket$"):
        photograph("lena")


def test_no_rows():
    with pytest.raises(ValueError, match=r"height must be at least 1 pixel, not 0"):
        photograph("coins", 0)
