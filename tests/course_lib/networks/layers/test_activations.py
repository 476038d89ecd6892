"""Activations equal torch's, their written derivatives equal autograd's."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from course_lib.networks.layers import ACTIVATIONS, tanh

PEERS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
}
FAR = [-1000.0, -50.0, -3.0, -1e-3, -1e-20, 0.0, 1e-3, 3.0, 50.0, 1000.0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_derivatives_equal_torch_also_far_out_and_at_zero(name, device, dtype, close):
    s = torch.tensor([*FAR, *torch.randn(50, dtype=torch.float64).tolist()], device=device, dtype=dtype)
    function, derivative = ACTIVATIONS[name]
    point = s.clone().requires_grad_()
    wanted = PEERS[name](point)
    (slope,) = torch.autograd.grad(wanted.sum(), point)
    close(function(s), wanted, rtol=1e-9, atol=1e-12)
    close(derivative(s), slope, rtol=1e-9, atol=1e-12)
    assert derivative(s).dtype == function(s).dtype == dtype
    assert torch.isfinite(function(s)).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_autograd_through_our_functions_agrees_with_the_written_derivative(name):
    s = torch.linspace(-40, 40, 161, dtype=torch.float64).requires_grad_()  # 0 is one of them
    function, derivative = ACTIVATIONS[name]
    keep = s.detach() != 0
    (slope,) = torch.autograd.grad(function(s).sum(), s)
    torch.testing.assert_close(slope[keep], derivative(s.detach())[keep], rtol=1e-9, atol=1e-12)


def test_tanh_keeps_the_digits_of_tiny_inputs_and_does_not_overflow():
    s = torch.tensor([-1e-20, 1e-9, 1e-3, 300.0, 1e6], dtype=torch.float64)
    torch.testing.assert_close(tanh(s), torch.tanh(s), rtol=1e-12, atol=0)
    assert tanh(s.float())[-1] == 1.0


def test_the_steepest_slopes_of_the_docstring():
    s = torch.linspace(-5, 5, 1001, dtype=torch.float64)
    assert float(ACTIVATIONS["sigmoid"][1](s).max()) == 0.25
    assert float(ACTIVATIONS["tanh"][1](s).max()) == 1.0
