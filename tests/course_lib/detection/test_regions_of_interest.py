"""The feature pyramid, the proposals and the region head equal torchvision's, in values and gradients."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.detection import _utils as tv
from torchvision.models.detection import roi_heads, rpn
from torchvision.ops import FeaturePyramidNetwork

from course_lib.core.seeding import generator
from course_lib.detection import fast_rcnn
from course_lib.detection import rpn as ours
from course_lib.detection.anchors import BACKGROUND, IGNORED, encode_boxes
from course_lib.detection.fast_rcnn import RegionHead, region_losses, region_targets
from course_lib.detection.neck import FeaturePyramid
from course_lib.detection.rpn import RegionProposals, sample_balanced
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.ops.boxes import box_iou

from ..refusals import refused


def boxes(count: int, seed: int = 0) -> torch.Tensor:
    stream = generator(seed)
    corner = 40 * torch.rand(count, 2, generator=stream)
    return torch.cat([corner, corner + 6 + 20 * torch.rand(count, 2, generator=stream)], 1).clamp(max=64)


def test_the_pyramid_equals_torchvisions():
    encoder = SceneEncoder().eval()
    mine = FeaturePyramid(encoder, 16, strides=(4, 8, 16, 32)).eval()
    theirs = FeaturePyramidNetwork(list(encoder.widths[1:]), 16)
    for k in range(4):
        theirs.inner_blocks[k][0].load_state_dict(mine.lateral[k].state_dict())
        theirs.layer_blocks[k][0].load_state_dict(mine.smooth[str(4 * 2**k)].state_dict())
    images = torch.rand(2, 3, 64, 96, generator=generator(0))
    wanted = theirs(dict(enumerate(encoder(images)[1:])))
    for found, level in zip(mine(images), wanted.values(), strict=True):
        torch.testing.assert_close(found, level)
    refused(lambda: FeaturePyramid(encoder, 16, strides=(4, 64)), "strides must be some of")
    refused(lambda: FeaturePyramid(SceneEncoder(16), 16, strides=(16,)), "each once")


@pytest.fixture
def network() -> RegionProposals:
    torch.manual_seed(0)
    network = RegionProposals(8, 8, (16, 24), after=15)
    for layer in (network.scores, network.corrections):
        torch.nn.init.normal_(layer.weight, std=0.3)
    return network


def test_proposals_equal_torchvisions(network):
    maps = torch.randn(3, 8, 8, 8, generator=generator(1))
    scores, corrections, anchors = network(maps)
    theirs = rpn.RegionProposalNetwork(None, None, 0.7, 0.3, 64, 0.5, {"training": 100, "testing": 100},
                                       {"training": 15, "testing": 15}, 0.7)  # fmt: skip
    theirs.min_size = 1.0
    decoded = theirs.box_coder.decode(corrections.detach().flatten(0, 1), [anchors] * 3).view(3, -1, 4)
    wanted, _ = theirs.filter_proposals(decoded, scores.detach().flatten()[:, None], [(64, 64)] * 3, [len(anchors)])
    found = network.propose(scores, corrections, anchors, size=(64, 64))
    for mine, their in zip(found, wanted, strict=True):
        assert 0 < len(mine) <= 15
        torch.testing.assert_close(mine, their, rtol=1e-4, atol=1e-4)


def test_losses_of_proposals_equal_torchvisions(network, monkeypatch):
    maps = torch.randn(2, 8, 8, 8, generator=generator(1))
    scores, corrections, anchors = network(maps)
    objects = [boxes(3), torch.zeros(0, 4)]
    theirs = rpn.RegionProposalNetwork(None, None, 0.7, 0.3, 64, 0.5, {"training": 1, "testing": 1},
                                       {"training": 1, "testing": 1}, 0.7)  # fmt: skip
    labels, matched = theirs.assign_targets_to_anchors([anchors] * 2, [{"boxes": part} for part in objects])
    monkeypatch.setattr(ours, "sample_balanced", lambda matches, *_, **__: (matches != IGNORED).nonzero()[:, 0])
    theirs.fg_bg_sampler = lambda labels: ([(part == 1) for part in labels], [(part == 0) for part in labels])
    targets = theirs.box_coder.encode(matched, [anchors] * 2)
    wanted = theirs.compute_loss(scores.flatten()[:, None], corrections.flatten(0, 1), labels, targets)
    found = network.losses(scores, corrections, anchors, objects=objects, generator=generator(0))
    torch.testing.assert_close(found["objectness"], wanted[0])
    torch.testing.assert_close(found["proposal_boxes"], wanted[1])
    assert found["proposal_boxes"] > 0
    gradients = [torch.autograd.grad(sum(parts), [scores, corrections], retain_graph=True)
                 for parts in (found.values(), wanted)]  # fmt: skip
    for mine, their in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, their)


def test_the_sample_has_its_size_and_share_and_no_ignored_one():
    matches = torch.tensor([0] * 30 + [BACKGROUND] * 100 + [IGNORED] * 50)
    chosen = sample_balanced(matches, 40, generator=generator(0))
    assert (matches[chosen] == 0).sum() == 20
    assert (matches[chosen] == BACKGROUND).sum() == 20
    assert len(chosen.unique()) == 40
    assert len(sample_balanced(matches[28:], 40, generator=generator(0))) == 40
    assert (matches[28:][sample_balanced(matches[28:], 40, generator=generator(0))] == 0).sum() == 2
    refused(lambda: sample_balanced(matches, 40, 1.5, generator=generator(0)), "share")


def test_targets_of_regions():
    objects = {"boxes": torch.tensor([[0.0, 0, 20, 20], [30, 30, 50, 60]]), "labels": torch.tensor([1, 0])}
    proposals = torch.tensor([[2.0, 0, 22, 20], [30, 30, 48, 60], [10, 10, 30, 40], [40, 0, 60, 20]])
    found, labels, corrections = region_targets(proposals, objects, 100, classes=3, share=1.0, generator=generator(0))
    assert len(found) == 6, "objects are proposals too"
    overlap, best = box_iou(found, objects["boxes"]).max(1)
    assert torch.equal(labels, torch.where(overlap >= 0.5, objects["labels"][best], 3))
    scale = corrections.new_tensor(fast_rcnn.SCALE)
    wanted = tv.BoxCoder((10.0, 10.0, 5.0, 5.0)).encode_single(objects["boxes"][best], found)
    torch.testing.assert_close(encode_boxes(objects["boxes"][best], found) * scale, wanted)
    torch.testing.assert_close(corrections[labels < 3], wanted[labels < 3])
    assert (corrections[labels == 3] == 0).all()


def test_losses_of_regions_equal_torchvisions():
    stream = generator(0)
    scores, corrections = torch.randn(12, 4, generator=stream), torch.randn(12, 3, 4, generator=stream)
    labels, wanted = torch.randint(4, (12,), generator=stream), torch.randn(12, 4, generator=stream)
    found = region_losses(scores, corrections, labels, wanted=wanted)
    # torchvision's background is class 0, so everything moves up by one
    their_scores, their_labels = scores.roll(1, 1), (labels + 1) % 4
    their_corrections = torch.cat([torch.zeros(12, 4), corrections.flatten(1)], 1)
    entropy, moved = roi_heads.fastrcnn_loss(their_scores, their_corrections, [their_labels], [wanted])
    torch.testing.assert_close(found["class"], entropy)
    torch.testing.assert_close(found["boxes"], moved)


@pytest.mark.parametrize("align", [True, False])
def test_answers_of_regions_equal_torchvisions(align):
    torch.manual_seed(0)
    head = RegionHead(6, 3, stride=4, align=align).eval()
    for layer in (head.scores, head.corrections):
        torch.nn.init.normal_(layer.weight, std=0.5)
    maps, proposals = torch.randn(2, 6, 16, 16, generator=generator(0)), [boxes(9), boxes(5, 1)]
    scores, corrections = head(maps, proposals)
    theirs = roi_heads.RoIHeads(None, None, None, 0.5, 0.5, 1, 0.25, (10.0, 10.0, 5.0, 5.0), 0.02, 0.5, 20)
    padded = torch.cat([torch.zeros(14, 4), corrections.flatten(1)], 1)
    wanted = theirs.postprocess_detections(scores.roll(1, 1), padded, proposals, [(64, 64)] * 2)
    for mine, box, score, label in zip(head.detect(maps, proposals, (64, 64)), *wanted, strict=True):
        torch.testing.assert_close(mine["scores"], score)
        torch.testing.assert_close(mine["boxes"], box, rtol=1e-4, atol=1e-4)
        assert mine["labels"].tolist() == (label - 1).tolist()


def test_no_proposals_give_no_boxes():
    head = RegionHead(6, 3, stride=4)
    found = head.detect(torch.randn(1, 6, 16, 16), [torch.zeros(0, 4)], (64, 64))
    assert found[0]["boxes"].shape == (0, 4)
