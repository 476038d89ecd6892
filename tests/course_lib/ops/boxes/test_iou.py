"""IoU and GIoU equal torchvision's in value and gradient; what each does where boxes are apart, equal or empty."""

from __future__ import annotations

import pytest
import torch
from torchvision import ops as tv

from course_lib.core.seeding import generator
from course_lib.ops.boxes import box_iou, generalized_box_iou, generalized_box_iou_loss


def some_boxes(count: int, seed: int) -> torch.Tensor:
    corners = torch.rand(count, 2, 2, generator=generator(seed), dtype=torch.float64)
    return torch.cat([corners.amin(1), corners.amax(1)], 1)


@pytest.mark.parametrize(
    ("mine", "theirs"), [(box_iou, tv.box_iou), (generalized_box_iou, tv.generalized_box_iou)], ids=["iou", "giou"]
)
def test_pairs_equal_torchvision_in_value_and_gradient(device, dtype, close, mine, theirs):
    a, b = some_boxes(13, 0).to(device, dtype), some_boxes(7, 1).to(device, dtype)
    weights = torch.randn(13, 7, generator=generator(2), dtype=torch.float64).to(device, dtype)
    results = []
    for function in (mine, theirs):
        x, y = a.clone().requires_grad_(), b.clone().requires_grad_()
        values = function(x, y)
        (values * weights).sum().backward()
        results.append((values, x.grad, y.grad))
    for ours, reference in zip(*results, strict=True):
        assert float(reference.detach().abs().max()) > 0.1
        close(ours, reference, rtol=1e-9, atol=1e-12)


def test_the_loss_equals_torchvision_in_value_and_gradient(device, dtype, close):
    a, b = some_boxes(40, 0).to(device, dtype), some_boxes(40, 1).to(device, dtype)
    results = []
    for function in (generalized_box_iou_loss, tv.generalized_box_iou_loss):
        x = a.clone().requires_grad_()
        values = function(x, b)
        values.sum().backward()
        results.append((values, x.grad))
    for ours, reference in zip(*results, strict=True):
        close(ours, reference, rtol=1e-3, atol=1e-4)  # torchvision adds 1e-7 to each area that it divides by
    close(generalized_box_iou_loss(a, b), 1 - generalized_box_iou(a, b).diagonal(), rtol=1e-9)


def test_ranges_symmetry_and_scale():
    a, b = 100 * some_boxes(20, 3), 100 * some_boxes(30, 4)
    iou, giou = box_iou(a, b), generalized_box_iou(a, b)
    assert 0 == float(iou.min()) < float(iou.max()) <= 1
    assert -1 <= float(giou.min()) < 0 < float(giou.max()) <= 1
    assert bool((giou <= iou + 1e-12).all())
    torch.testing.assert_close(iou, box_iou(b, a).mT)
    torch.testing.assert_close(giou, generalized_box_iou(b / 7 + 3, a / 7 + 3).mT)
    torch.testing.assert_close(box_iou(a, a).diagonal(), torch.ones(20, dtype=torch.float64))


def test_apart_boxes_by_hand_only_giou_pulls_them_together():
    box = torch.tensor([[0.0, 0, 1, 1]], requires_grad=True)
    far = torch.tensor([[2.0, 0, 3, 1]])
    assert box_iou(box, far).item() == 0
    assert generalized_box_iou(box, far).item() == pytest.approx(-1 / 3)  # the box around both is a third empty
    (pull,) = torch.autograd.grad(box_iou(box, far).sum(), box)
    assert not pull.any()
    (pull,) = torch.autograd.grad(generalized_box_iou_loss(box, far).sum(), box)
    assert float(pull[0, 2]) < 0  # the loss falls when the right edge moves to the right


def test_boxes_without_area_give_zero_and_finite_gradients():
    points = torch.tensor([[1.0, 1, 1, 1], [0.0, 0, 2, 0]], requires_grad=True)
    assert box_iou(points, points).tolist() == [[0, 0], [0, 0]]
    loss = generalized_box_iou_loss(points, points)
    assert loss.tolist() == [1, 1]
    loss.sum().backward()
    assert torch.isfinite(points.grad).all()


def test_batches_and_no_boxes():
    a, b = some_boxes(6, 0).view(2, 3, 4), some_boxes(8, 1).view(2, 4, 4)
    torch.testing.assert_close(box_iou(a, b)[1], box_iou(a[1], b[1]))
    none = torch.zeros(0, 4, dtype=torch.float64, requires_grad=True)
    assert box_iou(none, a[0]).shape == generalized_box_iou(none, a[0]).shape == (0, 3)
    assert box_iou(a[0], none).shape == (3, 0)
    assert box_iou(none, none).shape == (0, 0)
    loss = generalized_box_iou_loss(none, none)
    assert loss.shape == (0,)
    loss.sum().backward()
    assert none.grad.shape == (0, 4)


def test_bad_input():
    with pytest.raises(ValueError, match=r"boxes2 must be a floating-point tensor of shape \(\.\.\., 4\)"):
        box_iou(torch.zeros(2, 4), torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"boxes \(2, 4\) and targets \(1, 4\) must have one shape"):
        generalized_box_iou_loss(torch.zeros(2, 4), torch.zeros(1, 4))
