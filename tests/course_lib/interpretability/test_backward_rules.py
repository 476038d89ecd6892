"""Guided back-propagation and deconvnet on networks whose answer is worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.interpretability import DeconvReLU, GuidedReLU, deconvnet, guided_backprop, score_gradient

# x -> h = relu(W x) -> score = v . h, x of 4 pixels, 3 hidden units: one active and liked, one silent and liked, one
# active and disliked. By hand: the gradient is the sum of v_k W_k over active units, deconvnet over liked units,
# guided over units that are both.
W = torch.tensor([[1.0, 2.0, 0.0, -1.0], [-1.0, 0.0, -2.0, 1.0], [0.0, 1.0, 1.0, 3.0]])
V = torch.tensor([[3.0, 2.0, -5.0]])
X = torch.tensor([1.0, 1.0, 1.0, 0.5])  # W X = (2.5, -2.5, 3.5)


def by_hand() -> nn.Module:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 2, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(W)
        model[3].weight.copy_(torch.cat([V, -V]))
    return model


@pytest.mark.parametrize(
    ("method", "kept"),
    [(score_gradient, [0, 2]), (deconvnet, [0, 1]), (guided_backprop, [0])],
    ids=["gradient", "deconvnet", "guided"],
)
def test_the_answer_known_by_hand(method, kept):
    wanted = sum(V[0, k] * W[k] for k in kept).view(1, 1, 2, 2)
    found = method(by_hand(), X.view(1, 1, 2, 2), torch.tensor([0]))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


def test_the_three_differ_where_they_should():
    """The disliked, active unit reaches the pixels by the gradient only; the silent, liked one by deconvnet only."""
    x, zero = X.view(1, 1, 2, 2), torch.tensor([0])
    gradient, up, guided = (m(by_hand(), x, zero) for m in (score_gradient, deconvnet, guided_backprop))
    torch.testing.assert_close((gradient - guided).flatten(), V[0, 2] * W[2])
    torch.testing.assert_close((up - guided).flatten(), V[0, 1] * W[1])


@pytest.mark.parametrize("rule", [DeconvReLU, GuidedReLU])
def test_rules_element_by_element(rule, device):
    x = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], device=device, requires_grad=True)
    signal = torch.tensor([3.0, -3.0, 4.0, -4.0, 5.0], device=device)
    y = rule.apply(x)
    assert y.tolist() == [0, 0, 0, 1, 2]
    (slope,) = torch.autograd.grad(y, x, signal)
    assert slope.tolist() == ([3, 0, 4, 0, 5] if rule is DeconvReLU else [0, 0, 0, 0, 5])


def test_max_pooling_sends_the_signal_to_its_switch():
    model = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1, 2, bias=False))
    nn.init.constant_(model[3].weight, 2.0)
    x = torch.tensor([[0.1, 0.9], [0.3, 0.2]]).view(1, 1, 2, 2)
    assert deconvnet(model, x, torch.tensor([0])).flatten().tolist() == [0, 2, 0, 0]
    assert guided_backprop(model, x, torch.tensor([1])).flatten().tolist() == [0, 2, 0, 0]


def test_without_relu_modules_there_is_no_rule():
    with pytest.raises(ValueError, match=r"Sequential has no nn\.ReLU module, so there is no rule to change"):
        guided_backprop(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), X.view(1, 1, 2, 2))


class Functional(nn.Module):
    """One ReLU as a module and one as a function."""

    def __init__(self, call):
        super().__init__()
        self.call, self.relu, self.last = call, nn.ReLU(), nn.Linear(4, 2)

    def forward(self, images):
        return self.last(self.call(self.relu(images.flatten(1)) - 0.1))


@pytest.mark.parametrize("call", [F.relu, torch.relu, torch.Tensor.relu, lambda x: F.relu(x, inplace=True)])
@pytest.mark.parametrize("method", [deconvnet, guided_backprop])
def test_a_relu_that_keeps_its_own_rule_is_refused(method, call):
    images = torch.randn(2, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="calls relu as a function"):
        method(Functional(call), images)
    model = Functional(nn.Identity())
    assert method(model, images).shape == images.shape
    F.relu(images)  # outside it is allowed again
