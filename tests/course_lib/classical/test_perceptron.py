"""Rosenblatt's rule: scikit-learn's weights, Novikoff's bound, and the cycle on XOR."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from sklearn.linear_model import Perceptron
from sklearn.svm import LinearSVC

from course_lib.classical.perceptron import perceptron
from course_lib.core.seeding import generator
from course_lib.data import iris
from course_lib.networks.layers import MLP

CORNERS = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
XOR = torch.tensor([-1.0, 1, 1, -1], dtype=torch.float64)


def flowers() -> tuple[torch.Tensor, torch.Tensor]:
    data = iris()
    two = data.labels < 2
    order = torch.randperm(int(two.sum()), generator=generator(0))
    return data.features[two][order][:, 2:], 2.0 * data.labels[two][order] - 1


@pytest.mark.parametrize("passes", [1, 2, 30])
def test_weights_equal_scikit_learns(passes):
    X, y = flowers()
    theirs = Perceptron(shuffle=False, max_iter=passes, tol=None).fit(X.numpy(), y.numpy())
    ours = perceptron(X, y, passes)
    np.testing.assert_allclose(ours.weights[-1, :2], theirs.coef_[0], atol=1e-9)
    assert ours.weights[-1, 2].item() == pytest.approx(theirs.intercept_[0], abs=1e-9)


def test_converges_on_separable_data_within_novikoffs_bound(device, dtype):
    X, y = (part.to(device, dtype) for part in flowers())
    fit = perceptron(X, y, 1000)
    assert fit.converged
    assert fit.cycle is None
    assert fit.mistakes[-1] == 0
    samples = torch.cat([X, torch.ones(len(X), 1, device=device, dtype=dtype)], 1)
    assert ((samples @ fit.weights[-1]) * y > 0).all()
    wide = LinearSVC(C=1e4, fit_intercept=False, loss="hinge", max_iter=1_000_000).fit(samples.cpu(), y.cpu())
    direction = torch.tensor(wide.coef_[0], device=device, dtype=dtype)
    gamma = float((samples @ direction * y).min() / direction.norm())
    assert gamma > 0
    assert sum(fit.mistakes) <= float(samples.norm(dim=1).max()) ** 2 / gamma**2


def test_cycles_on_xor_for_ever(device, dtype):
    fit = perceptron(CORNERS.to(device, dtype), XOR.to(device, dtype), 100)
    assert not fit.converged
    assert fit.cycle is not None
    assert min(fit.mistakes) >= 1
    assert torch.equal(fit.weights[-1], fit.weights[-1 - fit.cycle])
    longer = perceptron(CORNERS.to(device, dtype), XOR.to(device, dtype), 5)
    assert len(longer.mistakes) <= 5


def separable(y: torch.Tensor) -> bool:
    """Whether weights and bias exist with y (w x + b) >= 1 for every corner: a linear programme."""
    samples = np.concatenate([CORNERS, np.ones((4, 1))], axis=1)
    return linprog(np.zeros(3), A_ub=-(y.numpy()[:, None] * samples), b_ub=-np.ones(4), bounds=(None, None)).success


def test_no_single_layer_solves_xor_and_a_hand_made_second_one_does():
    assert not separable(XOR)
    assert separable(torch.tensor([-1.0, -1, -1, 1]))
    net = MLP([2, 2, 1]).double()
    values = [torch.ones(2, 2), torch.tensor([0.0, -1.0]), torch.tensor([[1.0, -2.0]]), torch.tensor([-0.5])]
    net.load_state_dict(dict(zip(net.state_dict(), values, strict=True)))
    assert net(CORNERS)[:, 0].sign().tolist() == XOR.tolist()
    assert net.hidden(CORNERS)[1].tolist() == net.hidden(CORNERS)[2].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("target", [[-1, -1, -1, 1], [-1, 1, 1, 1], [1, 1, -1, 1]])
def test_learns_every_other_kind_of_gate(target):
    fit = perceptron(CORNERS, torch.tensor(target, dtype=torch.float64), 100)
    assert fit.converged


def test_bad_input():
    with pytest.raises(ValueError, match=r"y must hold \+1 and -1 only, but it holds \[0.0, 1.0\]"):
        perceptron(CORNERS, (XOR + 1) / 2)
    with pytest.raises(ValueError, match=r"y has N = 3 but X has N = 4"):
        perceptron(CORNERS, XOR[:3])
    with pytest.raises(ValueError, match="epochs must be a finite number above 0, not 0"):
        perceptron(CORNERS, XOR, 0)
