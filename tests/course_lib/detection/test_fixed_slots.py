"""Two right answers and one output: the mean wins, unless the pairing is chosen."""

import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.detection.fixed_slots import FixedSlots, box_costs, name_and_box_loss, pair_costs
from course_lib.detection.set_loss import assign

from ..refusals import refused


def some(seed: int) -> torch.Tensor:
    return torch.rand(16, 2, 4, generator=generator(seed))


def test_the_loss_is_cross_entropy_and_lambda_times_smooth_l1():
    scores, labels = torch.randn(16, 5, generator=generator(0)), torch.arange(16) % 5
    boxes, targets = some(1)[:, :1], some(2)[:, :1]
    wanted = F.cross_entropy(scores, labels) + 3 * F.smooth_l1_loss(boxes, targets, beta=0.1)
    torch.testing.assert_close(name_and_box_loss(scores, boxes, labels, targets=targets, weight=3.0), wanted)


def test_pairs_cost_what_the_cheapest_assignment_costs():
    boxes, targets = some(1), some(2)
    found = pair_costs(boxes, targets)
    for box, target, cost in zip(boxes, targets, found, strict=True):
        table = torch.stack([F.smooth_l1_loss(box[i].expand(2, 4), target, beta=0.1, reduction="none").mean(1)
                             for i in range(2)])  # fmt: skip
        torch.testing.assert_close(cost, table[assign(table)].mean())
    assert (found <= box_costs(boxes, targets)).all()
    torch.testing.assert_close(found, pair_costs(boxes.flip(1), targets))


def test_in_any_order_the_mean_is_best_and_paired_it_is_not():
    first, second = torch.tensor([0.1, 0.1, 0.3, 0.3]), torch.tensor([0.6, 0.5, 0.9, 0.8])
    listed = torch.stack([torch.stack([first, second]), torch.stack([second, first])])  # the same picture, twice
    twins = ((first + second) / 2).expand(2, 2, 4)
    apart = torch.stack([first, second]).expand(2, 2, 4)
    assert box_costs(twins, listed).mean() <= box_costs(apart, listed).mean()
    assert pair_costs(apart, listed).mean() == 0 < pair_costs(twins, listed).mean()


def test_shapes_and_bad_input():
    net = FixedSlots(7, 3, 2)
    scores, boxes = net(torch.zeros(5, 7))
    assert (scores.shape, boxes.shape) == ((5, 3), (5, 2, 4))
    refused(lambda: FixedSlots(7, 3, 0), "boxes")
    refused(lambda: box_costs(some(1), some(2)[:, :1]), "boxes")
    refused(lambda: pair_costs(some(1)[:, :1], some(2)[:, :1]), "boxes")
