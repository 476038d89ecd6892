"""Overlap of turned boxes equals a count of random points, and closed forms; a box is fitted to its own surface."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.detection.boxes3d import (
    box_iou_3d,
    clip_polygon,
    fit_oriented_box,
    footprint,
    rotated_intersection,
)
from course_lib.ops.boxes import box_iou

from ..refusals import refused


def some(count: int, seed: int) -> torch.Tensor:
    uniform = torch.rand(count, 7, generator=generator(seed), dtype=torch.float64)
    return torch.cat([2 * uniform[:, :3], 0.5 + 2 * uniform[:, 3:6], 7 * uniform[:, 6:] - 3.5], 1)


def inside(points: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
    away = points - box[:3]
    cos, sin = box[6].cos(), box[6].sin()
    own = torch.stack([cos * away[:, 0] + sin * away[:, 1], cos * away[:, 1] - sin * away[:, 0], away[:, 2]], 1)
    return (own.abs() <= box[3:6] / 2).all(1)


def test_overlap_equals_a_count_of_random_points():
    first, second = some(6, 0), some(5, 1)
    found = box_iou_3d(first, second)
    points = 6 * torch.rand(400_000, 3, generator=generator(2), dtype=torch.float64) - 2
    a, b = (torch.stack([inside(points, box) for box in boxes]).double() for boxes in (first, second))
    both = a @ b.mT
    wanted = both / (a.sum(1)[:, None] + b.sum(1) - both)
    assert (found > 0.05).sum() > 10
    assert (found - wanted).abs().max() < 0.01


def test_boxes_that_are_not_turned_have_the_overlap_of_plain_boxes():
    boxes = some(8, 3)
    boxes[:, 2], boxes[:, 5], boxes[:, 6] = 1.0, 2.0, 0.0
    flat = torch.cat([boxes[:, :2] - boxes[:, 3:5] / 2, boxes[:, :2] + boxes[:, 3:5] / 2], 1)
    torch.testing.assert_close(box_iou_3d(boxes, boxes), box_iou(flat, flat))


def test_a_square_turned_by_an_eighth_leaves_a_regular_octagon():
    square = torch.tensor([[0.0, 0, 0, 2, 2, 2, 0]], dtype=torch.float64)
    turned = square.clone()
    turned[:, 6] = math.pi / 4
    area = 8 * (math.sqrt(2) - 1)  # of the octagon whose sides lie 1 from the middle
    assert float(rotated_intersection(square, turned)) == pytest.approx(area)
    assert len(clip_polygon(footprint(square)[0], footprint(turned)[0])) == 8
    assert float(box_iou_3d(square, turned)) == pytest.approx(area / (8 - area))


def test_overlap_is_symmetric_one_with_itself_and_knows_no_place_and_no_half_turn():
    first, second = some(5, 4), some(4, 5)
    found = box_iou_3d(first, second)
    torch.testing.assert_close(found, box_iou_3d(second, first).mT)
    torch.testing.assert_close(box_iou_3d(first, first).diagonal(), torch.ones(5, dtype=torch.float64))
    half = second + torch.tensor([0, 0, 0, 0, 0, 0, math.pi])
    torch.testing.assert_close(box_iou_3d(first, half), found)
    moved = torch.tensor([10.0, -7, 3, 0, 0, 0, 0])
    torch.testing.assert_close(box_iou_3d(first + moved, second + moved), found)
    swapped = second[:, [0, 1, 2, 4, 3, 5, 6]] + torch.tensor([0, 0, 0, 0, 0, 0, math.pi / 2])
    torch.testing.assert_close(box_iou_3d(first, swapped), found)


def test_one_inside_another_and_boxes_that_only_touch():
    large, small = torch.tensor([[0.0, 0, 0, 4, 4, 4, 0.3]]), torch.tensor([[0.2, 0.1, 0, 1, 1, 1, 1.0]])
    assert float(box_iou_3d(large, small)) == pytest.approx(1 / 64, rel=1e-5)
    beside = torch.tensor(
        [[0.0, 0, 0, 2, 2, 2, 0], [2, 0, 0, 2, 2, 2, 0], [0, 0, 2, 2, 2, 2, 0], [9, 9, 0, 1, 1, 1, 0]]
    )
    torch.testing.assert_close(box_iou_3d(beside, beside), torch.eye(4))


def test_gradients_are_right():
    first = torch.tensor([[0.0, 0, 0, 2, 1.5, 1, 0.2]], dtype=torch.float64, requires_grad=True)
    second = torch.tensor([[0.4, 0.3, 0.2, 1.8, 1, 1.2, 0.9]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(box_iou_3d, (first, second))


@pytest.mark.parametrize("yaw", [0.0, 0.3, 1.2])
def test_a_box_is_fitted_to_two_of_its_sides(yaw):
    box = torch.tensor([1.0, -0.5, 0.4, 1.2, 0.6, 0.8, yaw], dtype=torch.float64)
    stream = generator(0)
    local = torch.rand(600, 3, generator=stream, dtype=torch.float64) - 0.5
    local[:300, 0], local[300:, 1] = 0.5, -0.5  # two upright sides are seen
    local = local * box[3:6]
    cos, sin = math.cos(yaw), math.sin(yaw)
    points = torch.stack([cos * local[:, 0] - sin * local[:, 1], sin * local[:, 0] + cos * local[:, 1], local[:, 2]], 1)
    found = fit_oriented_box(points + box[:3])
    assert float(box_iou_3d(found[None], box[None])) > 0.93


def test_no_boxes_and_bad_input():
    boxes, none = some(3, 0), torch.zeros(0, 7, dtype=torch.float64)
    assert box_iou_3d(boxes, none).shape == (3, 0)
    assert box_iou_3d(none, boxes).shape == (0, 3)
    refused(lambda: box_iou_3d(boxes[:, :6], boxes), "boxes1 must be")
    refused(lambda: box_iou_3d(boxes, boxes * torch.tensor([1, 1, 1, 1, -1, 1, 1])), "3 have not")
    refused(lambda: fit_oriented_box(boxes), "points must be")
