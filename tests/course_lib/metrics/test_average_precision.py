"""AP and AR equal pycocotools' on random images, with ties, empty images, unseen classes and all sizes."""

from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from course_lib.core.seeding import generator
from course_lib.metrics import AveragePrecision
from course_lib.ops.boxes import box_xyxy_to_xywh
from course_lib.ops.masks import boxes_to_masks

SIDE = 240


def images(kind: str, *, count: int = 14, ties: bool = True, most: int = 8) -> tuple[list[dict], list[dict]]:
    """Objects of classes 0 to 3 and detections near them, some doubled, some wrong; class 4 is only detected."""
    stream = generator(0)
    predictions, targets = [], []
    for i in range(count):
        objects = 0 if i in (3, 9) else int(torch.randint(1, most, (1,), generator=stream))
        low = torch.rand(objects, 2, generator=stream, dtype=torch.float64) * 120
        size = 6 + 110 * torch.rand(objects, 2, generator=stream, dtype=torch.float64).square()
        boxes = torch.cat([low, low + size], 1)
        labels = torch.randint(4, (objects,), generator=stream)
        source = torch.randint(max(objects, 1), (0 if i == 5 else 3 * objects,), generator=stream)
        wobble = 0.08 * torch.randn(len(source), 4, generator=stream, dtype=torch.float64)
        found = boxes[source] + wobble * size[source].repeat(1, 2)
        found = torch.cat([found[:, :2], torch.maximum(found[:, 2:], found[:, :2] + 1)], 1)
        wrong = torch.rand(len(source), generator=stream) < 0.1
        guess = torch.where(wrong, torch.randint(5, (len(source),), generator=stream), labels[source])
        if i in (3, 11):  # nothing there, something found
            low = torch.rand(2, 2, generator=stream, dtype=torch.float64) * 90
            found, guess = torch.cat([found, torch.cat([low, low + 40], 1)]), torch.cat([guess, torch.tensor([1, 4])])
        scores = torch.rand(len(found), generator=stream)
        scores = (scores * 10).round() / 10 if ties else scores
        predictions.append({"boxes": found, "scores": scores, "labels": guess})
        targets.append({"boxes": boxes, "labels": labels})
    if kind == "masks":
        for entry in (*predictions, *targets):
            masks = boxes_to_masks(entry.pop("boxes"), SIDE, SIDE)
            entry["masks"] = masks & (torch.rand(len(masks), SIDE, SIDE, generator=stream) < 0.97)
    return predictions, targets


def reference(kind: str, predictions: list[dict], targets: list[dict], areas=None, most=(1, 10, 100)) -> COCOeval:
    """What pycocotools says."""

    def shape(entry: dict, n: int) -> dict:
        if kind == "boxes":
            return {"bbox": box_xyxy_to_xywh(entry["boxes"][n]).tolist()}
        return {"segmentation": coco_mask.encode(np.asfortranarray(entry["masks"][n].numpy().astype(np.uint8)))}

    annotations, results = [], []
    for i, (prediction, target) in enumerate(zip(predictions, targets, strict=True)):
        for n, label in enumerate(target["labels"].tolist()):
            one = shape(target, n)
            if "area" in target:
                area = float(target["area"][n])
            else:
                area = one["bbox"][2] * one["bbox"][3] if kind == "boxes" else int(target["masks"][n].sum())
            annotations.append({"id": len(annotations) + 1, "image_id": i + 1, "category_id": label + 1, "iscrowd": 0,
                                "area": area, **one})  # fmt: skip
        for n, label in enumerate(prediction["labels"].tolist()):
            results.append({"image_id": i + 1, "category_id": label + 1, "score": float(prediction["scores"][n]),
                            **shape(prediction, n)})  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        frames = [{"id": i + 1, "height": SIDE, "width": SIDE} for i in range(len(targets))]
        categories = [{"id": k + 1} for k in range(6)]
        truth.dataset = {"images": frames, "annotations": annotations, "categories": categories}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), {"boxes": "bbox", "masks": "segm"}[kind])
        evaluation.params.maxDets = list(most)
        if areas is not None:
            evaluation.params.areaRng = [[0, 1e10], [0, areas[0]], [areas[0], areas[1]], [areas[1], 1e10]]
        evaluation.evaluate()
        evaluation.accumulate()
        if areas is None and most == (1, 10, 100):
            evaluation.summarize()
    return evaluation


def mean(values: np.ndarray) -> float:
    return float(values[values > -1].mean()) if (values > -1).any() else -1.0


