"""Contours: shapes on the way from box to outline, resampling, matching and filling."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import scene_dataset
from course_lib.instances import contours as c
from course_lib.ops.boxes import box_iou
from course_lib.ops.masks import mask_iou, masks_to_boxes, polygon_area, polygons_to_box


def masks_of(count):
    (masks,) = scene_dataset(count, ("masks",), 64, split="val", difficulty=0.3, objects=(1, 3)).tensors
    return masks[masks.flatten(2).sum(2) > 20]


def test_the_octagon_of_a_diamond_by_hand():
    diamond = c.box_to_diamond(torch.tensor([0.0, 0, 8, 16]))
    assert diamond.tolist() == [[4, 0], [8, 8], [4, 16], [0, 8]]
    wanted = [[4, 0], [5, 0], [8, 6], [8, 8], [8, 10], [5, 16], [4, 16], [3, 16], [0, 10], [0, 8], [0, 6], [3, 0]]
    assert c.extremes_to_octagon(diamond).tolist() == wanted


def test_the_octagon_stays_in_its_box_and_turns_clockwise():
    low = 40 * torch.rand(50, 2, generator=generator(0))
    boxes = torch.cat([low, low + 5 + 20 * torch.rand(50, 2, generator=generator(1))], 1)
    share = torch.rand(50, 4, 1, generator=generator(2))  # extreme points anywhere on their sides, corners as well
    corners = torch.stack([boxes[:, [0, 1]], boxes[:, [2, 1]], boxes[:, [2, 3]], boxes[:, [0, 3]]], 1)
    points = torch.lerp(corners, corners.roll(-1, 1), share.round(decimals=1))
    octagons = c.extremes_to_octagon(points)
    assert torch.allclose(torch.stack([polygons_to_box([o]) for o in octagons]), boxes)
    assert all(polygon_area(o) > 0 for o in octagons)
    steps = octagons.roll(-1, 1) - octagons
    turn = steps[..., 0] * steps.roll(-1, 1)[..., 1] - steps[..., 1] * steps.roll(-1, 1)[..., 0]
    assert turn.min() > -1e-3  # convex


def test_resampling_a_square_and_keeping_the_first_point():
    square = torch.tensor([[[0.0, 0], [4, 0], [4, 0], [4, 4], [0, 4]]])  # a corner twice
    assert c.resample_contours(square, 8)[0].tolist() == [
        [0, 0],
        [2, 0],
        [4, 0],
        [4, 2],
        [4, 4],
        [2, 4],
        [0, 4],
        [0, 2],
    ]
    wild = torch.rand(7, 11, 2, generator=generator(3))
    fine = c.resample_contours(wild, 23)
    assert torch.equal(fine[:, 0], wild[:, 0])
    steps = (c.resample_contours(wild, 4000).roll(-1, 1) - c.resample_contours(wild, 4000)).norm(dim=-1)
    length = (wild.roll(-1, 1) - wild).norm(dim=-1).sum(1)
    assert torch.allclose(steps.median(1).values, length / 4000, rtol=1e-2)  # corners cut a few steps short


def test_outlines_give_their_masks_back():
    masks = masks_of(16)
    lines = torch.stack([c.mask_contour(mask, 96) for mask in masks])
    assert all(polygon_area(line) > 0 for line in lines)
    filled = c.contours_to_masks(lines, 64, 64)
    simple = masks.flatten(1).sum(1) >= 0.97 * filled.flatten(1).sum(1)  # rings and objects in two pieces are not
    iou = mask_iou(filled, masks).diagonal()
    assert simple.float().mean() > 0.5
    assert iou[simple].mean() > 0.95


def test_of_two_pieces_the_larger_and_of_a_ring_the_outer_line():
    mask = torch.zeros(20, 20, dtype=torch.bool)
    mask[1:4, 1:4] = mask[6:18, 6:18] = True
    mask[10:14, 10:14] = False
    line = c.mask_contour(mask, 400)
    assert torch.allclose(polygons_to_box([line]), torch.tensor([6.0, 6, 18, 18]))
    assert c.contours_to_masks(line[None], 20, 20).sum() == 144
    assert c.mask_contour(mask, 8)[0, 1] == 6  # begins at the top


def test_extreme_points_lie_on_the_box():
    for mask in masks_of(8):
        line = c.mask_contour(mask, 192)
        points = c.extreme_points(line)
        box = torch.stack([points[3, 0], points[0, 1], points[1, 0], points[2, 1]])
        largest = polygons_to_box([line])
        assert (box - largest).abs().max() <= 0.5
        assert box_iou(box[None], largest[None]) > 0.8
    assert masks_to_boxes(torch.zeros(1, 3, 3, dtype=torch.bool)).sum() == 0


def test_matching_undoes_a_turn_of_the_numbering():
    angle = torch.arange(64) * 2 * math.pi / 64
    circle = torch.stack([30 + 9 * angle.cos(), 30 + 14 * angle.sin()], 1)[None]
    for turn in (0, 5, 40):
        assert torch.equal(c.match_contours(circle.roll(turn, 1), circle), circle)
    few = circle[:, ::4]
    assert torch.equal(c.match_contours(circle.roll(7, 1), few), few)


def test_bad_input():
    with pytest.raises(ValueError, match="multiple"):
        c.match_contours(torch.rand(1, 10, 2), torch.rand(1, 4, 2))
    with pytest.raises(ValueError, match="at least one pixel"):
        c.mask_contour(torch.zeros(5, 5, dtype=torch.bool), 8)
    with pytest.raises(ValueError, match="points"):
        c.extremes_to_octagon(torch.rand(3, 5, 2))
    with pytest.raises(ValueError, match="count"):
        c.resample_contours(torch.rand(1, 4, 2), 0)
    assert c.contours_to_masks(torch.zeros(0, 8, 2), 5, 6).shape == (0, 5, 6)
