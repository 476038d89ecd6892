"""First weights: torch's variances, and signals that live through fifty layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.networks.layers import fans, he_normal_, normal_, relu, signal_by_depth, tanh, xavier_normal_


@pytest.mark.parametrize("shape", [(300, 500), (64, 32, 5, 3)])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(xavier_normal_, nn.init.xavier_normal_), (he_normal_, lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"))],
)
def test_has_torchs_mean_and_deviation(ours, theirs, shape, device):
    mine, wanted = ours(torch.empty(shape, device=device), generator(0, device)), theirs(torch.empty(shape))
    assert float(mine.std()) == pytest.approx(float(wanted.std()), rel=0.03)
    assert float(mine.mean().abs()) < 5 * float(mine.std()) / mine.numel() ** 0.5


def test_fans_count_the_taps_of_a_kernel():
    assert fans(torch.empty(300, 500)) == (500, 300)
    assert fans(torch.empty(64, 32, 5, 3)) == (480, 960)


def data(device, dtype) -> torch.Tensor:
    return torch.randn(256, 200, generator=generator(1), dtype=torch.float64).to(device, dtype)


def test_he_keeps_relu_signals_and_gradients_alive_where_naive_weights_do_not(device, dtype):
    x = data(device, dtype)
    forward, backward = signal_by_depth(x, 50, relu, fill_=he_normal_, generator=generator(2, device))
    assert 0.2 < float(forward[-1]) < 5
    assert 0.2 < float(backward[0]) < 5
    for deviation, low, high in ((0.01, 0, 1e-30), (1.0, 1e30, float("inf"))):
        fill = lambda w, g, s=deviation: normal_(w, s, g)  # noqa: E731
        forward, _ = signal_by_depth(x, 50, relu, fill_=fill, generator=generator(2, device))
        assert low <= float(forward[-1]) <= high


def test_xavier_halves_relu_signals_at_each_layer_and_suits_tanh(device, dtype):
    x = data(device, dtype)
    forward, _ = signal_by_depth(x, 20, relu, fill_=xavier_normal_, generator=generator(3, device))
    rate = float(forward[-1] / forward[0]) ** (1 / 19)
    assert rate == pytest.approx(0.5, rel=0.15)
    forward, _ = signal_by_depth(x, 20, tanh, fill_=xavier_normal_, generator=generator(3, device))
    assert float(forward[-1]) > 0.02


def test_bad_input():
    with pytest.raises(ValueError, match=r"weight must be \(n_out, n_in\).*shape \(3,\)"):
        he_normal_(torch.empty(3))
    with pytest.raises(ValueError, match="deviation must be a finite number above 0"):
        normal_(torch.empty(3), 0.0)
    with pytest.raises(ValueError, match="depth must be a finite number above 0"):
        signal_by_depth(torch.zeros(2, 3), 0, relu, fill_=he_normal_, generator=generator(0))
