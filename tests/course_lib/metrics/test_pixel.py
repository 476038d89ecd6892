"""Pixel losses equal torch's and stay in the ranges that their definitions give."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from course_lib.core.seeding import generator
from course_lib.metrics import charbonnier, huber, l2_distance, mae, mse, psnr, rmse


@pytest.fixture
def pair(device, dtype):
    return tuple(torch.rand(2, 3, 5, 4, generator=generator(s)).to(device, dtype) for s in (0, 1))


def test_equal_torch(pair, close):
    close(mse(*pair), F.mse_loss(*pair))
    close(mae(*pair), F.l1_loss(*pair))
    for delta in (0.1, 0.4, 2.0):
        close(huber(*pair, delta), F.huber_loss(*pair, delta=delta))
    close(l2_distance(*pair), torch.linalg.vector_norm(pair[0] - pair[1]))
    assert rmse(*pair) == pytest.approx(float(mse(*pair)) ** 0.5, rel=1e-5)
    assert float(l2_distance(*pair)) == pytest.approx(rmse(*pair) * math.sqrt(120), rel=1e-5)
    assert psnr(*pair) == pytest.approx(-10 * math.log10(float(mse(*pair))), rel=1e-5)


def test_charbonnier_lies_between_l1_and_l1_plus_eps(pair, device, dtype):
    for eps in (1e-3, 0.1):
        assert float(mae(*pair)) < float(charbonnier(*pair, eps)) < float(mae(*pair)) + eps
    three, zero = torch.full((2,), 3.0, device=device, dtype=dtype), torch.zeros(2, device=device, dtype=dtype)
    assert float(charbonnier(three, zero, 4.0)) == pytest.approx(5)


def test_ranges_and_order(pair):
    black = torch.zeros_like(pair[0])
    assert all(float(loss(pair[0], pair[0])) == 0 for loss in (mse, mae, huber, l2_distance))
    assert float(charbonnier(pair[0], pair[0], 0.01)) == pytest.approx(0.01)
    assert all(float(loss(black + 1, black)) == pytest.approx(1) for loss in (mse, mae))
    assert float(l2_distance(black + 1, black)) == pytest.approx(math.sqrt(120))
    assert float(mae(*pair)) <= rmse(*pair) <= 1


@pytest.mark.parametrize("loss", [mse, mae, huber, charbonnier, l2_distance])
def test_gradients(loss, pair):
    x, y = (part.double().cpu() for part in pair)
    assert torch.autograd.gradcheck(lambda z: loss(z, y), x.requires_grad_())


@pytest.mark.parametrize("loss", [mse, mae, huber, charbonnier, l2_distance])
def test_shapes_that_would_broadcast_are_refused(loss):
    with pytest.raises(ValueError, match=r"of one shape, not float32 tensor of shape \(4, 1\)"):
        loss(torch.rand(4, 1), torch.rand(4))
    with pytest.raises(ValueError, match="floating-point tensors"):
        loss(torch.ones(3, dtype=torch.long), torch.ones(3, dtype=torch.long))


def test_bad_settings_are_refused(pair):
    with pytest.raises(ValueError, match="delta must be"):
        huber(*pair, 0)
    with pytest.raises(ValueError, match="eps must be"):
        charbonnier(*pair, -1)
