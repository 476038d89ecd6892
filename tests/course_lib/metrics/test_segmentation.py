"""Scores of class maps equal torchmetrics' and scikit-learn's; outlines are compared with a slow distance table."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_erosion, distance_transform_edt
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from sklearn.metrics import jaccard_score
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.functional.classification import multiclass_f1_score

from course_lib.core.seeding import generator
from course_lib.metrics import (
    boundary_f_score,
    class_dice,
    class_iou,
    confusion_matrix,
    mask_boundary,
    mean_iou,
    pixel_accuracy,
)
from course_lib.ops.masks import boxes_to_masks


def maps(classes: int = 5, ignore: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """(4, 9, 11) prediction and target that agree in two thirds of the pixels."""
    stream = generator(0)
    target = torch.randint(classes, (4, 9, 11), generator=stream)
    other = torch.randint(classes, (4, 9, 11), generator=stream)
    prediction = torch.where(torch.rand(4, 9, 11, generator=stream) < 0.6, target, other)
    if ignore is not None:
        target[torch.rand(4, 9, 11, generator=stream) < 0.2] = ignore
    return prediction, target


@pytest.mark.parametrize("ignore", [None, 255, -1, 2])
def test_table_and_iou_equal_scikit_learn_and_torchmetrics(device, close, ignore):
    prediction, target = maps(ignore=ignore)
    matrix = confusion_matrix(prediction.to(device), target.to(device), 5, ignore=ignore)
    valid = torch.ones_like(target, dtype=torch.bool) if ignore is None else target != ignore
    pair = target[valid].numpy(), prediction[valid].numpy()
    assert torch.equal(matrix.cpu(), torch.from_numpy(sklearn_confusion_matrix(*pair, labels=range(5))))
    assert pixel_accuracy(matrix) == pytest.approx((pair[0] == pair[1]).mean())
    seen = [k for k in range(5) if k in np.concatenate(pair)]
    close(class_iou(matrix)[seen], jaccard_score(*pair, labels=seen, average=None))
    theirs = MulticlassJaccardIndex(5, ignore_index=ignore, average="macro")
    for i in range(4):
        theirs.update(prediction[i], target[i])
    if ignore != 2:  # torchmetrics leaves an ignored class out of the mean even where it is predicted
        assert mean_iou(matrix) == pytest.approx(float(theirs.compute()), abs=1e-6)
    dice = multiclass_f1_score(prediction[valid], target[valid], 5, average=None)
    close(class_dice(matrix)[seen], dice[seen], rtol=1e-6)


def test_tables_of_batches_add_up_and_dice_follows_from_iou():
    prediction, target = maps()
    whole = confusion_matrix(prediction, target, 5)
    assert torch.equal(whole, sum(confusion_matrix(p, t, 5) for p, t in zip(prediction, target, strict=True)))
    iou = class_iou(whole)
    torch.testing.assert_close(class_dice(whole), 2 * iou / (1 + iou))


def test_by_hand_and_absent_classes():
    target, prediction = torch.tensor([[0, 0, 1, 1]]), torch.tensor([[0, 1, 1, 1]])
    matrix = confusion_matrix(prediction, target, 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [0] * 4, [0] * 4]
    assert class_iou(matrix)[:2].tolist() == [1 / 2, 2 / 3]
    assert class_iou(matrix)[2:].isnan().all()
    assert mean_iou(matrix) == pytest.approx(7 / 12)
    assert pixel_accuracy(matrix) == 0.75
    nothing = confusion_matrix(prediction[:0], target[:0], 4)
    assert nothing.shape == (4, 4)
    assert np.isnan(mean_iou(nothing))
    assert np.isnan(pixel_accuracy(nothing))


def blobs(seed: int) -> torch.Tensor:
    stream = generator(seed)
    low = torch.rand(6, 2, generator=stream) * 16 - 4  # some are cut off by the frame
    boxes = torch.cat([low, low + 6 + 10 * torch.rand(6, 2, generator=stream)], 1)
    masks = boxes_to_masks(boxes, 24, 22)
    return masks ^ (boxes_to_masks(boxes + 3, 24, 22) & (torch.rand(6, 24, 22, generator=stream) < 0.1))


@pytest.mark.parametrize("tolerance", [0.0, 1.0, 1.5, 3.0])
def test_boundary_f_equals_a_distance_table(device, tolerance):
    prediction, target = blobs(0), blobs(1)
    ours = boundary_f_score(prediction.to(device), target.to(device), tolerance)
    for i in range(6):
        edges = [m & ~binary_erosion(m, border_value=1) for m in (prediction[i].numpy(), target[i].numpy())]
        assert np.array_equal(mask_boundary(prediction[i]).numpy(), edges[0])
        near = [distance_transform_edt(~edge) <= tolerance for edge in edges]
        p, r = (edges[0] & near[1]).sum() / edges[0].sum(), (edges[1] & near[0]).sum() / edges[1].sum()
        assert float(ours[i]) == pytest.approx(2 * p * r / (p + r) if p + r else 0, abs=1e-6)
    assert 0.05 < float(ours.mean()) < 0.95


def test_boundary_f_without_outlines_and_for_a_shift():
    mask, empty = blobs(0)[:1], torch.zeros(1, 24, 22, dtype=torch.bool)
    assert float(boundary_f_score(mask, mask, 0)) == 1
    assert float(boundary_f_score(empty, empty)) == 1
    assert float(boundary_f_score(mask, empty)) == float(boundary_f_score(empty, mask)) == 0
    assert not mask_boundary(~empty).any()
    box = boxes_to_masks(torch.tensor([[5.0, 5, 15, 15], [7.0, 5, 17, 15]]), 24, 22)
    assert float(boundary_f_score(box[:1], box[1:], 2)) == 1
    assert float(boundary_f_score(box[:1], box[1:], 1)) < 1
    assert boundary_f_score(mask[:0], mask[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: confusion_matrix(torch.zeros(3), torch.zeros(3), 2), "must be int64 .* prediction is a float32"),
        (
            lambda: confusion_matrix(torch.zeros(3, dtype=torch.int64), torch.zeros(2, dtype=torch.int64), 2),
            r"must be int64 of one shape, but prediction is a int64 tensor of shape \(3,\)",
        ),
        (
            lambda: confusion_matrix(torch.tensor([0, 1]), torch.tensor([0, 255]), 2),
            "target must hold labels 0 to 1, but its values run from 0 to 255",
        ),
        (lambda: boundary_f_score(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)), "must be bool .* is a float32"),
        (
            lambda: boundary_f_score(torch.zeros(1, 4, 4).bool(), torch.zeros(1, 4, 4).bool(), -1),
            "tolerance must be 0 pixels or more, not -1",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
