"""Anchors lie where they should, coding is torchvision's, and matching is its matcher."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.detection import _utils as tv
from torchvision.ops import box_iou

from course_lib.core.seeding import generator
from course_lib.detection.anchors import (
    BACKGROUND,
    IGNORED,
    decode_boxes,
    encode_boxes,
    grid_anchors,
    match_anchors,
)

from ..refusals import refused


def boxes(count, seed=0):
    stream = generator(seed)
    corner = 80 * torch.rand(count, 2, generator=stream, dtype=torch.float64)
    return torch.cat([corner, corner + 2 + 40 * torch.rand(count, 2, generator=stream, dtype=torch.float64)], 1)


def test_anchors_have_their_areas_ratios_and_centres_in_order():
    found = grid_anchors(2, 3, stride=8, sizes=(16, 32), ratios=(0.5, 1, 2))
    assert found.shape == (2 * 3 * 6, 4)
    width, height = (found[:, 2:] - found[:, :2]).unbind(1)
    torch.testing.assert_close(width * height, torch.tensor([256.0] * 3 + [1024.0] * 3).repeat(6))
    torch.testing.assert_close(height / width, torch.tensor([0.5, 1, 2]).repeat(12))
    centres = ((found[:, :2] + found[:, 2:]) / 2)[::6]
    torch.testing.assert_close(centres, torch.tensor([[4.0, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]))


def test_coding_equals_torchvision_and_goes_back():
    wanted, anchors = boxes(50), boxes(50, 1)
    coder = tv.BoxCoder((1.0, 1.0, 1.0, 1.0))
    found = encode_boxes(wanted, anchors)
    torch.testing.assert_close(found, coder.encode_single(wanted, anchors))
    torch.testing.assert_close(decode_boxes(found, anchors), wanted)
    torch.testing.assert_close(decode_boxes(3 * found, anchors), coder.decode_single(3 * found, anchors))


@pytest.mark.parametrize("seed", range(5))
def test_matching_equals_torchvisions(seed):
    anchors, objects = grid_anchors(10, 10, stride=12, sizes=(16, 32)).double(), boxes(6, seed)
    matcher = tv.Matcher(0.7, 0.3, allow_low_quality_matches=True)
    wanted = matcher(box_iou(objects, anchors))
    found = match_anchors(anchors, objects)
    assert tv.Matcher.BELOW_LOW_THRESHOLD == BACKGROUND
    assert tv.Matcher.BETWEEN_THRESHOLDS == IGNORED
    assert torch.equal(found, wanted)
    assert (found[box_iou(objects, anchors).argmax(1)] >= 0).all(), "the best anchor of each object finds something"


def test_a_picture_without_objects_is_background():
    assert (match_anchors(boxes(7), torch.zeros(0, 4, dtype=torch.float64)) == BACKGROUND).all()


def test_an_object_that_no_anchor_touches_takes_none():
    far = torch.tensor([[900.0, 900, 950, 950]], dtype=torch.float64)
    assert (match_anchors(boxes(7), far) == BACKGROUND).all()


def test_wild_corrections_stay_finite():
    found = decode_boxes(torch.full((1, 4), 1e4, dtype=torch.float32), torch.tensor([[0.0, 0, 10, 10]]))
    assert torch.isfinite(found).all()


def test_bad_input_is_refused():
    refused(lambda: grid_anchors(0, 3, stride=8, sizes=(16,)), "height")
    refused(lambda: grid_anchors(3, 3, stride=8, sizes=(-1,)), "sizes")
    refused(lambda: match_anchors(boxes(3), boxes(2), above=0.2, below=0.5), "below 0.5 and above 0.2")
    refused(lambda: encode_boxes(torch.zeros(3, 5), boxes(3)), "boxes")
