"""Groups and saved states: like torch's, exchangeable with torch's, and exact."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from course_lib.optim import SGD, Adam, AdamW

KINDS = {
    "SGD": (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    "Nesterov": (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "Adam": (Adam, torch.optim.Adam, {"lr": 0.01}),
    "AdamW": (AdamW, torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def groups(model: nn.Module) -> list[dict]:
    """Weights with decay, biases without and with another rate."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    biases = [p for p in model.parameters() if p.ndim == 1]
    return [{"params": weights, "weight_decay": 0.05}, {"params": biases, "weight_decay": 0.0, "lr": 0.03}]


def descend(model: nn.Module, optimiser, steps: int, start: int = 0) -> None:
    for step in range(start, start + steps):
        x = torch.randn(8, 5, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        optimiser.zero_grad()
        (model(x).square().sum() + model(x).sin().sum()).backward()
        optimiser.step()


def assert_equal(one: nn.Module, other: nn.Module) -> None:
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_groups_equal_torchs(kind):
    mine, peer, settings = KINDS[kind]
    ours, theirs = network(), network()
    descend(ours, mine(groups(ours), **settings), 10)
    descend(theirs, peer(groups(theirs), **settings), 10)
    assert_equal(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_goes_on_exactly_and_is_a_copy(kind):
    mine, _, settings = KINDS[kind]
    model = network()
    optimiser = mine(groups(model), **settings)
    descend(model, optimiser, 5)
    optimiser.lr = 0.02  # a schedule has moved it
    other, saved = copy.deepcopy(model), optimiser.state_dict()
    again = mine([{"params": group["params"]} for group in groups(other)], lr=0.5)  # every setting comes from the state
    again.load_state_dict(saved)
    assert again.lr == 0.02
    descend(model, optimiser, 5, start=5)
    descend(other, again, 5, start=5)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize("kind", KINDS)
def test_goes_on_from_a_state_of_torchs(kind):
    mine, peer, settings = KINDS[kind]
    theirs = network()
    reference = peer(groups(theirs), **settings)
    descend(theirs, reference, 5)
    ours = copy.deepcopy(theirs)
    optimiser = mine(groups(ours), **settings)
    optimiser.load_state_dict(reference.state_dict())
    descend(theirs, reference, 5, start=5)
    descend(ours, optimiser, 5, start=5)
    assert_equal(ours, theirs)


def test_the_rate_of_all_groups_is_set_at_once():
    model = network()
    optimiser = SGD(groups(model), lr=0.1)
    assert [group["lr"] for group in optimiser.param_groups] == [0.1, 0.03]
    optimiser.lr = 0.5
    assert [group["lr"] for group in optimiser.param_groups] == [0.5, 0.5]


def test_a_state_of_another_network_is_refused():
    model, other = network(), nn.Linear(3, 3).double()
    saved = Adam(other.parameters()).state_dict()
    with pytest.raises(ValueError, match=r"groups of \[2\] parameters, the optimiser has \[2, 2\]"):
        Adam(groups(model)).load_state_dict(saved)
