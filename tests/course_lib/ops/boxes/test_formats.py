"""Box formats equal torchvision's in value and gradient, come back from every round trip, and refuse what is no box."""

from __future__ import annotations

import pytest
import torch
from torchvision import ops as tv

from course_lib.core.seeding import generator
from course_lib.ops import boxes as ours

PAIRS = {
    ("xyxy", "xywh"): ours.box_xyxy_to_xywh,
    ("xywh", "xyxy"): ours.box_xywh_to_xyxy,
    ("xyxy", "cxcywh"): ours.box_xyxy_to_cxcywh,
    ("cxcywh", "xyxy"): ours.box_cxcywh_to_xyxy,
}


def some_boxes(count: int = 9, seed: int = 0) -> torch.Tensor:
    """(N, 4) xyxy float64, some beyond a picture of 20 x 30."""
    corners = 50 * torch.rand(count, 2, 2, generator=generator(seed), dtype=torch.float64) - 10
    return torch.cat([corners.amin(1), corners.amax(1)], 1)


@pytest.mark.parametrize("formats", PAIRS)
def test_conversions_equal_torchvision_in_value_and_gradient(device, dtype, close, formats):
    source, target = formats
    start = tv.box_convert(some_boxes(), "xyxy", source).to(device, dtype)
    weights = torch.randn(9, 4, generator=generator(1), dtype=torch.float64).to(device, dtype)
    mine, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    a, b = PAIRS[formats](mine), tv.box_convert(theirs, source, target)
    close(a, b, rtol=1e-12)
    (a * weights).sum().backward()
    (b * weights).sum().backward()
    close(mine.grad, theirs.grad, rtol=1e-12)


def test_round_trips_with_any_leading_dimensions():
    boxes = some_boxes(12).view(2, 3, 2, 4)
    torch.testing.assert_close(ours.box_xywh_to_xyxy(ours.box_xyxy_to_xywh(boxes)), boxes)
    torch.testing.assert_close(ours.box_cxcywh_to_xyxy(ours.box_xyxy_to_cxcywh(boxes)), boxes)
    assert ours.box_area(boxes).shape == (2, 3, 2)


def test_the_three_formats_of_one_box_by_hand():
    box = torch.tensor([10.0, 20.0, 16.0, 24.0])
    assert ours.box_xyxy_to_xywh(box).tolist() == [10, 20, 6, 4]
    assert ours.box_xyxy_to_cxcywh(box).tolist() == [13, 22, 6, 4]
    assert ours.box_area(box) == 24


def test_area_and_clipping_equal_torchvision(device, dtype, close):
    boxes = some_boxes().to(device, dtype)
    close(ours.box_area(boxes), tv.box_area(boxes))
    clipped = ours.clip_boxes_to_image(boxes, (20, 30))
    close(clipped, tv.clip_boxes_to_image(boxes, (20, 30)))
    assert float(clipped[:, [0, 2]].max()) <= 30
    assert float(clipped[:, [1, 3]].max()) <= 20
    assert float(clipped.min()) >= 0


def test_no_boxes_stay_no_boxes():
    none = torch.zeros(0, 4)
    for function in PAIRS.values():
        assert function(none).shape == (0, 4)
    assert ours.box_area(none).shape == (0,)
    assert ours.clip_boxes_to_image(none, (5, 5)).shape == (0, 4)
    ours.check_boxes(boxes=none)


@pytest.mark.parametrize("bad", [[5.0, 0, 2, 3], [0.0, 5, 3, 2], [0.0, 0, float("nan"), 3], [0.0, 0, float("inf"), 3]])
def test_a_box_that_is_none_is_named_in_one_line(bad):
    boxes = torch.tensor([[0.0, 0, 1, 1], bad, [2.0, 2, 2, 2]])
    with pytest.raises(ValueError, match=r"truth must be x0, y0, x1, y1 .* but 1 of 3 are not, first") as error:
        ours.check_boxes(truth=boxes)
    assert "\n" not in str(error.value)
    assert str([float(f"{number}") for number in bad]) in str(error.value)


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (torch.zeros(3, 5), r"float32 tensor of shape \(3, 5\)"),
        (torch.zeros(3, 4, dtype=torch.int64), r"int64 tensor of shape \(3, 4\)"),
        (torch.tensor(1.0), r"float32 tensor of shape \(\)"),
        ([[0, 0, 1, 1]], "list of length 1"),
    ],
)
def test_bad_shapes(bad, what):
    for function in (*PAIRS.values(), ours.box_area, lambda boxes: ours.check_boxes(boxes=boxes)):
        with pytest.raises(
            ValueError, match=rf"boxes must be a floating-point tensor of shape \(\.\.\., 4\), .* {what}"
        ):
            function(bad)
