"""Our SGD against torch's, step by step, and the noise of mini-batch gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.core.training import batches
from course_lib.data import digits
from course_lib.linear import cross_entropy
from course_lib.optim import SGD, gradient_noise


def two_layers(device, dtype) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10)).to(device, dtype)


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_equals_torch_sgd_at_each_of_fifty_steps(momentum, weight_decay, foreach, device, dtype, close):
    data = digits()
    X, labels = (data.features / 16).to(device, dtype), data.labels.to(device)
    ours = two_layers(device, dtype)
    peer = copy.deepcopy(ours)
    our_step = SGD(ours.parameters(), lr=0.1, momentum=momentum, weight_decay=weight_decay)
    peer_step = torch.optim.SGD(peer.parameters(), 0.1, momentum, weight_decay=weight_decay, foreach=foreach)
    begin = [p.clone() for p in ours.parameters()]
    for indices in batches(len(X), 32, generator(0, device))[:50]:
        for model, optimiser in ((ours, our_step), (peer, peer_step)):
            optimiser.zero_grad()
            cross_entropy(model(X[indices]), labels[indices]).backward()
            optimiser.step()
        for p, q in zip(ours.parameters(), peer.parameters(), strict=True):
            close(p, q, rtol=0, atol=1e-12)
    assert all((p - q).abs().max() > 1e-3 for p, q in zip(ours.parameters(), begin, strict=True))


def test_a_parameter_without_gradient_stays_and_zero_grad_forgets():
    used, unused = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    optimiser = SGD([used, unused], lr=0.5, momentum=0.9, weight_decay=0.1)
    used.sum().backward()
    optimiser.step()
    assert unused.tolist() == [1.0, 1.0]
    assert used.tolist() == pytest.approx([0.45, 0.45])
    optimiser.zero_grad()
    assert used.grad is None
    before = used.tolist()
    optimiser.step()
    assert used.tolist() == before


def test_the_step_changes_neither_gradient_nor_a_shared_buffer():
    p = torch.ones(3, requires_grad=True)
    optimiser = SGD([p], lr=0.1, momentum=0.9)
    p.square().sum().backward()
    gradient = p.grad.clone()
    optimiser.step()
    optimiser.step()
    assert torch.equal(p.grad, gradient)


def squared_error(device, dtype):
    data = digits()
    X, y = (data.features / 16).to(device, dtype), (data.labels / 10).to(device, dtype)
    return len(X), lambda w, indices: (X[indices] @ w - y[indices]).square().mean()


def test_gradient_noise_falls_as_one_over_the_root_of_the_batch(device, dtype):
    samples, loss = squared_error(device, dtype)
    weights = torch.zeros(64, device=device, dtype=dtype)
    g = generator(1, device)
    sizes = [1, 4, 16, 64, 256]
    scaled = [gradient_noise(loss, weights, samples, batch=size, draws=1500, generator=g) * size**0.5 for size in sizes]
    assert max(scaled) / min(scaled) < 1.1


def test_gradient_noise_of_one_sample_is_the_spread_of_the_samples_gradients():
    samples, loss = squared_error("cpu", torch.float64)
    weights = torch.full((64,), 0.02, dtype=torch.float64)
    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, torch.arange(samples)[:, None])
    wanted = float((each - each.mean(dim=0)).square().sum(dim=1).mean().sqrt())
    assert gradient_noise(loss, weights, samples, batch=1, draws=20_000, generator=generator(2)) == pytest.approx(
        wanted, rel=0.03
    )
