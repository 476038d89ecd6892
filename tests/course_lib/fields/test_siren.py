"""A SIREN hands its signal on from layer to layer as the derivation says, and its slopes are right."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.fields.siren import Siren, next_moment, siren_init


def deep(seed: int, depth: int = 8) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    points = 2 * torch.rand(2000, 2, generator=generator(seed)) - 1
    with torch.no_grad():
        return Siren(2, 256, depth=depth).sums(points)


def test_second_moments_follow_the_recurrence_to_its_fixed_point():
    fixed = 0.5
    for _ in range(60):
        fixed = next_moment(fixed)
    assert fixed == pytest.approx(0.3984, abs=1e-4)
    layers = deep(0)
    moments = [float(sums.sin().square().mean()) for sums in layers]
    assert all(abs(m - fixed) < 0.03 for m in moments[2:])
    for before, after in pairwise(moments[1:]):
        assert after == pytest.approx(next_moment(before), abs=0.03)


def test_sums_are_nearly_normal_with_the_variance_of_the_derivation():
    for seed in (0, 1):
        last = deep(seed)[-1]
        assert float(last.var()) == pytest.approx(2 * 0.3984, abs=0.08)
        kurtosis = float(((last - last.mean()) / last.std()).pow(4).mean())
        assert kurtosis == pytest.approx(3, abs=0.3)


def test_with_torch_s_own_weights_the_signal_is_another():
    torch.manual_seed(0)
    net = Siren(2, 256, depth=8)
    for layer in net.layers[1:]:
        layer.reset_parameters()  # U(-1/sqrt(n), 1/sqrt(n)), 12 times as wide
    with torch.no_grad():
        sums = net.sums(2 * torch.rand(500, 2, generator=generator(0)) - 1)
    assert float(sums[-1].std()) > 5


def test_slopes_are_right_everywhere(dtype):
    torch.manual_seed(0)
    net = Siren(2, 8, depth=2, outputs=1, omega=5.0).double()
    points = (2 * torch.rand(4, 2, generator=generator(0), dtype=torch.float64) - 1).requires_grad_()
    assert torch.autograd.gradgradcheck(net, points)


def test_the_reach_of_the_weights():
    layer = torch.nn.Linear(24, 4000)
    siren_init(layer, 30.0)
    assert float(layer.weight.abs().max()) == pytest.approx(0.5 / 30, rel=1e-3)
    siren_init(layer, 30.0, first=True)
    assert float(layer.weight.abs().max()) == pytest.approx(1 / 24, rel=1e-3)
