"""Central differences against autograd, their error against the step, and the kinds of stationary points."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.core.seeding import generator
from course_lib.data import iris
from course_lib.linear import logistic_loss
from course_lib.optim import classify_stationary_point, numerical_gradient
from course_lib.optim.gradients import derivatives
from course_lib.optim.surfaces import banana


def wavy(x: torch.Tensor) -> torch.Tensor:
    return (torch.sin(3 * x) * torch.exp(0.5 * x)).sum()


@given(seed=st.integers(0, 10_000))
def test_equals_autograd(seed):
    x = torch.randn(2, 3, generator=generator(seed), dtype=torch.float64)
    torch.testing.assert_close(numerical_gradient(wavy, x), torch.func.grad(wavy)(x), rtol=1e-6, atol=1e-8)


def test_equals_autograd_on_a_real_loss(device, dtype, close):
    data = iris()
    X, labels = data.features[50:].to(device, dtype), (data.labels[50:] - 1).to(device)
    w = torch.tensor([0.1, -0.2, 0.3, 0.1, -0.5], device=device, dtype=dtype)

    def loss(weights: torch.Tensor) -> torch.Tensor:
        return logistic_loss(weights, X, labels) / len(X)

    step = 1e-5 if dtype == torch.float64 else 1e-2
    close(numerical_gradient(loss, w, step), torch.func.grad(loss)(w), rtol=1e-6, atol=1e-8)


def test_error_against_step_size_is_v_shaped():
    """Truncation ~ h^2 at large steps, rounding ~ 1/h at small ones, the best step between."""
    x = torch.linspace(-1, 1, 20, dtype=torch.float64)
    exact = torch.func.grad(wavy)(x)
    error = {power: float((numerical_gradient(wavy, x, 10.0**power) - exact).abs().max()) for power in range(-12, 0)}
    assert error[-5] < 1e-8
    assert error[-5] < 1e-5 * error[-1]
    assert error[-5] < 1e-3 * error[-12]
    assert error[-1] / error[-2] == pytest.approx(100, rel=0.1)  # second order
    assert min(error, key=error.get) in (-6, -5, -4)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 1, 3)])
def test_keeps_the_shape_and_leaves_x_alone(shape):
    x = torch.randn(shape, generator=generator(1), dtype=torch.float64)
    before = x.clone()
    assert numerical_gradient(lambda z: (z**2).sum(), x).shape == shape
    assert torch.equal(x, before)


def test_transposed_and_tracked_inputs_are_fine():
    x = torch.arange(6, dtype=torch.float64).reshape(2, 3).T.requires_grad_()
    weights = torch.arange(6, dtype=torch.float64).reshape(3, 2)
    gradient = numerical_gradient(lambda z: (weights * z).sum(), x)
    assert not gradient.requires_grad
    torch.testing.assert_close(gradient, weights, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("diagonal", "kind"),
    [((1.0, 2.0), "minimum"), ((-1.0, -3.0), "maximum"), ((1.0, -1.0), "saddle"), ((1.0, 0.0), "flat"),
     ((0.0, 0.0), "flat"), ((-1.0, 0.0), "flat"), ((0.0, 1.0, -1.0), "saddle")],
)  # fmt: skip
def test_kind_follows_the_signs_of_the_curvatures_in_any_rotation(diagonal, kind, device, dtype):
    curvature = torch.tensor(diagonal, dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(len(diagonal), len(diagonal), generator=generator(0), dtype=torch.float64)).Q
    H = (turn @ curvature.diag() @ turn.T).to(device, dtype)
    where = torch.zeros(len(diagonal), device=device, dtype=dtype)
    assert classify_stationary_point(lambda x: x @ H @ x / 2, where) == kind
    assert classify_stationary_point(lambda x: x @ H @ x / 2 + x.sum(), where) == "not stationary"


def test_cubic_and_quartic_are_flat_at_the_origin_in_one_dimension():
    origin = torch.zeros(1, dtype=torch.float64)
    assert classify_stationary_point(lambda x: (x**3).sum(), origin) == "flat"
    assert classify_stationary_point(lambda x: (x**4).sum(), origin) == "flat"
    assert classify_stationary_point(banana, torch.zeros(2, dtype=torch.float64)) == "not stationary"


def test_derivatives_equal_those_by_hand_and_need_no_second_derivative_of_a_line():
    A = torch.randn(4, 4, generator=generator(0), dtype=torch.float64)
    x = torch.tensor([0.3, -0.2, 0.5, 1.0], dtype=torch.float64)
    value, gradient, hessian = derivatives(lambda v: (v @ A).exp().sum(), x)
    e = (x @ A).exp()
    assert torch.allclose(value, e.sum())
    assert torch.allclose(gradient, A @ e)
    assert torch.allclose(hessian, (A * e) @ A.T)
    _, slope, flat = derivatives(lambda v: (2 * v).sum(), x)
    assert slope.tolist() == [2.0] * 4
    assert not flat.any()
    assert not x.requires_grad
