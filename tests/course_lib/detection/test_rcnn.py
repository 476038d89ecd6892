"""Crops show what the box shows, and the pieces of R-CNN find blocks that simple features tell apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.detection.rcnn import RCNN, warp_crops
from course_lib.metrics.average_precision import AveragePrecision
from course_lib.networks.backbones.scene_encoder import Pyramid

from ..refusals import refused


class Quadrants(Pyramid):
    """An "encoder" without training: mean colours of the quadrants of a crop, and of its middle."""

    widths, strides = (3, 3, 3, 12, 3), [1, 1, 1, 1, 1]

    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(2)

    def forward(self, images):
        quarter = self.pool(images).flatten(1)[:, :, None, None]
        middle = images[:, :, 8:24, 8:24].mean((2, 3), keepdim=True)
        return [images, images, middle, quarter, images[:, :, :4].mean((2, 3), keepdim=True)]


GRID = torch.tensor([[x, y, x + s, y + s] for s in (20.0, 28.0) for x in range(0, 40, 4) for y in range(0, 40, 4)])


def blocks(count: int, seed: int) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]]]:
    """Pictures with a red block of class 0 or a blue one of class 1; every fifth is empty."""
    stream = generator(seed)
    images, targets = 0.5 + 0.02 * torch.randn(count, 3, 64, 64, generator=stream), []
    for k in range(count):
        x, y = torch.randint(2, 38, (2,), generator=stream).tolist()
        kind = k % 2
        if k % 5:
            images[k, :, y : y + 24, x : x + 24] = 0.0
            images[k, 2 * kind, y : y + 24, x : x + 24] = 1.0
        boxes = torch.tensor([[x, y, x + 24.0, y + 24]])
        targets.append({"boxes": boxes[: int(k % 5 > 0)], "labels": torch.tensor([kind])[: int(k % 5 > 0)]})
    return images.clamp(0, 1), targets


def test_a_crop_is_the_part_of_the_picture():
    images = torch.rand(2, 3, 64, 64, generator=generator(0))
    boxes = [torch.tensor([[8.0, 16, 40, 48]]), torch.tensor([[32.0, 32, 64, 64], [0, 32, 64, 64]])]
    found = warp_crops(images, boxes, 16, surroundings=0.0)
    halves = nn.functional.avg_pool2d(images, 2)
    torch.testing.assert_close(found[0], halves[0, :, 8:24, 4:20])
    torch.testing.assert_close(found[1], halves[1, :, 16:, 16:])
    blurred = halves[1, :, 16:].unflatten(2, (16, 2)).mean(3)  # twice as wide as high, warped to a square
    torch.testing.assert_close(found[2], blurred)


def test_surroundings_are_taken_along_and_the_edge_goes_on():
    image = torch.zeros(1, 1, 40, 40)
    image[..., 10:30, 10:30] = 1.0
    box = [torch.tensor([[10.0, 10, 30, 30]])]
    assert warp_crops(image, box, 20, surroundings=0.0)[:, :, 1:-1, 1:-1].min() > 0.99
    ringed = warp_crops(image, box, 20, surroundings=0.5)
    assert ringed[0, 0, 0].max() == 0
    assert ringed[0, 0, 10, 10] == 1
    assert warp_crops(torch.ones(1, 1, 40, 40), [torch.tensor([[0.0, 0, 40, 40]])], 20).min() == pytest.approx(1)


def test_blocks_are_found_and_their_boxes_put_right():
    (images, targets), (others, truth) = blocks(60, 0), blocks(30, 1)
    model = RCNN(Quadrants(), 3, C=1.0, penalty=1.0)
    model.fit(images, targets, [GRID] * 60, generator=generator(0))
    assert model.machines[2] is None, "class 2 never occurs"
    found = model.detect(others, [GRID] * 30)
    score, plain = AveragePrecision(), AveragePrecision()
    score.update(found, truth)
    model.regressions = [None] * 3
    plain.update(model.detect(others, [GRID] * 30), truth)
    assert score.compute()["AP50"] > 0.8
    assert score.compute()["AP"] > plain.compute()["AP"] + 0.03


def test_pictures_without_proposals_and_bad_input():
    images, targets = blocks(10, 0)
    model = RCNN(Quadrants(), 2)
    refused(lambda: model.detect(images, [GRID] * 10), "call fit first")
    exact = [target["boxes"] for target in targets]
    refused(lambda: model.fit(images, targets, exact, generator=generator(0)), "no proposal is background")
    model.fit(images, targets, [GRID] * 10, generator=generator(0))
    found = model.detect(images[:2], [GRID, GRID[:0]])
    assert len(found[0]["boxes"]) > 0
    assert found[1]["boxes"].shape == (0, 4)
    refused(lambda: warp_crops(images, [GRID]), "10 images and boxes of 1")
