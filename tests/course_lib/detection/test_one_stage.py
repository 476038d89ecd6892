"""Places are matched as torchvision's FCOS matches them, and the losses are its losses."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torchvision.models.detection import fcos
from torchvision.ops import generalized_box_iou_loss

from course_lib.core.seeding import generator
from course_lib.detection.one_stage import OneStage, centredness, grid_places, match_places, side_distances
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.ops.boxes import box_area

from ..refusals import refused


def objects(count: int, seed: int) -> torch.Tensor:
    stream = generator(seed)
    corner = 40 * torch.rand(count, 2, generator=stream)
    return torch.cat([corner, corner + 6 + 30 * torch.rand(count, 2, generator=stream)], 1).clamp(max=64)


def anchors() -> torch.Tensor:
    places = grid_places(8, 8, 8)
    return torch.cat([places - 4, places + 4], 1)  # torchvision counts places as boxes of one stride


@pytest.mark.parametrize("seed", range(5))
def test_matching_equals_torchvisions(seed):
    boxes = objects(4, seed)
    stub = SimpleNamespace(center_sampling_radius=1.5, head=SimpleNamespace(compute_loss=lambda *rest: rest[-1]))
    wanted = fcos.FCOS.compute_loss(stub, [{"boxes": boxes}], {}, [anchors()], [64])[0]
    found = match_places(grid_places(8, 8, 8), boxes, 8)
    assert found.tolist() == wanted.tolist()
    assert (found >= 0).any()


def test_of_several_boxes_the_smallest_and_none_without_boxes():
    boxes = torch.tensor([[0.0, 0, 64, 64], [24, 24, 44, 44], [10, 10, 60, 60]])
    place = grid_places(8, 8, 8)
    found = match_places(place, boxes, 8)
    assert found[4 * 8 + 4] == box_area(boxes).argmin() == 1
    assert (match_places(place, boxes[:0], 8) == -1).all()


def test_centredness_is_one_in_the_middle_and_zero_on_a_side():
    box = torch.tensor([10.0, 10, 30, 50])
    places = torch.tensor([[20.0, 30], [10, 30], [15, 30], [5, 30]])
    found = centredness(side_distances(places, box))
    torch.testing.assert_close(found, torch.tensor([1, 0, (5 / 15) ** 0.5, 0]))


def test_losses_equal_torchvisions(monkeypatch):
    torch.manual_seed(0)
    model = OneStage(SceneEncoder(), 3)
    boxes, labels = [objects(3, 1), torch.zeros(0, 4)], [torch.tensor([0, 2, 1]), torch.zeros(0, dtype=torch.int64)]
    places, stream = grid_places(8, 8, 8), generator(3)
    scores = torch.randn(2, 64, 3, generator=stream, requires_grad=True)
    sides = (8 * torch.rand(2, 64, 4, generator=stream) + 1).requires_grad_()
    central = torch.randn(2, 64, generator=stream, requires_grad=True)
    monkeypatch.setattr(model, "answers", lambda images: (scores, sides, central, places))
    targets = [{"boxes": box, "labels": label} for box, label in zip(boxes, labels, strict=True)]
    found = model.losses(torch.zeros(2, 3, 64, 64), targets, generator(0))

    match = [match_places(places, part, 8) for part in boxes]
    head = fcos.FCOSHead(32, 1, 3, 1)
    theirs = {"cls_logits": scores, "bbox_regression": sides / 8, "bbox_ctrness": central[..., None]}
    wanted = head.compute_loss(targets, theirs, [anchors()] * 2, match)
    torch.testing.assert_close(found["class"], wanted["classification"])
    torch.testing.assert_close(found["centre"], wanted["bbox_ctrness"])
    # torchvision leaves out the paper's weights of the boxes, so that part is put together here
    positive = match[0] >= 0
    true = boxes[0][match[0][positive]]
    ours = torch.cat([places[positive] - sides[0, positive, :2], places[positive] + sides[0, positive, 2:]], 1)
    weights = centredness(side_distances(places[positive], true))
    total = (generalized_box_iou_loss(ours, true) * weights).sum() / weights.sum().clamp(min=1)
    torch.testing.assert_close(found["boxes"], total)
    for name, other in (("class", wanted["classification"]), ("centre", wanted["bbox_ctrness"]), ("boxes", total)):
        part = {"class": scores, "centre": central, "boxes": sides}[name]
        mine, their = (torch.autograd.grad(value, part, retain_graph=True)[0] for value in (found[name], other))
        torch.testing.assert_close(mine, their)


def test_bad_input_is_refused():
    refused(lambda: grid_places(0, 3, 8), "height")
    refused(lambda: OneStage(SceneEncoder(), 0), "classes")
    refused(lambda: OneStage(SceneEncoder(), 3, stride=7), "strides must be some of")
