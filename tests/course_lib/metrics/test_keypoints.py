"""OKS and AP equal pycocotools'; PCK equals a loop."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from course_lib.core.seeding import generator
from course_lib.data.scenes import keypoints, sample_figures
from course_lib.data.scenes.scene import KEYPOINTS
from course_lib.metrics.keypoints import (
    POINTS,
    SIGMAS,
    correct_keypoints,
    keypoint_precision,
    keypoint_similarity,
    person_areas,
    torso_lengths,
)

from ..refusals import refused


def crowd(pictures: int = 12) -> tuple[list[tuple[torch.Tensor, torch.Tensor]], list[torch.Tensor]]:
    """Figures, and found people near them: some twice, some wrong, some with points missing."""
    stream = generator(1)
    points = keypoints(sample_figures(pictures, 64, generator=stream, figures=(1, 3))).double()
    found, truth = [], []
    for n, some in enumerate(points):
        some = some[(some[..., 2] > 0).any(-1)]
        truth.append(some)
        source = torch.randint(len(some), (0 if n == 4 else 4,), generator=stream)
        spread = torch.tensor([0.5, 1.5, 3.0, 9.0])[: len(source), None, None]
        people = some[source, :, :2] + spread * torch.randn(len(source), len(KEYPOINTS), 2, generator=stream)
        found.append((people.double(), torch.rand(len(source), generator=stream)))
    return found, truth


def reference(found, truth) -> COCOeval:
    """pycocotools' evaluator, with our sigmas and areas."""
    objects, detections = [], []
    for image, some in enumerate(truth):
        for points, area in zip(some, person_areas(some), strict=True):
            objects.append({"id": len(objects) + 1, "image_id": image, "category_id": 1, "iscrowd": 0,
                            "area": float(area), "bbox": [0, 0, 64, 64], "keypoints": points.flatten().tolist(),
                            "num_keypoints": int((points[:, 2] > 0).sum())})  # fmt: skip
    for image, (people, scores) in enumerate(found):
        for points, score in zip(people, scores, strict=True):
            flagged = torch.cat([points, torch.ones(len(points), 1)], 1)
            detections.append({"image_id": image, "category_id": 1, "score": float(score),
                               "keypoints": flagged.flatten().tolist()})  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"images": [{"id": n} for n in range(len(truth))], "annotations": objects,
                        "categories": [{"id": 1}]}  # fmt: skip
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(detections), "keypoints")
        judge.params.kpt_oks_sigmas = np.array(SIGMAS)
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.evaluate()
        judge.accumulate()
    return judge


def test_similarity_equals_pycocotools():
    found, truth = crowd()
    judge = reference(found, truth)
    compared = 0
    for image, ((people, scores), points) in enumerate(zip(found, truth, strict=True)):
        if len(people):
            order = scores.argsort(descending=True, stable=True)
            torch.testing.assert_close(keypoint_similarity(people[order], points).numpy(), judge.ious[image, 1],
                                       rtol=1e-6, atol=1e-9)  # fmt: skip
            compared += 1
    assert compared == len(truth) - 1


def test_precision_equals_pycocotools():
    found, truth = crowd()
    precision = reference(found, truth).eval["precision"][:, :, 0, 0, 0]
    ours = keypoint_precision(found, truth)
    assert abs(ours["AP"] - precision.mean()) < 1e-9
    assert abs(ours["AP50"] - precision[0].mean()) < 1e-9
    assert abs(ours["AP75"] - precision[5].mean()) < 1e-9
    assert 0.1 < ours["AP"] < 0.9


def test_correct_keypoints_equal_a_loop():
    points = keypoints(sample_figures(6, 64, generator=generator(2), figures=1))[:, 0]
    found = points[..., :2] + 2 * torch.randn(6, len(KEYPOINTS), 2, generator=generator(3))
    right = correct_keypoints(found, points, 0.2)
    for person, true, said in zip(right, points, found, strict=True):
        place = dict(zip(KEYPOINTS, true[:, :2].tolist(), strict=True))
        neck, pelvis = (np.mean([place[f"left {part}"], place[f"right {part}"]], 0) for part in ("shoulder", "hip"))
        for k, name in enumerate(KEYPOINTS):
            assert bool(person[k]) == (np.hypot(*(said[k].numpy() - place[name])) <= 0.2 * np.hypot(*(neck - pelvis)))
    assert 0.1 < right.float().mean() < 0.95
    torch.testing.assert_close(torso_lengths(2 * points), 2 * torso_lengths(points))


def test_bad_input_is_refused():
    points = torch.ones(2, 13, 3)
    refused(lambda: correct_keypoints(torch.ones(3, 13, 2), points), "N = 3")
    refused(lambda: correct_keypoints(points, points, 0.0), "alpha must be")
    refused(lambda: keypoint_precision([], [points]), "0 and 1")
    refused(lambda: keypoint_precision([(points, torch.ones(2))], [0 * points]), "no person")


def test_the_kinds_are_those_of_the_figures():
    assert tuple(name.split(" ")[-1] for name in KEYPOINTS) == POINTS
