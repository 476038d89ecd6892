"""Suppression equals torchvision's box for box, ties too; the soft form equals a slow loop, and has the hard limit."""

from __future__ import annotations

import math
import sys

import pytest
import torch
from torchvision import ops as tv

from course_lib.core.seeding import generator
from course_lib.ops.boxes import batched_nms, box_iou, nms, nms_mask, nms_steps, soft_nms

nms_module = sys.modules[nms.__module__]  # the package has a function of this name


def crowd(count: int = 60, seed: int = 0, *, grid: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes that overlap in heaps, with scores; on a grid there are equal boxes, equal scores and equal overlaps."""
    stream = generator(seed)
    centres = 40 * torch.rand(5, 2, generator=stream)[torch.randint(5, (count,), generator=stream)]
    corner = centres + 8 * torch.rand(count, 2, generator=stream)
    boxes = torch.cat([corner, corner + 6 + 8 * torch.rand(count, 2, generator=stream)], 1)
    scores = torch.rand(count, generator=stream)
    return ((boxes / 4).round() * 4, (scores * 5).round() / 5) if grid else (boxes, scores)


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 0.75, 1.0])  # exact in binary, where overlaps tie with them
@pytest.mark.parametrize("grid", [False, True], ids=["random", "ties"])
def test_equals_torchvision(device, grid, threshold):
    for seed in range(5):
        boxes, scores = crowd(seed=seed, grid=grid)
        kept = nms(boxes.to(device), scores.to(device), threshold)
        assert kept.dtype == torch.int64
        assert kept.tolist() == tv.nms(boxes, scores, threshold).tolist()


@pytest.mark.parametrize("grid", [False, True], ids=["random", "ties"])
def test_batched_equals_torchvision_and_each_class_alone(device, grid):
    boxes, scores = crowd(grid=grid)
    boxes = boxes - 20  # negative coordinates are boxes, too
    classes = torch.randint(3, (60,), generator=generator(9))
    kept = batched_nms(boxes.to(device), scores.to(device), classes.to(device), iou_threshold=0.4).cpu()
    assert 10 < len(kept) < 60
    alone = torch.cat([(classes == k).nonzero()[:, 0][nms(boxes[classes == k], scores[classes == k], 0.4)]
                       for k in range(3)])  # fmt: skip
    assert sorted(kept.tolist()) == sorted(alone.tolist())
    assert kept.tolist() == kept[scores[kept].argsort(descending=True, stable=True)].tolist()
    if not grid:  # among equal scores torchvision's order is no stable one
        assert kept.tolist() == tv.batched_nms(boxes + 20, scores, classes, 0.4).tolist()


def test_what_is_kept_is_apart_and_what_is_gone_is_covered():
    boxes, scores = crowd(200, seed=3)
    kept = nms(boxes, scores, 0.5)
    overlap = box_iou(boxes, boxes[kept])
    assert float((overlap[kept] - torch.eye(len(kept))).max()) <= 0.5
    gone = torch.ones(200, dtype=torch.bool).index_fill_(0, kept, False)
    better = scores[kept] >= scores[gone][:, None]
    assert bool(((overlap[gone] > 0.5) & better).any(1).all())


def slow_soft(boxes, scores, weight, least):
    """Bodla et al., figure 2, with lists."""
    left, found = [(score, i) for i, score in enumerate(scores.tolist()) if score > least], []
    iou = box_iou(boxes, boxes).tolist()
    while left:
        best = max(left, key=lambda pair: (pair[0], -pair[1]))
        found.append(best)
        left = [(s * weight(iou[best[1]][i]), i) for s, i in left if i != best[1]]
        left = [pair for pair in left if pair[0] > least]
    return found


@pytest.mark.parametrize("sigma", [0.1, 0.5, None])
def test_soft_equals_a_slow_loop(device, dtype, close, sigma):
    boxes, scores = (value.double() for value in crowd(40, seed=1))

    def weight(iou: float) -> float:
        if sigma is None:
            return 1 - iou if iou > 0.3 else 1
        return math.exp(-(iou**2) / sigma)

    wanted = slow_soft(boxes, scores, weight, 0.05)
    kept, lowered = soft_nms(boxes.to(device, dtype), scores.to(device, dtype), sigma=sigma, score_threshold=0.05)
    assert kept.tolist() == [i for _, i in wanted]
    close(lowered, [score for score, _ in wanted], rtol=1e-9)
    assert 3 < len(kept) < 40
    assert lowered.tolist() == sorted(lowered.tolist(), reverse=True)


def test_a_narrow_gaussian_drops_all_that_touch_and_a_wide_one_nothing():
    boxes, scores = crowd(40, seed=2)
    assert soft_nms(boxes, scores, sigma=1e-6)[0].tolist() == nms(boxes, scores, 0.0).tolist()
    kept, lowered = soft_nms(boxes, scores, sigma=1e9, score_threshold=0.0)
    torch.testing.assert_close(lowered, scores.sort(descending=True).values)
    assert len(kept) == 40


def test_no_boxes():
    none, scores = torch.zeros(0, 4), torch.zeros(0)
    assert nms(none, scores).tolist() == batched_nms(none, scores, torch.zeros(0, dtype=torch.int64)).tolist() == []
    assert nms(none, scores).dtype == torch.int64
    kept, lowered = soft_nms(none, scores)
    assert (kept.dtype, kept.shape, lowered.dtype, lowered.shape) == (torch.int64, (0,), torch.float32, (0,))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nms(torch.zeros(1, 2, 4), torch.zeros(1)), r"boxes must have shape \(N, 4\), not \(1, 2, 4\)"),
        (lambda: nms(torch.zeros(2, 4), torch.zeros(3)), r"scores must be .* of shape \(2,\), not a float32 tensor"),
        (lambda: nms(torch.zeros(2, 4), torch.zeros(2), 50), "iou_threshold must be 0 to 1, not 50"),
        (lambda: batched_nms(torch.zeros(2, 4), torch.zeros(2), torch.zeros(2)), "classes must be an int64 tensor"),
        (lambda: soft_nms(torch.zeros(2, 4), torch.zeros(2), sigma=0), "sigma must be a finite number above 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("grid", [False, True], ids=["random", "ties"])
def test_the_matrix_the_loop_and_the_steps_agree(grid, monkeypatch):
    for seed in range(5):
        boxes, scores = crowd(seed=seed, grid=grid)
        by_matrix = nms(boxes, scores, 0.3)
        steps = nms_steps(boxes, scores, 0.3)
        assert [kept for kept, _ in steps] == by_matrix.tolist()
        everything = [number for kept, dropped in steps for number in (kept, *dropped.tolist())]
        assert sorted(everything) == list(range(len(boxes)))
        with monkeypatch.context() as patch:
            patch.setattr(nms_module, "MATRIX", 0)
            assert nms(boxes, scores, 0.3).tolist() == by_matrix.tolist()


def test_a_chain_is_settled_link_by_link_and_pictures_are_apart():
    chain = torch.tensor([[4.0 * k, 0, 4.0 * k + 10, 10] for k in range(7)])  # each covers its two neighbours alone
    wanted = [k % 2 == 0 for k in range(7)]
    assert nms_mask(torch.stack([chain, 50 * chain]), iou_threshold=0.4).tolist() == [wanted, wanted]
    apart = torch.arange(7)
    assert nms_mask(chain, apart, iou_threshold=0.4).all()
