"""The focal loss is torchvision's in value and gradient, and makes what is easy cheap by the promised factor."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss as reference

from course_lib.core.seeding import generator
from course_lib.detection.focal import sigmoid_focal_loss

from ..refusals import refused


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (-1.0, 1.5), (0.6, 0.0)])
def test_equals_torchvision(device, alpha, gamma):
    stream = generator(0)
    scores = (8 * torch.randn(40, 5, generator=stream, dtype=torch.float64)).to(device).requires_grad_()
    targets = (torch.rand(40, 5, generator=stream, dtype=torch.float64) < 0.2).double().to(device)
    found = sigmoid_focal_loss(scores, targets, alpha=alpha, gamma=gamma)
    wanted = reference(scores, targets, alpha=alpha, gamma=gamma)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(*(torch.autograd.grad(part.sum(), scores)[0] for part in (found, wanted)))


def test_gamma_zero_is_cross_entropy_and_two_divides_as_promised():
    scores, targets = torch.tensor([math.log(9.0), 0.0]), torch.ones(2)  # p = 0.9 and 0.5
    plain = F.binary_cross_entropy_with_logits(scores, targets, reduction="none")
    torch.testing.assert_close(sigmoid_focal_loss(scores, targets, alpha=-1, gamma=0), plain)
    torch.testing.assert_close(plain / sigmoid_focal_loss(scores, targets, alpha=-1), torch.tensor([100.0, 4.0]))


def test_sure_mistakes_and_sure_hits_are_finite():
    scores = torch.tensor([-200.0, 200.0, -200.0, 200.0]).requires_grad_()
    loss = sigmoid_focal_loss(scores, torch.tensor([1.0, 1.0, 0.0, 0.0]))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(scores.grad).all()
    assert loss[0].item() == pytest.approx(0.25 * 200)


def test_bad_input_is_refused():
    refused(lambda: sigmoid_focal_loss(torch.zeros(3), torch.zeros(4)), r"targets must be \(3,\)")
    refused(lambda: sigmoid_focal_loss(torch.zeros(3), torch.zeros(3), gamma=-1), "gamma must be at least 0")
