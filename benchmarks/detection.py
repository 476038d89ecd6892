"""Boxes, regions, average precision, HOG and graph segmentation against torchvision, pycocotools and scikit-image.

torchvision's operators are compiled loops over pairs of boxes; ours are a few calls of torch, so that one can read
them. Wanted are ratios of at most 3 in batches. Average precision and HOG are wanted faster than their references.
Both sides are checked to give the same numbers first.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from skimage.feature import hog as their_hog
from skimage.segmentation import felzenszwalb
from torch import Tensor
from torchvision import ops

from benchmarks.common import compare
from course_lib.core.seeding import generator
from course_lib.data.photographs import photograph
from course_lib.detection.graph_segmentation import graph_segmentation
from course_lib.detection.hog import hog
from course_lib.metrics.average_precision import AveragePrecision
from course_lib.ops.boxes import batched_nms, box_iou, nms
from course_lib.ops.boxes.regions import roi_align

COMPILED = "torchvision's is one compiled loop"
PICTURES, OBJECTS, FOUND, K = 200, 6, 20, 10


def some_boxes(count: int, seed: int = 0, side: float = 200.0) -> Tensor:
    """(count, 4) boxes of 5 to 45 pixels."""
    stream = generator(seed)
    corner = side * torch.rand(count, 2, generator=stream)
    return torch.cat([corner, corner + 5 + 40 * torch.rand(count, 2, generator=stream)], 1)


def answers() -> tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]:
    """Objects of PICTURES pictures, and detections that lie near them or anywhere."""
    stream, found, true = generator(3), [], []
    for k in range(PICTURES):
        boxes, labels = some_boxes(OBJECTS, k), torch.randint(K, (OBJECTS,), generator=stream)
        near = boxes.repeat(2, 1) + 2 * torch.rand(2 * OBJECTS, 4, generator=stream)
        near = torch.cat([near, some_boxes(FOUND - 2 * OBJECTS, 1000 + k)])
        said = torch.cat([labels.repeat(2), torch.randint(K, (FOUND - 2 * OBJECTS,), generator=stream)])
        true.append({"boxes": boxes, "labels": labels})
        found.append({"boxes": near, "scores": torch.rand(FOUND, generator=stream), "labels": said})
    return found, true


def ours_ap(found: list[dict[str, Tensor]], true: list[dict[str, Tensor]]) -> float:
    """AP by this library."""
    score = AveragePrecision()
    score.update(found, true)
    return score.compute()["AP"]


def their_ap(found: list[dict[str, Tensor]], true: list[dict[str, Tensor]]) -> float:
    """AP by pycocotools, from the same tables."""
    notes, results = [], []
    for k, (said, target) in enumerate(zip(found, true, strict=True)):
        for box, label in zip(target["boxes"].tolist(), target["labels"].tolist(), strict=True):
            x0, y0, x1, y1 = box
            notes.append({"id": len(notes) + 1, "image_id": k, "category_id": label, "iscrowd": 0,
                          "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)})  # fmt: skip
        rows = zip(said["boxes"].tolist(), said["scores"].tolist(), said["labels"].tolist(), strict=True)
        results += [[k, x0, y0, x1 - x0, y1 - y0, score, label] for (x0, y0, x1, y1), score, label in rows]
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO()
        data.dataset = {"images": [{"id": k} for k in range(len(true))], "annotations": notes,
                        "categories": [{"id": k} for k in range(K)]}  # fmt: skip
        data.createIndex()
        judge = COCOeval(data, data.loadRes(np.array(results)), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[0])


def rows() -> list[tuple[str, dict[str, Callable], dict[str, Callable], str]]:
    """(title, ours, peer, why ours may be slower) of each comparison; both sides give the same numbers."""
    boxes, others, scores = some_boxes(1000), some_boxes(300, 1), torch.rand(1000, generator=generator(2))
    classes = torch.randint(K, (1000,), generator=generator(4))
    maps, which = torch.randn(8, 64, 50, 50, generator=generator(5)), torch.arange(256) % 8
    regions = some_boxes(256, 6, 150.0)
    rois = torch.cat([which[:, None].float(), regions], 1)
    face, cup = photograph("astronaut", 256).mean(0), photograph("coffee", 150)
    found, true = answers()
    pairs: list[tuple[str, dict[str, Callable], dict[str, Callable], str]] = [
        ("Box IoU, 1000 x 300", {"box_iou": lambda: box_iou(boxes, others)},
         {"torchvision": lambda: ops.box_iou(boxes, others)}, COMPILED),
        ("NMS, 1000 boxes", {"nms": lambda: nms(boxes, scores, 0.5)},
         {"torchvision": lambda: ops.nms(boxes, scores, 0.5)}, COMPILED),
        ("NMS within classes, 1000 boxes of 10", {"batched_nms": lambda: batched_nms(boxes, scores, classes)},
         {"torchvision": lambda: ops.batched_nms(boxes, scores, classes, 0.5)}, COMPILED),
        ("RoIAlign, 256 regions of 8 maps of 64 x 50 x 50",
         {"roi_align": lambda: roi_align(maps, regions, which, size=(7, 7), scale=0.25)},
         {"torchvision": lambda: ops.roi_align(maps, rois, (7, 7), 0.25, 2, True)}, COMPILED),
        (f"Average precision, {PICTURES} pictures of {OBJECTS} objects and {FOUND} detections",
         {"AveragePrecision": lambda: ours_ap(found, true)}, {"pycocotools": lambda: their_ap(found, true)}, ""),
        ("HOG, 256 x 256", {"hog": lambda: hog(face[None, None])},
         {"scikit-image": lambda: their_hog(face.numpy(), pixels_per_cell=(8, 8), cells_per_block=(3, 3))}, ""),
        ("Graph segmentation, 150 x 225", {"graph_segmentation": lambda: graph_segmentation(cup, scale=100.0)},
         {"scikit-image": lambda: felzenszwalb(cup.permute(1, 2, 0).numpy(), scale=100, sigma=0.8, min_size=20)},
         "a union-find in Python, to be read; theirs is compiled"),
    ]  # fmt: skip
    assert abs(ours_ap(found, true) - their_ap(found, true)) < 1e-6
    for title, ours, peers, _ in pairs[:4]:
        left, right = next(iter(ours.values()))(), next(iter(peers.values()))()
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-4, msg=title)
    return pairs


def run() -> None:
    """Print the rows."""
    for title, ours, peers, why in rows():
        compare(title, ours, peers, why, rounds=7)
