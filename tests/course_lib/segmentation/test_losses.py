"""Losses of class maps equal torch's and slow loops; what is ignored counts nowhere, and nothing at all gives 0."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.segmentation.losses import balanced_weights, pixel_cross_entropy, pixel_focal_loss, soft_dice_loss

from ..refusals import refused

K = 4


def problem(device="cpu", dtype=torch.float64, ignore=-1):
    """Scores (3, 4, 5, 6) and labels of which a fifth is ignored; class 3 is nowhere."""
    stream = generator(0)
    scores = 2 * torch.randn(3, K, 5, 6, generator=stream, dtype=torch.float64)
    labels = torch.randint(K - 1, (3, 5, 6), generator=stream)
    labels[torch.rand(3, 5, 6, generator=stream) < 0.2] = ignore
    return scores.to(device, dtype).requires_grad_(), labels.to(device)


LOSSES = {
    "cross-entropy": pixel_cross_entropy,
    "focal": pixel_focal_loss,
    "dice": soft_dice_loss,
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore", [-1, 255, 1])
def test_cross_entropy_equals_torchs_in_value_and_gradient(device, dtype, close, ignore, weighted):
    scores, labels = problem(device, dtype, ignore)
    weight = torch.tensor([0.5, 1.0, 3.0, 7.0], device=device, dtype=dtype) if weighted else None
    ours = pixel_cross_entropy(scores, labels, weight, ignore=ignore)
    theirs = F.cross_entropy(scores, labels, weight, ignore_index=ignore)
    close(ours, theirs)
    close(torch.autograd.grad(ours, scores)[0], torch.autograd.grad(theirs, scores)[0])


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_loss_equals_a_loop_over_pixels(gamma):
    scores, labels = problem()
    weight = torch.tensor([0.5, 1.0, 3.0, 7.0], dtype=torch.float64)
    total, share = 0.0, 0.0
    for b, i, j in (labels >= 0).nonzero().tolist():
        y = int(labels[b, i, j])
        p = float(scores.detach()[b, :, i, j].softmax(0)[y])
        total += float(weight[y]) * (1 - p) ** gamma * -torch.log(torch.tensor(p, dtype=torch.float64)).item()
        share += float(weight[y])
    assert pixel_focal_loss(scores, labels, gamma, weight=weight).item() == pytest.approx(total / share, rel=1e-10)


def test_focal_loss_has_the_right_gradient_also_where_a_pixel_is_surely_right():
    scores, labels = problem()
    assert torch.autograd.gradcheck(lambda s: pixel_focal_loss(s, labels), (scores,))
    sure = 200.0 * F.one_hot(labels.clamp(min=0), K).movedim(3, 1).float()
    sure.requires_grad_()
    pixel_focal_loss(sure, labels, 0.5).backward()
    assert torch.isfinite(sure.grad).all()


def test_dice_equals_a_loop_over_classes_and_leaves_out_classes_that_are_nowhere():
    scores, labels = problem()
    p, coefficients = scores.detach().softmax(1), []
    for k in range(K - 1):
        top, below = 0.0, 0.0
        for b, i, j in (labels >= 0).nonzero().tolist():
            hit = int(labels[b, i, j]) == k
            top += 2 * float(p[b, k, i, j]) * hit
            below += float(p[b, k, i, j]) + hit
        coefficients.append(top / below)
    assert soft_dice_loss(scores, labels).item() == pytest.approx(1 - sum(coefficients) / (K - 1), rel=1e-10)
    assert torch.autograd.gradcheck(lambda s: soft_dice_loss(s, labels), (scores,))


def test_dice_is_0_where_all_is_right_and_near_1_where_all_is_wrong():
    _, labels = problem()
    right = 100.0 * F.one_hot(labels.clamp(min=0), K).movedim(3, 1).double()
    assert float(soft_dice_loss(right, labels)) == pytest.approx(0, abs=1e-12)
    assert float(soft_dice_loss(right.roll(1, dims=1), labels)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_ignored_pixels_change_nothing(name):
    scores, labels = problem()
    spoilt = scores.detach().clone()
    spoilt.movedim(1, 3)[labels == -1] += 50 * torch.randn(int((labels == -1).sum()), K, generator=generator(1))
    assert float(LOSSES[name](scores, labels)) == pytest.approx(float(LOSSES[name](spoilt, labels)), rel=1e-12)
    (slope,) = torch.autograd.grad(LOSSES[name](scores, labels), scores)
    assert float(slope.movedim(1, 3)[labels == -1].abs().max()) == 0
    assert float(slope.movedim(1, 3)[labels >= 0].abs().max()) > 0


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_a_pixel_that_counts_has_loss_and_gradient_0(name):
    scores, labels = problem()
    loss = LOSSES[name](scores, torch.full_like(labels, -1))
    loss.backward()
    assert float(loss) == 0
    assert torch.equal(scores.grad, torch.zeros_like(scores))


def test_balanced_weights_give_each_class_the_same_share():
    labels = torch.tensor([[0] * 6 + [2] * 2 + [-1] * 5])
    weight = balanced_weights(labels, K)
    assert weight.tolist() == pytest.approx([8 / 12, 0, 2, 0])
    known = labels[labels >= 0]
    assert float(weight[known].mean()) == pytest.approx(1)
    assert float(weight[0] * 6) == pytest.approx(float(weight[2] * 2))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, y: (s[0], y), "scores must be a floating-point tensor of shape"),
        (lambda s, y: (s.long(), y), "scores must be a floating-point"),
        (lambda s, y: (s, y[:, :2]), r"labels must be an int64 tensor of shape \(3, 5, 6\), not a"),
        (lambda s, y: (s, y.float()), "labels must be an int64"),
        (lambda s, y: (s, y + 3), "labels must hold 0 to 3, or -1 to ignore"),
        (lambda s, y: (s, y - 3), "labels must hold 0 to 3, or -1 to ignore"),
    ],
)
def test_bad_input_is_refused_in_one_line(loss, change, message):
    scores, labels = problem()
    refused(lambda: loss(*change(scores, labels)), message)


def test_bad_weights_and_gammas_are_refused():
    scores, labels = problem()
    refused(lambda: pixel_cross_entropy(scores, labels, torch.ones(3)), r"weight must be a .* shape \(4\)")
    refused(lambda: pixel_focal_loss(scores, labels, -1.0), "gamma must be a number of 0 or more, not -1.0")
    refused(lambda: balanced_weights(torch.full((3,), -1), 2), "labels has no pixel that counts")
    refused(lambda: balanced_weights(torch.tensor([0, 5]), 2), "labels must hold 0 to 1")
    refused(lambda: balanced_weights(torch.zeros(3), 2), "labels must be an int64 tensor")
