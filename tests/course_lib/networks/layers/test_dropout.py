"""Dropout: right in expectation, silent in evaluation, and independent for every entry."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.networks.layers import Dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_the_mean_of_many_masks_is_what_evaluation_returns(p, device):
    layer = Dropout(p, generator(0, device))
    x = torch.linspace(1, 2, 50, dtype=torch.float64, device=device).expand(20_000, 50)
    mean = layer(x).mean(dim=0)
    spread = x[0] * (p / (1 - p) / len(x)) ** 0.5  # standard error of that mean
    layer.eval()
    assert ((mean - layer(x)[0]).abs() < 5 * spread).all()
    assert torch.equal(layer(x), x)


def test_drops_the_stated_share_scales_the_rest_and_treats_every_entry_alone(device):
    x = torch.ones(400, 300, dtype=torch.float64, device=device)
    y = Dropout(0.3, generator(1, device))(x)
    dropped = y == 0
    assert float(dropped.double().mean()) == pytest.approx(0.3, abs=0.007)
    torch.testing.assert_close(y[~dropped], x[~dropped] / 0.7)
    assert float(torch.corrcoef(dropped[:, :2].double().T)[0, 1].abs()) < 0.2
    assert float(dropped.double().mean(dim=0).std()) == pytest.approx((0.21 / 400) ** 0.5, rel=0.2)


def test_the_gradient_passes_only_where_the_unit_was_on():
    x = torch.ones(1000, requires_grad=True)
    y = Dropout(0.5, generator(2))(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_the_same_generator_gives_the_same_masks():
    x = torch.ones(100)
    assert torch.equal(Dropout(0.5, generator(3))(x), Dropout(0.5, generator(3))(x))


def test_has_torchs_moments():
    x = torch.ones(100_000)
    ours, theirs = Dropout(0.25, generator(4))(x), torch.nn.Dropout(0.25)(x)
    assert float(ours.max()) == pytest.approx(float(theirs.max()))
    assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.01)


@pytest.mark.parametrize("p", [-0.1, 1.0, 2.0])
def test_bad_probability(p):
    with pytest.raises(ValueError, match=r"must be at least 0 and below 1, not"):
        Dropout(p)
