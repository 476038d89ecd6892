"""Chapter 6's explorers draw every setting, a live kernel shows their controls, and its claims hold in general."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.architectures import receptive_field
from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint
from course_lib.networks import backbones
from course_lib.ops.filters import im2col, sobel_kernels

from .demonstrations import draw, live_controls, namespace, sources

NAME = "06_convolutional_networks"
MARKS = ("import json", "def costs(", "def watch(", 'load_checkpoint("backbone", backbones.Backbone()).requires')


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
    assert controls == {"Dropdown": 3, "IntSlider": 3}


@pytest.mark.parametrize("turned", [0, 45, 90])
@pytest.mark.parametrize("name", ["chelsea", "flower"])
def test_watch_shows_what_the_backbone_says(space, name, turned):
    made, caption = draw(space, "watch", name, turned)
    picture, seen, bars = made.axes
    pixels = torch.from_numpy(seen.images[0].get_array().data).float().permute(2, 0, 1)[None]
    with torch.no_grad():
        chances = 100 * load_checkpoint("backbone", backbones.Backbone())(pixels).softmax(1)[0]
    widths = torch.tensor([float(patch.get_width()) for patch in bars.patches])
    torch.testing.assert_close(widths, chances, rtol=0, atol=0.01)
    assert f"{backbones.CIFAR_CLASSES[int(chances.argmax())]}, {chances.max():.0f} %" in caption
    whole = picture.images[0].get_array()
    assert whole.shape[0] == whole.shape[1] == 256
    black = float(abs(whole[0, 0]).sum()) == 0  # the corner, which a turn by 45 degrees fills from outside
    assert black == (turned == 45)


def test_mixed_difference_answers_to_the_negative_with_the_negative():
    """What the chapter says of every linear filter, and that the two layers with ReLUs answer both pictures alike."""
    picture = torch.zeros(1, 1, 20, 20)
    picture[..., 6:14, 6:14] = 1
    mixed = torch.tensor([[[[1.0, -1.0], [-1.0, 1.0]]]])
    torch.testing.assert_close(F.conv2d(-picture, mixed), -F.conv2d(picture, mixed))
    kernels = torch.stack(sobel_kernels())[:, None]
    both = []
    for sign in (1, -1):
        answers = F.conv2d(F.pad(sign * picture, [1] * 4), kernels)
        upright, level = F.avg_pool2d(F.relu(answers) + F.relu(-answers), 3, 1, 1).split(1, 1)
        both.append(upright - F.relu(upright - level))
    torch.testing.assert_close(both[0], both[1])
    peaks = (both[0][0, 0] > 0.9 * both[0].max()).nonzero().tolist()
    assert {tuple(place) for place in peaks} == {(y, x) for y in (6, 13) for x in (6, 13)}


def test_shifts_make_any_kernel():
    """Exercise 2: with single shifts in the first and the last layer, the middle one reaches all 49 entries."""
    first = torch.eye(9)[[0, 1, 2, 3, 5, 6, 7, 8]].view(8, 1, 3, 3)
    impulse = torch.zeros(1, 1, 13, 13)
    impulse[0, 0, 6, 6] = 1
    units = torch.eye(576).view(-1, 8, 8, 3, 3)
    made = [F.conv2d(F.conv2d(F.conv2d(impulse, first), unit), first.transpose(0, 1)).flatten() for unit in units]
    assert int(torch.linalg.matrix_rank(torch.stack(made))) == 49


def test_descent_follows_the_eigenvalues():
    """What is wrong along an eigenvector of A^T A / N shrinks by 1 - 2 rate lambda in every step."""
    picture = torch.rand(1, 1, 20, 20, generator=generator(0), dtype=torch.float64)
    secret = torch.randn(1, 1, 3, 3, generator=generator(1), dtype=torch.float64)
    wanted = F.conv2d(picture, secret)
    windows = im2col(picture, (3, 3))[0].T
    strength, directions = torch.linalg.eigh(windows.T @ windows / len(windows))
    weight = torch.zeros_like(secret).requires_grad_()
    for _ in range(50):
        (slope,) = torch.autograd.grad(F.mse_loss(F.conv2d(picture, weight), wanted), weight)
        weight = (weight - 0.1 * slope).detach().requires_grad_()
    left = directions.T @ (secret - weight.detach()).flatten()
    predicted = (directions.T @ secret.flatten()) * (1 - 0.2 * strength) ** 50
    torch.testing.assert_close(left, predicted)


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


def test_a_slanted_edge_passes_for_a_corner():
    """What the chapter shows of its corner layers: on a diamond the edges answer more strongly than the tips."""
    rows, columns = torch.meshgrid(torch.arange(22), torch.arange(22), indexing="ij")
    diamond = ((rows - 11).abs() + (columns - 11).abs() <= 6).float()[None, None]
    answers = F.conv2d(F.pad(diamond, [1] * 4), torch.stack(sobel_kernels())[:, None]).abs()
    both = F.avg_pool2d(answers, 3, 1, 1).amin(1)[0]
    tip, edge = (float(both[y - 1 : y + 2, x - 1 : x + 2].max()) for y, x in ((5, 11), (8, 8)))
    assert edge > 1.2 * tip > 0
