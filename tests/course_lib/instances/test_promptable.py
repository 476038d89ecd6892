"""Masks on demand: the loss by torchvision, what is trained when, and that a click decides."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.ops import sigmoid_focal_loss

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.instances.clicks import random_click, with_room
from course_lib.instances.promptable import (
    MASKS,
    MaskDecoder,
    Promptable,
    TwoWayBlock,
    enlarged,
    mask_losses,
    promptable_losses,
    shown_mask,
)
from course_lib.instances.prompts import THIS, box_prompts
from course_lib.ops.masks import boxes_to_masks
from course_lib.optim import Adam


class Two(nn.Module):
    """Maps of strides 2 and 4 from one convolution each."""

    width = 16

    def __init__(self):
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, 16, 2, stride=2), nn.Conv2d(3, 16, 4, stride=4)

    def forward(self, images):
        return [self.fine(images), self.coarse(images)]


def test_the_loss_is_torchvision_s_focal_loss_and_dice():
    logits = torch.randn(3, 2, 6, 6, generator=generator(0))
    truth = torch.rand(3, 6, 6, generator=generator(1)) > 0.6
    goal = truth[:, None].float().expand_as(logits)
    focal = sigmoid_focal_loss(logits, goal, alpha=0.5, gamma=2.0).mean((2, 3))
    p = logits.sigmoid()
    dice = 1 - (2 * (p * goal).sum((2, 3)) + 1) / (p.sum((2, 3)) + goal.sum((2, 3)) + 1)
    assert torch.allclose(mask_losses(logits, truth), 20 * focal + dice, atol=1e-5)
    sure = torch.where(goal > 0, 20.0, -20.0)
    assert mask_losses(sure, truth).max() < 1e-3


def test_only_the_best_of_three_is_trained_and_only_after_a_single_click():
    logits = torch.randn(2, MASKS, 8, 8, generator=generator(0)).requires_grad_()
    quality = torch.zeros(2, MASKS, requires_grad=True)
    truth = torch.rand(2, 16, 16, generator=generator(1)) > 0.5
    kinds = torch.tensor([[THIS, -1], [THIS, THIS]])
    best = mask_losses(enlarged(logits), truth)[0, 1:].argmin()
    losses = promptable_losses(logits, quality, truth, kinds=kinds)
    losses["best_of_three"].backward(retain_graph=True)
    moved = logits.grad.abs().sum((2, 3)) > 0
    assert moved.tolist() == [[k == best + 1 for k in range(MASKS)], [False] * MASKS]
    losses["quality"].backward()
    assert (quality.grad[0] != 0).all()
    assert (quality.grad[1] != 0).tolist() == [True, False, False, False]
    assert "best_of_three" not in promptable_losses(logits, quality, truth, kinds=kinds[1:].expand(2, -1))


def test_the_predicted_iou_is_compared_with_the_true_one():
    truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    truth[:, :, :4] = True
    logits = torch.full((1, MASKS, 4, 4), 9.0)  # everything: IoU 1/2
    losses = promptable_losses(logits, torch.full((1, MASKS), 0.5), truth, kinds=torch.tensor([[THIS]]))
    assert losses["quality"] < 1e-6


def test_which_mask_is_shown():
    quality = torch.tensor([[0.9, 0.1, 0.8, 0.3], [0.1, 0.2, 0.3, 0.9]])
    kinds = torch.tensor([[THIS, -1], [2, 3]])
    assert shown_mask(torch.zeros(2, 4, 2, 2), quality, kinds).tolist() == [2, 0]


def test_the_order_of_prompts_does_not_matter_and_pictures_do_not_mix():
    torch.manual_seed(0)
    model = Promptable(Two()).double().eval()
    maps = model.neck(torch.rand(2, 3, 32, 32, dtype=torch.float64))
    points = 32 * torch.rand(2, 3, 2, dtype=torch.float64)
    kinds = torch.tensor([[1, 0, 1], [1, 1, 0]])
    ask = lambda order, owner: model(maps, points[:, order], kinds[:, order], images=owner)  # noqa: E731
    logits, quality = ask([0, 1, 2], torch.tensor([0, 1]))
    assert logits.shape == (2, MASKS, 16, 16)
    for one, other in zip((logits, quality), ask([2, 0, 1], torch.tensor([0, 1])), strict=True):
        assert torch.allclose(one, other, atol=1e-9)
    swapped, _ = ask([0, 1, 2], torch.tensor([0, 0]))
    assert torch.allclose(swapped[0], logits[0])
    assert not torch.allclose(swapped[1], logits[1])


def test_a_two_way_block_changes_both_sides():
    torch.manual_seed(0)
    block, tokens, image = TwoWayBlock(8, 2), torch.randn(1, 3, 8), torch.randn(1, 10, 8)
    one = block(tokens, image, token_places=tokens, image_places=image)
    other = block(tokens, image + 1 * (torch.arange(10) == 4)[None, :, None], token_places=tokens, image_places=image)
    assert not torch.allclose(one[0], other[0], atol=1e-5)  # tokens saw the map
    tokens[0, 0] += 1
    assert not torch.allclose(one[1], block(tokens, image, token_places=tokens, image_places=image)[1], atol=1e-5)


def test_it_learns_to_answer_with_the_square_that_was_clicked():
    stream = generator(0)
    boxes = torch.tensor([[2.0, 2, 14, 14], [17, 17, 30, 30]])
    masks = boxes_to_masks(boxes, 32, 32)
    images = masks.any(0).float().expand(1, 3, -1, -1)
    torch.manual_seed(0)
    model = Promptable(Two(), 2, 1)

    def loss(_, stream):
        truth = masks[torch.arange(8) % 2]
        points, kinds = with_room(random_click(truth, stream)[:, None], torch.full((8, 1), THIS))
        owner = torch.zeros(8, dtype=torch.int64)
        logits, quality = model(model.neck(images), points, kinds, images=owner)
        return torch.stack(list(promptable_losses(logits, quality, truth, kinds=kinds).values())).sum()

    fit(model, loss, Adam(model.parameters(), 2e-3), samples=200, epochs=1, batch=1, generator=stream)
    points, kinds = with_room(torch.tensor([[[8.0, 8]], [[23, 23]]]), torch.full((2, 1), THIS))
    logits, _ = model(model.neck(images), points, kinds, images=torch.tensor([0, 0]))
    found = enlarged(logits)[:, 0] > 0
    iou = (found & masks).sum((1, 2)) / (found | masks).sum((1, 2))
    assert iou.min() > 0.7, iou


def test_bad_input():
    with pytest.raises(ValueError, match="heads"):
        MaskDecoder(30, 4)
    with pytest.raises(ValueError, match="logits"):
        mask_losses(torch.rand(2, 4, 4), torch.zeros(2, 4, 4, dtype=torch.bool))
    model = Promptable(Two())
    maps = model.neck(torch.rand(1, 3, 32, 32))
    points, kinds = box_prompts(torch.tensor([[1.0, 1, 9, 9]]))
    with pytest.raises(ValueError, match="earlier"):
        model(maps, points, kinds, images=torch.tensor([0]), earlier=torch.rand(1, 8, 8))
