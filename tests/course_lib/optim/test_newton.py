"""Newton's method: one step on a quadratic, few on convex losses, a clear refusal where there is no minimum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from course_lib.core.seeding import generator
from course_lib.optim import newton


def test_a_quadratic_takes_one_step(device, dtype, close):
    A = torch.tensor([[3.0, 1.0], [1.0, 2.0]], device=device, dtype=dtype)
    b = torch.tensor([1.0, -4.0], device=device, dtype=dtype)
    wanted = torch.linalg.solve(A.cpu(), b.cpu())
    found = newton(lambda x: x @ A @ x / 2 - b @ x, torch.tensor([50.0, -70.0], device=device, dtype=dtype), steps=2)
    close(found, wanted, rtol=1e-10)


def test_equals_scipy_on_a_convex_loss():
    A = torch.randn(20, 4, generator=generator(0), dtype=torch.float64)

    def loss(x: torch.Tensor) -> torch.Tensor:
        return torch.logsumexp(A @ x, dim=0) + 0.05 * x.square().sum()

    peer = minimize(lambda x: float(loss(torch.from_numpy(x))), np.zeros(4), tol=1e-12)
    found = newton(loss, torch.full((4,), 5.0, dtype=torch.float64))
    assert found.numpy() == pytest.approx(peer.x, abs=1e-5)
    assert torch.func.grad(loss)(found).norm() < 1e-8


def test_a_start_at_the_minimum_is_returned():
    found = newton(lambda x: (x - 3).square().sum(), torch.full((2,), 3.0, dtype=torch.float64))
    assert found.tolist() == [3.0, 3.0]


def test_halves_the_step_where_a_whole_one_would_overshoot():
    """From 3, whole Newton steps on sqrt(1 + x^2) go -27, 19683, ...; the halved ones reach 0."""
    found = newton(lambda x: (1 + x.square()).sqrt().sum(), torch.tensor([3.0], dtype=torch.float64))
    assert abs(float(found)) < 1e-4


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_function_that_only_tends_to_its_infimum_is_refused_at_every_scale(scale, precision):
    with pytest.raises(ValueError, match=r"no minimum reached"):
        newton(lambda x: torch.exp(-scale * x).sum(), torch.zeros(1, dtype=precision))


def test_a_singular_hessian_is_refused():
    with pytest.raises(ValueError, match=r"no minimum reached"):
        newton(lambda x: (x[0] + x[1]) ** 2 - x[0], torch.ones(2, dtype=torch.float64))
