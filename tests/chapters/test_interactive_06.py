"""Chapter 6's cost explorer draws every setting, and a claim of its second section holds for other numbers too."""

from __future__ import annotations

import nbformat
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_book.paths import CHAPTERS, notebook_path
from course_lib.convnets import receptive_field
from course_lib.seeding import generator

NAME = "06_convolutional_networks"


@pytest.fixture
def space(monkeypatch):
    monkeypatch.chdir(CHAPTERS)
    names: dict = {}
    for cell in nbformat.read(notebook_path(NAME), as_version=4).cells:
        if cell.cell_type == "code" and any(mark in cell.source for mark in ("import json", "pin(0)", "def costs(")):
            exec(cell.source, names)
    return names


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize(("stride", "depth", "width"), [(1, 1, 8), (2, 9, 64), (2, 12, 128)])
def test_every_setting_is_drawn(space, kernel, stride, depth, width):
    shown = []
    space["show"] = lambda made, caption, alt, name=None: shown.append((made, caption))
    space["costs"](kernel, stride, depth, width)
    ((made, caption),) = shown
    side, _ = receptive_field([(kernel, stride if i % 3 == 2 else 1, 1) for i in range(depth)])
    assert f"one output sees {side} pixels" in caption
    assert [len(ax.patches) for ax in made.axes] == [depth] * 3
    weights = sum(patch.get_height() for patch in made.axes[1].patches)
    by_hand = width * (3 * kernel**2 + 1) + (depth - 1) * width * (width * kernel**2 + 1)
    assert weights == pytest.approx(by_hand / 1000)


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
