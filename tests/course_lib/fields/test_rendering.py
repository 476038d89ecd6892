"""The sum of volume rendering is the integral where it should be, and its weights are probabilities."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.fields.rendering import composite, slab_colour, transmittance, volume_weights

from ..refusals import refused


@pytest.fixture
def cloud(device, dtype):
    def draw(*shape):
        return torch.rand(*shape, generator=generator(len(shape))).to(device, dtype)

    return 3 * draw(5, 12), 0.2 + draw(12), draw(5, 12, 3)


@pytest.mark.parametrize("steps", [1, 3, 50])
def test_a_homogeneous_slab_is_the_analytic_integral(device, dtype, close, steps):
    length = torch.tensor([0.1, 1.0, 4.0], device=device, dtype=dtype)
    colour, behind = torch.tensor([[0.9, 0.2, 0.1], [0.1, 0.3, 0.8]], device=device, dtype=dtype)
    cuts = torch.rand(3, steps, generator=generator(0)).to(length)  # steps of any length, together the slab's
    lengths = length[:, None] * cuts / cuts.sum(1, keepdim=True)
    weights = volume_weights(torch.full_like(lengths, 1.7), lengths)
    seen = composite(weights, colour.expand(3, steps, 3), behind)
    close(seen, slab_colour(1.7, length, colour, background=behind))
    starts = lengths.cumsum(1) - lengths
    close(weights, (-1.7 * starts).exp() - (-1.7 * (starts + lengths)).exp())


def test_weights_and_what_comes_through_sum_to_one(cloud, close):
    density, lengths, _ = cloud
    lengths = lengths.expand_as(density)
    through = transmittance(density, lengths)
    close(volume_weights(density, lengths).sum(1) + through[:, -1], torch.ones(5))
    assert (volume_weights(density, lengths) >= 0).all()
    assert (through.diff(dim=1) <= 0).all()


def test_weights_are_the_loop_of_the_definition(cloud, close):
    density, lengths, colours = cloud
    wanted, arrived = [], torch.ones(5, dtype=density.dtype, device=density.device)
    for k in range(12):
        stopped = 1 - (-density[:, k] * lengths[k]).exp()
        wanted.append(arrived * stopped)
        arrived = arrived * (1 - stopped)
    weights = volume_weights(density, lengths.expand_as(density))
    close(weights, torch.stack(wanted, 1))
    close(composite(weights, colours), sum(w[:, None] * colours[:, k] for k, w in enumerate(wanted)))


def test_finer_steps_come_nearer_to_the_integral(dtype):
    exact = 1 - torch.exp(torch.tensor(-2.0, dtype=dtype))  # sigma(t) = 4 t on [0, 1] has the optical depth 2
    colour = lambda t: t  # noqa: E731
    fine = torch.linspace(0, 1, 100_001, dtype=dtype)
    wanted = torch.trapezoid((-2 * fine.square()).exp() * 4 * fine * colour(fine), fine)
    errors = []
    for steps in (4, 16, 64):
        middles = (torch.arange(steps, dtype=dtype) + 0.5) / steps
        weights = volume_weights(4 * middles, torch.full_like(middles, 1 / steps))
        assert float(weights.sum() - exact) == pytest.approx(0, abs=1e-6)  # the midpoint rule is exact on a ramp
        errors.append(float((weights * colour(middles)).sum() - wanted))
    assert abs(errors[0]) > 8 * abs(errors[1]) > 64 * abs(errors[2])


def test_bad_input():
    refused(lambda: volume_weights(torch.rand(2, 3), torch.rand(2, 4)), "lengths")
    refused(lambda: composite(torch.rand(2, 3), torch.rand(2, 4, 3)), "values")
