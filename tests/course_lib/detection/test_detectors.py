"""What holds for every detector: finite without objects, one line for bad input, and a few pictures can be learnt."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.detection.deformable_detr import DeformableDETR
from course_lib.detection.detector import best_boxes, check_targets, detect_all, padded_targets
from course_lib.detection.detr import DETR
from course_lib.detection.fast_rcnn import FastRCNN
from course_lib.detection.faster_rcnn import FasterRCNN
from course_lib.detection.one_stage import OneStage
from course_lib.detection.pix2seq import Pix2Seq
from course_lib.metrics.average_precision import AveragePrecision
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.optim import AdamW

from ..refusals import refused

GRID = torch.tensor([[x, y, x + 24.0, y + 24] for x in range(0, 40, 8) for y in range(0, 40, 8)])
MAKERS = {
    "fast": lambda: FastRCNN(SceneEncoder(), 2, lambda images: [GRID for _ in images]),
    "faster": lambda: FasterRCNN(SceneEncoder(), 2),
    "one stage": lambda: OneStage(SceneEncoder(), 2),
    "detr": lambda: DETR(SceneEncoder(), 2),
    "deformable": lambda: DeformableDETR(SceneEncoder(), 2),
    "pix2seq": lambda: Pix2Seq(SceneEncoder(), 2),
    "pix2seq without augmentation": lambda: Pix2Seq(SceneEncoder(), 2, augment=False),
}
NOTHING = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}


def blocks(count: int = 6) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]]]:
    """Pictures with a bright block of class 0 or a dark one of class 1 each, apart from the last, which is empty."""
    images = 0.5 + 0.02 * torch.randn(count, 3, 64, 64, generator=generator(1))
    targets = []
    for k in range(count - 1):
        x, y = 8 + 7 * k, 30 - 5 * k
        images[k, :, y : y + 20, x : x + 24] = float(k % 2 == 0)
        targets.append({"boxes": torch.tensor([[x, y, x + 24.0, y + 20]]), "labels": torch.tensor([k % 2])})
    return images, [*targets, NOTHING]


@pytest.mark.parametrize("name", MAKERS)
def test_nothing_but_empty_pictures_gives_finite_losses_gradients_and_answers(name):
    model = MAKERS[name]()
    images = torch.rand(2, 3, 64, 96, generator=generator(0))
    losses = model.losses(images, [NOTHING, NOTHING], generator(0))
    assert all(value.shape == () and torch.isfinite(value) for value in losses.values())
    sum(losses.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    score = AveragePrecision()
    found = detect_all(model, images)
    score.update(found, [NOTHING, NOTHING])
    for answer in found:
        assert (answer["scores"].diff() <= 0).all()
        assert ((answer["labels"] >= 0) & (answer["labels"] < 2)).all()
        assert torch.isfinite(answer["boxes"]).all()


@pytest.mark.parametrize("name", MAKERS)
def test_a_few_pictures_are_learnt(name):
    (images, targets), model = blocks(), MAKERS[name]()
    optimiser, stream, first = AdamW(model.parameters(), 2e-3), generator(0), None
    for _ in range(45):
        loss = sum(model.losses(images, targets, stream).values())
        first = first or loss.item()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    assert loss.item() < 0.6 * first
    score = AveragePrecision()
    score.update(detect_all(model, images), targets)
    assert score.compute()["AP50"] > 0.8


def test_tables_become_targets_without_empty_rows():
    boxes = torch.tensor([[[1.0, 2, 5, 9], [3, 3, 3, 8], [0, 0, 0, 0]]])
    target = padded_targets(boxes, torch.tensor([[4, 2, -1]]))[0]
    assert target["boxes"].tolist() == [[1, 2, 5, 9]]
    assert target["labels"].tolist() == [4]
    refused(lambda: padded_targets(boxes, torch.tensor([4, 2, -1])), "boxes must be")


def test_the_last_step_drops_doubles_of_a_class_and_the_hopeless():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [30, 30, 40, 40]])
    found = best_boxes(boxes, torch.tensor([0.5, 0.9, 0.7, 0.01]), torch.tensor([0, 0, 1, 0]))
    assert found["scores"].tolist() == pytest.approx([0.9, 0.7])
    assert found["labels"].tolist() == [0, 1]
    assert len(best_boxes(boxes, torch.ones(4), torch.arange(4), most=2)["boxes"]) == 2


def test_bad_targets_are_refused_in_one_line():
    images = torch.zeros(1, 3, 64, 64)
    good = {"boxes": torch.tensor([[0.0, 0, 8, 8]]), "labels": torch.tensor([1])}
    check_targets(images, [good], 2)
    refused(lambda: check_targets(images, [], 2), "1 images and 0 targets")
    for boxes, message in [([[8.0, 0, 0, 8]], "x0 <= x1"), ([[0.0, 0, 0, 8]], "without area"),
                           ([[-3.0, 0, 8, 8]], "out of the picture"), ([[0.0, 0, 8, 80]], "out of the picture"),
                           ([[float("nan"), 0, 8, 8]], "targets")]:  # fmt: skip
        refused(lambda boxes=boxes: check_targets(images, [good | {"boxes": torch.tensor(boxes)}], 2), message)
    refused(lambda: check_targets(images, [good], 1), "0 to 0, not 1 to 1")
    refused(lambda: check_targets(images, [good | {"labels": torch.tensor([1.0])}], 2), "int64")
    refused(lambda: check_targets(images, [good | {"labels": torch.tensor([1, 1])}], 2), "one for each of 1 boxes")
    refused(lambda: check_targets(images, [{"labels": torch.tensor([1])}], 2), "boxes")
