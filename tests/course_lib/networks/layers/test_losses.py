"""Smoothed cross-entropy against torch's, its best scores, and the price on weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.networks.layers import smoothed_cross_entropy, weight_penalty


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_equals_torch_also_for_huge_scores(smoothing, device, dtype, close):
    labels = torch.randint(6, (30,), generator=generator(0)).to(device)
    for scale in (1.0, 1000.0):
        scores = (scale * torch.randn(30, 6, generator=generator(1), dtype=torch.float64)).to(device, dtype)
        wanted = nn.functional.cross_entropy(scores, labels, label_smoothing=smoothing)
        close(smoothed_cross_entropy(scores, labels, smoothing), wanted, rtol=1e-10)


def test_the_best_difference_of_scores_is_the_stated_one():
    e, K, labels = 0.1, 10, torch.tensor([3])
    scores = torch.zeros(1, K, dtype=torch.float64)
    scores[0, 3] = math.log(1 + K * (1 - e) / e)
    scores.requires_grad_()
    (slope,) = torch.autograd.grad(smoothed_cross_entropy(scores, labels, e), scores)
    assert float(slope.abs().max()) < 1e-12


def test_the_penalty_counts_weights_and_spares_biases(device):
    model = nn.Linear(3, 2).to(device)
    w = model.weight.detach()
    wanted = 0.5 * w.abs().sum() + 2 * w.square().sum()
    torch.testing.assert_close(weight_penalty(model.parameters(), l1=0.5, l2=2.0).detach(), wanted)
    weight_penalty(model.parameters(), l1=0.5, l2=2.0).backward()
    torch.testing.assert_close(model.weight.grad, 0.5 * w.sign() + 4 * w)
    assert model.bias.grad is None


def test_bad_input():
    scores, labels = torch.zeros(3, 4), torch.tensor([0, 1, 2])
    with pytest.raises(ValueError, match="smoothing must be at least 0 and below 1, not 1"):
        smoothed_cross_entropy(scores, labels, 1.0)
    with pytest.raises(ValueError, match=r"labels must hold labels 0 to 3"):
        smoothed_cross_entropy(scores, labels + 2)
    with pytest.raises(ValueError, match=r"labels has N = 3 but scores has N = 2"):
        smoothed_cross_entropy(scores[:2], labels)
    with pytest.raises(ValueError, match="need weights and prices of at least 0, not 0 weights"):
        weight_penalty([torch.zeros(3)], l1=1.0)
    with pytest.raises(ValueError, match="l2=-1"):
        weight_penalty([torch.zeros(3, 3)], l2=-1)
