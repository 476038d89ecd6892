"""RoIAlign and RoI pooling equal torchvision's in value and gradient, outside the map and for tiny boxes too."""

from __future__ import annotations

import pytest
import torch
from torchvision import ops as tv

from course_lib.core.seeding import generator
from course_lib.ops.boxes import regions
from course_lib.ops.boxes.regions import roi_align, roi_pool

from ...refusals import refused


def some(dtype=torch.float64):
    stream = generator(0)
    features = torch.randn(3, 4, 13, 17, generator=stream, dtype=dtype)
    corner = 140 * torch.rand(40, 2, generator=stream, dtype=dtype) - 20  # some reach outside
    boxes = torch.cat([corner, corner + 90 * torch.rand(40, 2, generator=stream, dtype=dtype) ** 3], 1)
    boxes[0], boxes[1] = torch.tensor([0.0, 0.0, 136.0, 104.0]), torch.tensor([-60.0, -60.0, -30.0, -30.0])
    boxes[2] = torch.tensor([4.0, 20.0, 76.0, 84.0])  # halves of a place, which are rounded up
    return features, boxes, torch.randint(3, (40,), generator=stream)


@pytest.mark.parametrize(("size", "sampling"), [((7, 7), 2), ((1, 1), 1), ((3, 5), 4)])
@pytest.mark.parametrize("small", [0, 10_000])
def test_align_equals_torchvision_by_points_and_by_matrices(device, size, sampling, small, monkeypatch):
    monkeypatch.setattr(regions, "SMALL", small)
    features, boxes, images = (part.to(device) for part in some())
    features.requires_grad_()
    rows = torch.cat([images[:, None].double(), boxes], 1)
    wanted = tv.roi_align(features, rows, size, 1 / 8, sampling, aligned=True)
    found = roi_align(features, boxes, images, size=size, scale=1 / 8, sampling=sampling)
    torch.testing.assert_close(found, wanted)
    weights = torch.randn(found.shape, generator=generator(1), dtype=torch.float64).to(device)
    gradients = [torch.autograd.grad((part * weights).sum(), features)[0] for part in (found, wanted)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("size", [(7, 7), (1, 1), (3, 5)])
def test_pooling_equals_torchvision(device, size):
    features, boxes, images = (part.to(device) for part in some())
    features.requires_grad_()
    wanted = tv.roi_pool(features, torch.cat([images[:, None].double(), boxes], 1), size, 1 / 8)
    found = roi_pool(features, boxes, images, size=size, scale=1 / 8)
    torch.testing.assert_close(found, wanted)
    gradients = [torch.autograd.grad(part.square().sum(), features)[0] for part in (found, wanted)]
    torch.testing.assert_close(*gradients)


def test_a_ramp_is_read_off_at_the_centres_of_bins_and_pooling_is_moved_by_rounding():
    ramp = (torch.arange(16.0) + 0.5).expand(1, 1, 16, 16) * 8  # the value of a place is its pixel coordinate
    box, image = torch.tensor([[20.0, 20.0, 76.0, 76.0]]), torch.zeros(1, dtype=torch.int64)
    found = roi_align(ramp, box, image, size=(7, 7), scale=1 / 8)[0, 0, 3]
    torch.testing.assert_close(found, 20 + 8 * (torch.arange(7) + 0.5))
    pooled = roi_pool(ramp, box, image, size=(7, 7), scale=1 / 8)[0, 0, 3]
    assert (pooled - found).abs().max() > 3


def test_no_boxes_give_no_features():
    features = torch.zeros(1, 2, 5, 5)
    none = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    assert roi_align(features, *none, size=(3, 3)).shape == (0, 2, 3, 3)
    assert roi_pool(features, *none, size=(3, 3)).shape == (0, 2, 3, 3)


def test_bad_input_is_refused():
    features, boxes, images = some()
    refused(lambda: roi_align(features[0], boxes, images, size=(7, 7)), "features must be")
    refused(lambda: roi_align(features, boxes[:, :3], images, size=(7, 7)), r"boxes must be \(K, 4\)")
    refused(lambda: roi_pool(features, boxes, images[:5], size=(7, 7)), "one for each of 40 boxes")
    refused(lambda: roi_pool(features, boxes, images.float(), size=(7, 7)), "int64 numbers of pictures")
    refused(lambda: roi_align(features, boxes, images, size=(0, 7)), "rows")
