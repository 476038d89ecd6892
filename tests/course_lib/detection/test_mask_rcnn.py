"""Masks are cropped, pasted and asked for as torchvision does it, and a mask head learns where the object is."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F
from torchvision.models.detection import roi_heads
from torchvision.ops import roi_align as their_align

from course_lib.core.seeding import generator
from course_lib.detection.detector import detect_all
from course_lib.detection.fast_rcnn import region_targets
from course_lib.detection.faster_rcnn import FasterRCNN
from course_lib.detection.mask_rcnn import MaskHead, MaskRCNN, mask_loss
from course_lib.detection.mask_targets import check_masked_targets, crop_masks, masked_targets, paste_masks
from course_lib.detection.panoptic_fpn import PanopticFPN, SemanticHead
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.ops.boxes import box_iou
from course_lib.ops.masks import boxes_to_masks, mask_iou
from course_lib.optim.schedules import warmup_cosine

from ..refusals import refused

LOSSES = {"objectness", "proposal_boxes", "class", "boxes", "masks"}


def scenes():
    """Two pictures: a bright square and a flat bright box on a dark ground; nothing in the third."""
    boxes = torch.tensor([[8.0, 8, 40, 40], [24, 40, 60, 56]])
    masks = boxes_to_masks(boxes, 64, 64)
    images = torch.zeros(3, 3, 64, 64)
    images[:2] += masks[:, None]
    table = torch.zeros(3, 2, 64, 64, dtype=torch.bool)
    table[0, 0], table[1, 1] = masks
    return images, masked_targets(table, torch.tensor([[1, -1], [0, 2], [2, 2]]))


def test_targets_come_from_what_can_be_seen():
    _, targets = scenes()
    assert [len(target["boxes"]) for target in targets] == [1, 1, 0]
    assert targets[0]["boxes"].tolist() == [[8, 8, 40, 40]]
    assert [target["labels"].tolist() for target in targets] == [[1], [2], []]
    assert targets[2]["masks"].shape == (0, 64, 64)
    refused(lambda: masked_targets(torch.zeros(2, 3, 8, 8, dtype=torch.bool), torch.zeros(2, 4)), "must be")


def test_crops_equal_torchvisions():
    stream = generator(0)
    masks = F.avg_pool2d(torch.randn(3, 1, 64, 64, generator=stream), 9, 1, 4)[:, 0] > 0
    corner = 40 * torch.rand(20, 2, generator=stream)
    boxes = torch.cat([corner, corner + 5 + 30 * torch.rand(20, 2, generator=stream)], 1)
    which = torch.randint(3, (20,), generator=stream)
    rows = torch.cat([which[:, None].float(), boxes], 1)
    wanted = their_align(masks[:, None].float(), rows, (14, 14), 1.0, 2, aligned=True)[:, 0]
    found = crop_masks(masks, boxes, which, size=14)
    clear = (wanted - 0.5).abs() > 1e-4  # at 1/2 itself rounding decides
    assert torch.equal(found[clear], (wanted > 0.5)[clear])
    assert 0.1 < found.float().mean() < 0.9
    assert crop_masks(masks, boxes[:0], which[:0], size=14).shape == (0, 14, 14)


def test_pasting_equals_torchvisions_and_torchs():
    stream = generator(0)
    cells = torch.rand(12, 10, 10, generator=stream, dtype=torch.float64)
    corner = 60 * torch.rand(12, 2, generator=stream, dtype=torch.float64) - 10  # some reach outside
    boxes = torch.cat([corner, corner + 3 + 40 * torch.rand(12, 2, generator=stream, dtype=torch.float64)], 1)
    theirs = roi_heads.paste_masks_in_image(cells[:, None], boxes, (48, 64))[:, 0]
    framed, scale = roi_heads.expand_masks(cells, 1)
    rounded = roi_heads.expand_boxes(boxes, scale).long()
    rounded[:, 2:] += 1  # torchvision counts the last pixel in
    torch.testing.assert_close(paste_masks(framed, rounded.double(), height=48, width=64), theirs)
    y, x = torch.meshgrid(torch.arange(48.0) + 0.5, torch.arange(64.0) + 0.5, indexing="ij")
    place = (torch.stack([x, y], -1) - boxes[:, None, None, :2]) / (boxes[:, 2:] - boxes[:, :2])[:, None, None]
    wanted = F.grid_sample(cells[:, None], 2 * place - 1, align_corners=False)[:, 0]
    torch.testing.assert_close(paste_masks(cells, boxes, height=48, width=64), wanted)
    refused(lambda: paste_masks(cells, boxes[:5], height=48, width=64), "must be equal")


def test_a_mask_survives_cropping_and_pasting():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    disc = ((x - 30.2) ** 2 + (y - 25.7) ** 2 < 15**2)[None]
    for box in ([14.6, 10.1, 46.3, 41.9], [10.0, 8.0, 50.0, 44.0]):
        cut = crop_masks(disc, torch.tensor([box]), torch.tensor([0]), size=28).float()
        back = paste_masks(cut, torch.tensor([box]), height=64, width=64) > 0.5
        assert mask_iou(back, disc) > 0.95


def test_the_loss_equals_torchvisions(monkeypatch):
    _, targets = scenes()
    proposals = torch.tensor([[6.0, 8, 38, 44], [10.0, 6, 44, 40], [40.0, 40, 60, 60]])
    asked = [region_targets(proposals, targets[0], 16, classes=3, generator=generator(0)),
             region_targets(proposals, targets[2], 16, classes=3, generator=generator(0))]  # fmt: skip
    torch.manual_seed(0)
    head = MaskHead(8, 3, stride=4, size=7)
    torch.nn.init.normal_(head.scores.weight)
    maps = torch.randn(2, 8, 16, 16, generator=generator(1))
    found = head.losses(maps, asked, [targets[0], targets[2]])["masks"]
    sure = asked[0][1] < 3
    assert sure.sum() == 3, "two proposals and the object itself"
    boxes = asked[0][0][sure]
    cut = lambda masks, rows, size, scale: (their_align(masks, rows, size, scale, 2, aligned=True) >= 0.5).float()  # noqa: E731
    monkeypatch.setattr(roi_heads, "roi_align", cut)
    matched = box_iou(boxes, targets[0]["boxes"]).argmax(1)
    wanted = roi_heads.maskrcnn_loss(head(maps, [boxes, boxes[:0]]), [boxes], [targets[0]["masks"]],
                                     [targets[0]["labels"]], [matched])  # fmt: skip
    torch.testing.assert_close(found, wanted)
    assert head.losses(maps[:1], asked[1:], targets[2:])["masks"] == 0


def test_other_classes_are_not_asked():
    scores = torch.randn(2, 3, 4, 4, generator=generator(0), requires_grad=True)
    mask_loss(scores, torch.tensor([1, 2]), torch.rand(2, 4, 4, generator=generator(1)) > 0.5).backward()
    asked = scores.grad.abs().sum((2, 3)) > 0
    assert asked.tolist() == [[False, True, False], [False, False, True]]


def test_without_masks_it_is_faster_rcnn():
    images, targets = scenes()
    torch.manual_seed(0)
    plain = FasterRCNN(SceneEncoder(), 3).eval()
    masked = MaskRCNN(SceneEncoder(), 3).eval()
    masked.load_state_dict(plain.state_dict(), strict=False)
    wanted = plain.losses(images, targets, generator(0))
    found = masked.losses(images, targets, generator(0))
    assert found.keys() == LOSSES
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value)
    for mine, theirs in zip(detect_all(masked, images), detect_all(plain, images), strict=True):
        torch.testing.assert_close(mine["boxes"], theirs["boxes"])
        assert mine["masks"].shape == (len(mine["boxes"]), 64, 64)
        outside = mine["masks"] & ~boxes_to_masks(mine["boxes"] + torch.tensor([-2.0, -2, 2, 2]), 64, 64)
        assert not outside.any()


@pytest.mark.parametrize("align", [True, False])
def test_a_few_steps_find_masks_and_categories(align):
    images, targets = scenes()
    targets = [t | {"semantic": torch.where(t["masks"].any(0), t["labels"].sum(), 3)} for t in targets]
    torch.manual_seed(0)
    model = PanopticFPN(SceneEncoder(), 3, 4, align_masks=align, hidden=32)
    optimiser, stream = torch.optim.AdamW(model.parameters(), 3e-3), generator(0)
    for step in range(60):
        optimiser.param_groups[0]["lr"] = 3e-3 * warmup_cosine(step, 60)  # so that the last steps settle
        losses = model.losses(images, targets, stream)
        optimiser.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    assert losses.keys() == LOSSES | {"semantic"}
    model.train()  # so that three pictures are enough for the averages of batch norm
    with torch.no_grad():
        found = model.detect(images)
    for answer, target in zip(found[:2], targets, strict=False):
        assert answer["labels"][0] == target["labels"][0]
        assert mask_iou(answer["masks"][:1], target["masks"]) > 0.7
        assert (answer["semantic"] == target["semantic"]).float().mean() > 0.85


def test_the_semantic_head_adds_its_maps():
    torch.manual_seed(0)
    head = SemanticHead(6, 5)
    fine, coarse = torch.randn(2, 6, 8, 8, generator=generator(0)), torch.randn(2, 6, 4, 4, generator=generator(1))
    inner = F.relu(head.conv(fine)) + F.interpolate(F.relu(head.conv(coarse)), scale_factor=2, mode="bilinear")
    wanted = F.interpolate(head.scores(inner), scale_factor=4, mode="bilinear")
    torch.testing.assert_close(head([fine, coarse], (32, 32)), wanted)


def test_bad_targets_are_refused():
    images, targets = scenes()
    check_masked_targets(images, targets, 3)
    wrong = [targets[0] | {"masks": targets[0]["masks"][:, :32]}, *targets[1:]]
    refused(lambda: check_masked_targets(images, wrong, 3), r"targets\[0\]\['masks'\] must be bool")
    model = PanopticFPN(SceneEncoder(), 3, 4)
    refused(lambda: model.losses(images, targets, generator(0)), r"targets\[0\]\['semantic'\] must be int64")
    high = [target | {"semantic": torch.full((64, 64), 4)} for target in targets]
    refused(lambda: model.losses(images, high, generator(0)), "must be below 4, not 4")
    refused(lambda: PanopticFPN(SceneEncoder(), 3, 2), "be no fewer")
