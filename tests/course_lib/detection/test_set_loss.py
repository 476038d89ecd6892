"""The assignment is the cheapest of all, and the loss is what its definition says."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional as F
from torchvision import ops as tv

from course_lib.core.seeding import generator
from course_lib.detection.detr import DETR, PlacedLayer, layered_losses
from course_lib.detection.set_loss import assign, class_costs, match_sets, pixel_boxes, set_losses, unit_boxes
from course_lib.networks.backbones.scene_encoder import SceneEncoder

from ..refusals import refused


def predictions(batch: int = 2, queries: int = 5, kinds: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    stream = generator(0)
    boxes = torch.cat([torch.rand(batch, queries, 2, generator=stream),
                       0.1 + 0.4 * torch.rand(batch, queries, 2, generator=stream)], -1)  # fmt: skip
    return torch.randn(batch, queries, kinds, generator=stream, requires_grad=True), boxes.requires_grad_()


def targets() -> list[dict[str, torch.Tensor]]:
    return [
        {
            "boxes": torch.tensor([[5.0, 8, 40, 50], [60, 10, 90, 60], [0, 0, 20, 20]]),
            "labels": torch.tensor([2, 0, 1]),
        },
        {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)},
    ]


@pytest.mark.parametrize("shape", [(5, 3), (3, 3), (2, 4)])
def test_the_assignment_is_the_cheapest_of_all(shape):
    costs = torch.randn(shape, generator=generator(0))
    rows, columns = assign(costs)
    n, g = shape
    if n >= g:
        best = min(
            sum(float(costs[r, k]) for k, r in enumerate(chosen)) for chosen in itertools.permutations(range(n), g)
        )
    else:
        best = min(
            sum(float(costs[k, c]) for k, c in enumerate(chosen)) for chosen in itertools.permutations(range(g), n)
        )
    assert float(costs[rows, columns].sum()) == pytest.approx(best)
    assert len(rows) == min(shape)


def test_greedy_would_be_worse_here():
    costs = torch.tensor([[1.0, 2.0], [1.5, 9.0]])  # row 0 wants column 0, but then row 1 pays 9
    assert assign(costs)[1].tolist() == [1, 0]


@pytest.mark.parametrize("focal", [False, True])
def test_the_loss_by_hand(focal):
    (scores, boxes), truth = predictions(), targets()
    found = set_losses(scores, boxes, truth, size=(80, 100), focal=focal)
    wanted_boxes = tv.box_convert(truth[0]["boxes"] / torch.tensor([100, 80, 100, 80]), "xyxy", "cxcywh")
    labels = truth[0]["labels"]

    def giou(mine, true):
        return tv.generalized_box_iou(tv.box_convert(mine, "cxcywh", "xyxy"), tv.box_convert(true, "cxcywh", "xyxy"))

    p = scores[0].sigmoid() if focal else scores[0].softmax(-1)
    if focal:  # the costs as published with the method
        cost = (0.25 * (1 - p) ** 2 * -p.log() - 0.75 * p**2 * -(1 - p).log())[:, labels]
    else:
        cost = -p[:, labels]
    torch.testing.assert_close(class_costs(scores[0], labels, focal=focal), cost)
    cost = cost.detach()
    cost = 2 * cost + 5 * torch.cdist(boxes[0].detach(), wanted_boxes, p=1)
    cost = cost + 2 * (1 - giou(boxes[0].detach(), wanted_boxes))
    best = min(
        itertools.permutations(range(5), 3), key=lambda chosen: sum(float(cost[r, k]) for k, r in enumerate(chosen))
    )
    rows, columns = match_sets(scores, boxes, truth, size=(80, 100), focal=focal)[0]
    assert dict(zip(columns.tolist(), rows.tolist(), strict=True)) == dict(enumerate(best))

    chosen = boxes[0][list(best)]
    if focal:
        said = torch.zeros_like(scores)
        said[0, list(best), labels] = 1
        entropy = tv.sigmoid_focal_loss(scores, said, reduction="sum") / 3
    else:
        said = torch.full((10,), 3)
        said[list(best)] = labels
        entropy = F.cross_entropy(scores.flatten(0, 1), said, torch.tensor([1.0, 1, 1, 0.1]))
    wanted = {"class": 2 * entropy, "l1": 5 * (chosen - wanted_boxes).abs().sum() / 3,
              "giou": 2 * (1 - giou(chosen, wanted_boxes).diagonal()).sum() / 3}  # fmt: skip
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value)
        part = scores if name == "class" else boxes
        mine, their = (torch.autograd.grad(loss, part, retain_graph=True)[0] for loss in (found[name], value))
        torch.testing.assert_close(mine, their)


def test_boxes_go_to_the_unit_square_and_back():
    truth = targets()[0]
    torch.testing.assert_close(pixel_boxes(unit_boxes(truth, (80, 100)), (80, 100)), truth["boxes"])


def test_auxiliary_losses_are_the_sum_over_layers():
    (scores, boxes), images = predictions(), torch.zeros(2, 3, 80, 100)
    layers = [(scores, boxes), (2 * scores, boxes.flip(1))]
    alone = [set_losses(*layer, targets(), size=(80, 100)) for layer in layers]
    with_all = layered_losses(layers, images, targets())
    last = layered_losses(layers, images, targets(), auxiliary=False)
    for name in alone[0]:
        torch.testing.assert_close(with_all[name], alone[0][name] + alone[1][name])
        torch.testing.assert_close(last[name], alone[1][name])


def test_the_order_of_the_objects_does_not_matter():
    (scores, boxes), truth = predictions(), targets()
    turned = [{name: value.flip(0) for name, value in truth[0].items()}, truth[1]]
    for name, value in set_losses(scores, boxes, truth, size=(80, 100)).items():
        torch.testing.assert_close(set_losses(scores, boxes, turned, size=(80, 100))[name], value)


def test_detr_has_an_answer_a_query():
    torch.manual_seed(0)
    model = DETR(SceneEncoder(), 3, queries=7, layers=(1, 2)).eval()
    images = torch.rand(1, 3, 64, 64, generator=generator(0))
    layers = model.layers(images)
    assert [tuple(part.shape) for part in layers[0]] == [(1, 7, 4), (1, 7, 4)]
    assert len(layers) == 2
    assert len(model.detect(images)[0]["boxes"]) == 7


def test_places_steer_where_a_layer_looks_but_are_not_what_it_takes():
    torch.manual_seed(0)
    layer = PlacedLayer(8, 2, 16, memory=True).eval()
    x, memory, places, none = torch.randn(1, 3, 8), torch.randn(1, 5, 8), torch.randn(5, 8), torch.zeros(3, 8)
    order = torch.tensor([3, 1, 4, 0, 2])
    straight = layer(x, none, memory, 0 * places)
    torch.testing.assert_close(layer(x, none, memory[:, order], 0 * places), straight)  # a set, without places
    assert (layer(x, none, memory[:, order], places) - layer(x, none, memory, places)).abs().max() > 0.01
    nothing = torch.zeros_like(memory)
    torch.testing.assert_close(layer(x, none, nothing, places), layer(x, none, nothing, 0 * places))
    alike = x[:, :1].expand(1, 5, 8)  # from tokens that are alike nothing else can be taken, wherever they are
    encoder = PlacedLayer(8, 2, 16)
    torch.testing.assert_close(encoder(alike, places), encoder(alike, 0 * places))


def test_bad_costs_are_refused():
    refused(lambda: assign(torch.tensor([[float("nan")]])), "costs must be finite, but 1 of 1")
    refused(lambda: assign(torch.zeros(3)), "costs must be")