def assert_same(score: AveragePrecision, evaluation: COCOeval) -> dict[str, float]:
    ours = score.compute()
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]  # (T, R, K, A, M), (T, K, A, M)
    wanted = [mean(precision[..., 0, 2]), mean(precision[0, ..., 0, 2]), mean(precision[5, ..., 0, 2])]
    wanted += [mean(precision[..., a, 2]) for a in (1, 2, 3)]
    wanted += [mean(recall[..., 0, m]) for m in range(3)] + [mean(recall[..., a, 2]) for a in (1, 2, 3)]
    for (name, value), theirs in zip(ours.items(), wanted, strict=True):
        assert (-1.0 if math.isnan(value) else value) == pytest.approx(theirs, abs=1e-9), name
    for label, value in score.class_precision().items():
        assert (-1.0 if math.isnan(value) else value) == pytest.approx(mean(precision[:, :, label, 0, 2]), abs=1e-9)
    return ours


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("kind", ["boxes", "masks"])
def test_equals_pycocotools(device, kind, ties):
    if device.type == "mps":
        pytest.skip("thresholds are compared in float64, as the reference does")
    predictions, targets = images(kind, ties=ties)
    score = AveragePrecision(kind)
    for start in (0, 5, 10):  # in batches
        part = slice(start, start + 5)
        score.update(*([{k: v.to(device) for k, v in entry.items()} for entry in entries[part]]
                       for entries in (predictions, targets)))  # fmt: skip
    evaluation = reference(kind, predictions, targets)
    ours = assert_same(score, evaluation)
    assert list(ours.values()) == pytest.approx(evaluation.stats.tolist(), abs=1e-9)
    assert 0.2 < ours["AP"] < ours["AP50"] < 0.95
    assert len({round(value, 3) for value in ours.values()}) > 9


def test_other_sizes_counts_and_given_areas():
    predictions, targets = images("boxes", count=10)
    for target in targets:
        target["area"] = target["boxes"][:, 2] * 7
    score = AveragePrecision(areas=(300, 900), detections=(1, 2, 4))
    score.update(predictions, targets)
    assert_same(score, reference("boxes", predictions, targets, (300, 900), (1, 2, 4)))


def test_more_detections_than_count():
    stream = generator(2)
    low = torch.rand(150, 2, generator=stream, dtype=torch.float64) * 100
    boxes = torch.cat([low, low + 30], 1)
    prediction = {"boxes": boxes, "scores": torch.rand(150, generator=stream), "labels": torch.zeros(150).long()}
    target = {"boxes": boxes[::3] + 1, "labels": torch.zeros(50).long()}
    score = AveragePrecision()
    score.update([prediction], [target])
    ours = assert_same(score, reference("boxes", [prediction], [target]))
    assert ours["AR_1"] == pytest.approx(0.02, abs=0.02)
    assert ours["AR_100"] < 0.9


def test_perfect_nothing_and_no_images():
    box, label = torch.tensor([[2.0, 3, 9, 9]]), torch.tensor([1])
    score = AveragePrecision()
    assert all(math.isnan(value) for value in score.compute().values())
    found = {"boxes": box, "labels": label, "scores": torch.tensor([0.3])}
    score.update([found], [{"boxes": box, "labels": label}])
    assert score.compute()["AP"] == score.compute()["AP_small"] == score.compute()["AR_1"] == pytest.approx(1)
    assert math.isnan(score.compute()["AP_large"])
    nothing = {"boxes": box[:0], "labels": label[:0], "scores": torch.zeros(0)}
    score.update([nothing], [{"boxes": box[:0], "labels": label[:0]}])
    assert score.compute()["AP"] == pytest.approx(1)
    score.update([nothing], [{"boxes": box, "labels": label}])
    assert score.compute()["AR_100"] == pytest.approx(0.5)


def one(**changes) -> dict:
    entry = {"boxes": torch.tensor([[2.0, 3, 9, 9]]), "labels": torch.tensor([1]), "scores": torch.tensor([0.5])}
    return {name: value for name, value in {**entry, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AveragePrecision("bbox"), "kind must be 'boxes' or 'masks', not 'bbox'"),
        (lambda: AveragePrecision().update([one()], []), "1 predictions and 0 targets"),
        (lambda: AveragePrecision().update([one(scores=None)], [one()]), "scores is missing"),
        (lambda: AveragePrecision("masks").update([one()], [one()]), "masks is missing"),
        (
            lambda: AveragePrecision().update([one(boxes=torch.tensor([[9.0, 3, 2, 9]]))], [one()]),
            "predictions' boxes must be x0, y0, x1, y1 .* but 1 of 1 are not",
        ),
        (
            lambda: AveragePrecision().update([one()], [one(labels=torch.tensor([1.0]))]),
            "targets must have one of each for each box or mask and int64 labels",
        ),
        (
            lambda: AveragePrecision().update([one(scores=torch.rand(2))], [one()]),
            r"scores a float32 tensor of shape \(2,\)",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
