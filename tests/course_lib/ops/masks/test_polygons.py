"""Filled outlines equal a point-by-point test and, but for the edge, pycocotools; masks survive the trip and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from matplotlib.path import Path
from pycocotools import mask as coco

from course_lib.core.seeding import generator
from course_lib.ops.boxes import box_area
from course_lib.ops.masks import (
    box_to_polygon,
    boxes_to_masks,
    mask_to_polygons,
    masks_to_boxes,
    polygons_to_box,
    polygons_to_mask,
)


def blob(points: int, radius: float, seed: int = 0, wobble: float = 0.5) -> torch.Tensor:
    """A star-shaped outline around (20, 16)."""
    angle = torch.linspace(0, 2 * math.pi, points + 1, dtype=torch.float64)[:-1]
    reach = radius * (1 + wobble * (torch.rand(points, generator=generator(seed), dtype=torch.float64) - 0.5))
    return torch.stack([20 + reach * angle.cos(), 16 + reach * angle.sin()], 1)


@pytest.mark.parametrize("seed", range(4))
def test_equals_a_test_of_every_pixel_centre(device, dtype, seed):
    outline = blob(11, 14, seed)  # sticks out of the picture
    y, x = torch.meshgrid(torch.arange(32) + 0.5, torch.arange(40) + 0.5, indexing="ij")
    centres = torch.stack([x, y], -1).reshape(-1, 2).numpy()
    wanted = Path(np.vstack([outline, outline[:1]]), closed=True).contains_points(centres).reshape(32, 40)
    assert 0.1 < wanted.mean() < 0.9
    mask = polygons_to_mask([outline.to(device, dtype)], 32, 40)
    assert mask.dtype == torch.bool
    assert np.array_equal(mask.cpu().numpy(), wanted)


def test_near_pycocotools_which_draws_its_edge_elsewhere():
    for seed in range(4):
        outline = blob(40, 12, seed, wobble=0.2)
        encoded = coco.merge(coco.frPyObjects([outline.flatten().tolist()], 32, 40))
        theirs, ours = coco.decode(encoded).astype(bool), polygons_to_mask([outline], 32, 40).numpy()
        assert (theirs & ours).sum() / (theirs | ours).sum() > 0.95
    box = torch.tensor([3.0, 5.0, 17.0, 20.0])
    theirs = coco.decode(coco.frPyObjects([box_to_polygon(box).flatten().tolist()], 32, 40)[0]).astype(bool)
    assert np.array_equal(polygons_to_mask([box_to_polygon(box)], 32, 40).numpy(), theirs)


def test_start_direction_and_a_repeated_end_do_not_matter():
    outline = blob(9, 10)
    mask = polygons_to_mask([outline], 32, 40)
    for same in (outline.flip(0), outline.roll(3, 0), torch.cat([outline, outline[:1]])):
        assert torch.equal(polygons_to_mask([same], 32, 40), mask)


def test_a_hole_is_an_outline_of_its_own():
    outer, inner = blob(30, 12, wobble=0.0), blob(30, 6, wobble=0.0)
    ring = polygons_to_mask([outer, inner], 32, 40)
    assert torch.equal(ring, polygons_to_mask([outer], 32, 40) & ~polygons_to_mask([inner], 32, 40))
    assert not ring[16, 20]


def test_neighbours_share_no_pixel_and_leave_none_out():
    """Corners at pixel centres: each centre on the common edge belongs to one of the two."""
    left = torch.tensor([[1.5, 1.5], [7.5, 1.5], [4.5, 8.5], [1.5, 8.5]])
    right = torch.tensor([[7.5, 1.5], [9.5, 1.5], [9.5, 8.5], [4.5, 8.5]])
    whole = polygons_to_mask([box_to_polygon(torch.tensor([1.5, 1.5, 9.5, 8.5]))], 10, 11)
    a, b = polygons_to_mask([left], 10, 11), polygons_to_mask([right], 10, 11)
    assert not (a & b).any()
    assert torch.equal(a | b, whole)


@pytest.mark.parametrize("seed", range(3))
def test_masks_survive_the_trip_to_outlines_and_back(device, seed):
    mask = (torch.rand(14, 17, generator=generator(seed)) > 0.5).to(device)
    outlines = mask_to_polygons(mask)
    assert all(torch.equal(line[0], line[-1]) for line in outlines)
    assert torch.equal(polygons_to_mask(outlines, 14, 17), mask)
    torch.testing.assert_close(polygons_to_box(outlines), masks_to_boxes(mask), rtol=0, atol=0.5)


def test_boxes_and_polygons_round_trip():
    box = torch.tensor([2.25, 3.5, 11.75, 9.0])
    corners = box_to_polygon(box)
    assert corners.tolist() == [[2.25, 3.5], [11.75, 3.5], [11.75, 9.0], [2.25, 9.0]]
    assert torch.equal(polygons_to_box([corners]), box)
    assert torch.equal(polygons_to_mask([corners], 12, 14), boxes_to_masks(box, 12, 14))
    assert float(box_area(polygons_to_box([corners + 1, corners]))) == 10.5 * 6.5
    assert box_to_polygon(torch.zeros(0, 4)).shape == (0, 4, 2)


def test_an_empty_mask_has_no_outline():
    assert mask_to_polygons(torch.zeros(4, 5, dtype=torch.bool)) == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "polygons must be a list of outlines, at least one, not a list of length 0"),
        (torch.zeros(3, 2), "polygons must be a list of outlines, at least one, not a float32 tensor"),
        ([torch.zeros(3, 3)], r"polygons must be floating-point tensors of shape \(P, 2\), not a float32 .*\(3, 3\)"),
        ([torch.zeros(3, 2, dtype=torch.int64)], "not a int64 tensor"),
        ([torch.zeros(0, 2)], "one of the outlines is empty"),
    ],
)
def test_bad_input(bad, message):
    for call in (polygons_to_box, lambda p: polygons_to_mask(p, 4, 4)):
        with pytest.raises(ValueError, match=message) as error:
            call(bad)
        assert "\n" not in str(error.value)
