"""Chapter 6's cost explorer draws every setting, a live kernel shows its controls, and a linear tower collapses."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.architectures import receptive_field
from course_lib.core.seeding import generator

from .demonstrations import draw, live_controls, namespace, sources

NAME = "06_convolutional_networks"
MARKS = ("import json", "pin(0)", "def costs(")


@pytest.fixture
def space():
    return namespace(sources(NAME, MARKS))


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize(("stride", "depth", "width"), [(1, 1, 8), (2, 9, 64), (2, 12, 128)])
def test_every_setting_is_drawn(space, kernel, stride, depth, width):
    made, caption = draw(space, "costs", kernel, stride, depth, width)
    side, _ = receptive_field([(kernel, stride if i % 3 == 2 else 1, 1) for i in range(depth)])
    assert f"one output sees {side} pixels" in caption
    assert [len(ax.patches) for ax in made.axes] == [depth] * 3
    weights = sum(patch.get_height() for patch in made.axes[1].patches)
    by_hand = width * (3 * kernel**2 + 1) + (depth - 1) * width * (width * kernel**2 + 1)
    assert weights == pytest.approx(by_hand / 1000)


def test_live_controls():
    controls = live_controls(sources(NAME, MARKS), sources(NAME, ["explore("]))
    assert controls == {"Dropdown": 2, "IntSlider": 2}


def test_linear_tower_collapses():
    """The kernel of a tower of linear convolutions is its answer to one point, whatever the sizes and strides of 1."""
    torch.manual_seed(1)
    sizes = ((1, 5, 5), (5, 3, 1), (3, 1, 3))
    tower = nn.Sequential(*[nn.Conv2d(a, b, k, bias=False) for a, b, k in sizes])
    point = torch.zeros(1, 1, 13, 13)
    point[0, 0, 6, 6] = 1
    picture = torch.rand(1, 1, 20, 20, generator=generator(0))
    with torch.no_grad():
        single = tower(point).flip(2, 3)
        torch.testing.assert_close(F.conv2d(picture, single)[..., :14, :14], tower(picture), rtol=0, atol=1e-6)
