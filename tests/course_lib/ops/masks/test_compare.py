"""Overlap of masks equals pycocotools', boxes of masks equal torchvision's up to their meaning of an edge."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pycocotools import mask as coco
from torchvision import ops as tv

from course_lib.core.seeding import generator
from course_lib.ops.boxes import box_area, box_iou
from course_lib.ops.masks import boxes_to_masks, mask_iou, masks_to_boxes


def blobs(count: int, seed: int) -> torch.Tensor:
    """(N, 24, 32) bool: boxes with every third pixel or so missing."""
    stream = generator(seed)
    low = torch.rand(count, 2, generator=stream) * torch.tensor([20.0, 14.0])
    boxes = torch.cat([low, low + 4 + 8 * torch.rand(count, 2, generator=stream)], 1)
    return boxes_to_masks(boxes, 24, 32) & (torch.rand(count, 24, 32, generator=stream) > 0.3)


def test_iou_equals_pycocotools(device, close):
    a, b = blobs(6, 0), blobs(5, 1)
    encoded = [[coco.encode(np.asfortranarray(m.numpy().astype(np.uint8))) for m in masks] for masks in (a, b)]
    ours = mask_iou(a.to(device), b.to(device))
    assert 0 == float(ours.min()) < 0.1 < float(ours.max()) < 1
    close(ours, coco.iou(*encoded, [0] * 5), rtol=1e-6)


def test_iou_of_equal_and_of_empty_masks():
    a = blobs(4, 2)
    torch.testing.assert_close(mask_iou(a, a).diagonal(), torch.ones(4))
    empty = torch.zeros(2, 24, 32, dtype=torch.bool)
    assert not mask_iou(a, empty).any()
    assert not mask_iou(empty, empty).any()


def test_boxes_equal_torchvision_plus_one_at_the_far_edge(device):
    masks = blobs(8, 3)
    wanted = tv.masks_to_boxes(masks) + torch.tensor([0, 0, 1, 1])
    assert torch.equal(masks_to_boxes(masks.to(device)).cpu(), wanted)


def test_whole_boxes_and_masks_round_trip(device):
    stream = generator(4)
    low = torch.randint(0, 20, (30, 2), generator=stream)
    boxes = torch.cat([low, low + torch.randint(1, 10, (30, 2), generator=stream)], 1).float().to(device)
    masks = boxes_to_masks(boxes, 30, 32)
    assert torch.equal(masks_to_boxes(masks), boxes)
    assert torch.equal(masks.sum((1, 2)).float(), box_area(boxes))
    torch.testing.assert_close(mask_iou(masks, masks), box_iou(boxes, boxes))


def test_a_pixel_is_in_the_box_if_its_centre_is():
    mask = boxes_to_masks(torch.tensor([0.5, 0.6, 2.5, 2.6]), 4, 4)
    assert mask.nonzero().tolist() == [[1, 0], [1, 1], [2, 0], [2, 1]]
    assert not boxes_to_masks(torch.tensor([1.6, 0.0, 1.9, 4.0]), 4, 4).any()


def test_no_masks_and_empty_masks():
    none = torch.zeros(0, 24, 32, dtype=torch.bool)
    assert mask_iou(none, blobs(3, 0)).shape == (0, 3)
    assert mask_iou(none, none).shape == (0, 0)
    assert masks_to_boxes(none).shape == (0, 4)
    assert boxes_to_masks(torch.zeros(0, 4), 24, 32).shape == (0, 24, 32)
    assert masks_to_boxes(torch.zeros(2, 3, 4, 5, dtype=torch.bool)).tolist() == [[[0.0] * 4] * 3] * 2


def test_bad_input():
    with pytest.raises(ValueError, match=r"masks2 must be a bool tensor of shape \(\.\.\., H, W\), not a uint8"):
        mask_iou(torch.zeros(1, 2, 2, dtype=torch.bool), torch.zeros(1, 2, 2, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"masks must have shapes .* not \(1, 2, 2\) and \(1, 2, 3\)"):
        mask_iou(torch.zeros(1, 2, 2, dtype=torch.bool), torch.zeros(1, 2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="masks must be a bool tensor"):
        masks_to_boxes(torch.zeros(4, 4))
