"""The effective receptive field equals the Jacobian's energy, and in random linear chains n box filters."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from course_lib.architectures import effective_receptive_field, energy_spread, square_holding
from course_lib.core.seeding import generator


def chain(layers: int, width: int, kernel: int = 3) -> nn.Sequential:
    sizes = [1, *[width] * layers]
    return nn.Sequential(*[nn.Conv2d(a, b, kernel, bias=False) for a, b in pairwise(sizes)])


def test_equal_to_the_jacobian():
    """One output map: whatever the direction, the energy is the squared Jacobian of the middle output."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Conv2d(4, 1, 3, stride=2)).double()
    image = torch.rand(1, 2, 13, 13, generator=generator(0), dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda x: model(x)[0, 0, 2, 2])(image)[0]  # (2, 13, 13); the maps are 5 x 5
    wanted = jacobian.square().sum(0)
    found = effective_receptive_field(model, image, generator(1))
    torch.testing.assert_close(found, wanted / wanted.sum())


def test_directions_average_to_the_whole_jacobian():
    torch.manual_seed(0)
    model = nn.Conv2d(1, 3, 5, bias=False).double()
    wanted = model.weight.detach().square().sum((0, 1))
    image = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    found = effective_receptive_field(model, image, generator(1), directions=4000)
    torch.testing.assert_close(found, wanted / wanted.sum(), rtol=0.15, atol=0.002)


def test_images_weigh_alike_however_long_their_gradients():
    """A cube: the gradient on the bright image is ten thousand times that on the dark one, at another pixel."""

    class Cube(nn.Module):
        def forward(self, images):
            return images.pow(3).sum((2, 3), keepdim=True)

    images = torch.zeros(2, 1, 4, 4)
    images[0, 0, 1, 2], images[1, 0, 3, 0] = 100, 1
    found = effective_receptive_field(Cube(), images, generator(0))
    assert found[1, 2] == found[3, 0] == pytest.approx(0.5)


@pytest.mark.parametrize(("layers", "kernel"), [(4, 3), (9, 3), (4, 5)])
def test_random_linear_chain_has_the_spread_of_boxes(layers, kernel):
    found = torch.zeros(1, 1)
    side = layers * (kernel - 1) + 1
    for seed in range(8):
        torch.manual_seed(seed)
        model = chain(layers, 16, kernel)
        found = found + effective_receptive_field(model, torch.zeros(8, 1, side, side), generator(seed)) / 8
    assert energy_spread(found) == pytest.approx((layers * (kernel**2 - 1) / 12) ** 0.5, rel=0.03)


def test_spread_and_square_by_hand():
    energy = torch.zeros(9, 9)
    energy[4, 4], energy[4, 2], energy[4, 6], energy[1, 4], energy[7, 4] = 0.8, 0.05, 0.05, 0.05, 0.05
    assert energy_spread(energy) == pytest.approx(((0.1 * 4 + 0.1 * 9) / 2) ** 0.5)
    assert [square_holding(energy, share) for share in (0.5, 0.85, 0.95)] == [1, 5, 7]


def test_errors_say_what_came():
    dead = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Threshold(1e9, 0))
    with pytest.raises(ValueError, match="gradient is 0 everywhere"):
        effective_receptive_field(dead, torch.rand(1, 1, 5, 5), generator(0))
    alive = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU())
    nn.init.ones_(alive[0].weight)
    with pytest.raises(ValueError, match="gradient is 0 everywhere"):
        effective_receptive_field(alive, torch.stack([torch.ones(1, 5, 5), -torch.ones(1, 5, 5)]), generator(0))
    with pytest.raises(ValueError, match="directions"):
        effective_receptive_field(alive, torch.ones(1, 1, 5, 5), generator(0), directions=0)
    with pytest.raises(ValueError, match="share must lie between 0 and 1, not 1"):
        square_holding(torch.ones(3, 3), 1)
