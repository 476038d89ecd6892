"""Merging gives each pixel to one segment by the stated rules, and the truth merged is the truth."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import CATEGORIES, STUFF, scene_dataset
from course_lib.detection.mask_targets import masked_targets
from course_lib.instances.panoptic import merge_panoptic, pieces_panoptic, quality_by_kind, shared_pixels
from course_lib.metrics.panoptic import PanopticQuality

from ..refusals import refused

STUFFS = tuple(CATEGORIES.index(name) for name in STUFF)


def strips(*columns: tuple[int, int]) -> torch.Tensor:
    """Masks of whole columns of a picture of 4 x 10 pixels."""
    place = torch.arange(10).expand(4, 10)
    return torch.stack([(place >= first) & (place < last) for first, last in columns])


def answer(masks, labels, scores):
    return {"masks": masks, "labels": torch.tensor(labels), "scores": torch.tensor(scores)}


def test_the_rules_one_by_one():
    semantic = torch.full((4, 10), 8)
    semantic[:, 9] = 7  # a thing's category where no instance is: void
    semantic[0, 8] = 9  # one pixel of another stuff
    given = answer(strips((0, 4), (2, 6), (1, 5), (6, 8)), [2, 3, 2, 4], [0.9, 0.8, 0.7, 0.4])
    found = merge_panoptic(given, semantic, (8, 9), least_stuff=2)
    # the second has half of its mask left, the third a quarter, the fourth scores too low
    row = [2001] * 4 + [3002] * 2 + [8000] * 3 + [-1]
    assert found[1:].tolist() == [row] * 3
    assert found[0].tolist() == [*row[:8], -1, -1]
    assert merge_panoptic(given, semantic, (8, 9), least_stuff=1)[0, 8] == 9000
    assert (merge_panoptic(given, semantic, (), least_visible=0.51)[:, 4] == -1).all()
    assert (merge_panoptic(given, semantic, (), least_score=0.4)[:, 6] == 4003).all()


def test_the_order_of_the_answer_decides():
    given = answer(strips((0, 4), (2, 6)), [2, 3], [0.9, 0.8])
    turned = {name: value.flip(0) for name, value in given.items()}
    semantic = torch.full((4, 10), 8)
    assert merge_panoptic(given, semantic, (8,))[0].tolist() == [2001] * 4 + [3002] * 2 + [8000] * 4
    assert merge_panoptic(turned, semantic, (8,))[0].tolist() == [2002] * 2 + [3001] * 4 + [8000] * 4


def test_the_truth_merged_is_the_truth():
    classes, masks, semantic, panoptic = scene_dataset(
        24, ("classes", "masks", "semantic", "panoptic"), 64, difficulty=0.5, objects=(1, 5)
    ).tensors
    quality = PanopticQuality(len(CATEGORIES))
    for target, names, wanted in zip(masked_targets(masks, classes), semantic, panoptic, strict=True):
        given = target | {"scores": torch.ones(len(target["labels"]))}
        found = merge_panoptic(given, names, STUFFS, least_stuff=1)
        assert torch.equal(found // 1000, wanted // 1000)
        quality.update(found[None], wanted[None])
    scores = quality_by_kind(quality, STUFFS)
    assert all(value == 1 for kind in scores.values() for value in kind.values())


def test_pieces_are_connected_and_stuff_is_one():
    semantic = torch.full((6, 12), 5)
    semantic[:2, :2] = semantic[2:4, 2:4] = 1  # touch by a corner: one piece
    semantic[:3, 8:10] = 1
    semantic[5, 11] = 1  # too small
    semantic[:, 6] = 5
    semantic[0, 11] = -1
    found = pieces_panoptic(semantic, (5,), least=3)
    assert found.unique().tolist() == [-1, 1001, 1002, 5000]
    assert (found == 1001).sum() == 8
    assert (found == 1002).sum() == 6
    assert (found == -1).sum() == 2
    whole = torch.zeros(6, 12, dtype=torch.int64)
    whole[:, 6] = 5
    assert pieces_panoptic(whole, (0,)).unique().tolist() == [-1, 0], "two halves of a stuff are one segment"


def test_shared_pixels_are_counted():
    masks = torch.rand(5, 9, 7, generator=generator(0)) > 0.4
    found = shared_pixels(masks)
    assert all(found[i, j] == (masks[i] & masks[j]).sum() for i in range(5) for j in range(5))


@pytest.mark.parametrize("kind", ["things", "stuff"])
def test_quality_by_kind_leaves_the_others_out(kind):
    quality = PanopticQuality(4)
    truth = torch.tensor([[[1001] * 4 + [3000] * 4] * 2])
    right = torch.where(truth == (1001 if kind == "things" else 3000), truth, -1)
    quality.update(right, truth)
    scores = quality_by_kind(quality, (3,))
    assert scores[kind] == {"PQ": 1, "SQ": 1, "RQ": 1}
    assert scores["all"]["PQ"] == 0.5
    assert scores["stuff" if kind == "things" else "things"]["PQ"] == 0


def test_bad_input_is_refused():
    given = answer(strips((0, 4)), [2], [0.9])
    refused(lambda: merge_panoptic(given, torch.zeros(4, 9, dtype=torch.int64), ()), "must be int64 of the masks' size")
    refused(lambda: merge_panoptic(given, torch.zeros(4, 10, dtype=torch.int64), (), least_visible=2), r"in \[0, 1\]")
    refused(lambda: pieces_panoptic(torch.zeros(4, 10), ()), r"must be int64 of shape \(H, W\)")
