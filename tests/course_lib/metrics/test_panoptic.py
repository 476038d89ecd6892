"""Panoptic quality equals torchmetrics' where the two agree on void, and a slow version of the paper everywhere."""

from __future__ import annotations

import math

import pytest
import torch
from torchmetrics.detection import PanopticQuality as TorchmetricsPanopticQuality

from course_lib.core.seeding import generator
from course_lib.data.scenes import panoptic_map, render, sample_scenes
from course_lib.metrics import PanopticQuality

CLASSES = 5  # 0 to 2 have instances, 3 and 4 are stuff


def maps(seed: int, *, void_in_prediction: bool = False, void_in_target: bool = True) -> tuple[torch.Tensor, ...]:
    """Prediction and target (3, 20, 24): boxes on two kinds of stuff; predicted boxes are moved, lost or misnamed."""
    stream = generator(seed)

    def integer(high: int) -> int:
        return int(torch.randint(high, (1,), generator=stream))

    both = []
    for _ in range(3):
        target = torch.full((20, 24), 3000)
        target[:, 12 + integer(4) :] = 4000
        prediction = torch.full((20, 24), 3000)
        prediction[:, 12 + integer(4) :] = 4000
        for instance in range(1, 7):
            label, y, x, h, w = integer(3), integer(14), integer(17), 5 + integer(4), 5 + integer(4)
            target[y : y + h, x : x + w] = 1000 * label + instance
            y, x = max(0, y + integer(3) - 1), max(0, x + integer(3) - 1)
            label = integer(3) if integer(5) == 0 else label
            if integer(8):
                prediction[y : y + h, x : x + w] = 1000 * label + 10 + instance
        if void_in_target:
            target[integer(8) :, 20 + integer(3) :] = -1
            target[2:8, 3:8] = -1
        if void_in_prediction:
            prediction[: 2 + integer(8), : 2 + integer(8)] = -1
        both.append((prediction, target))
    return tuple(torch.stack(part) for part in zip(*both, strict=True))


def compared(predictions: torch.Tensor, targets: torch.Tensor, device: str = "cpu") -> PanopticQuality:
    score = PanopticQuality(CLASSES)
    score.update(predictions[:2].to(device), targets[:2].to(device))
    score.update(predictions[2:].to(device), targets[2:].to(device))
    return score


@pytest.mark.parametrize("seed", range(4))
def test_equals_torchmetrics(device, close, seed):
    predictions, targets = maps(seed)
    pair = [torch.stack([m.div(1000, rounding_mode="floor"), m % 1000], -1) for m in (predictions, targets)]
    theirs = TorchmetricsPanopticQuality(things={0, 1, 2}, stuffs={3, 4}, return_sq_and_rq=True, return_per_class=True)
    ours = torch.stack(compared(predictions, targets, device).by_class(), 1)
    close(ours, theirs(*pair), rtol=1e-6, atol=1e-9)
    assert 0.2 < float(ours[:, 0].mean()) < 0.9
    averages = TorchmetricsPanopticQuality(things={0, 1, 2}, stuffs={3, 4}, return_sq_and_rq=True)(*pair)
    assert list(compared(predictions, targets, device).compute().values()) == pytest.approx(averages.tolist(), abs=1e-7)


def slow(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """(K, 3) PQ, SQ, RQ with sets of pixels, as the paper says it in section 4."""
    overlap, counts = [0.0] * CLASSES, [[0, 0, 0] for _ in range(CLASSES)]
    for prediction, target in zip(predictions, targets, strict=True):
        segments = []
        for image in (prediction, target):
            found: dict[int, set[int]] = {}
            for place, number in enumerate(image.flatten().tolist()):
                found.setdefault(number, set()).add(place)
            void = set().union(*(found.pop(number) for number in list(found) if number < 0))
            segments.append((found, void))
        (ours, _), (theirs, void) = segments
        right, used = set(), set()
        for p, mine in ours.items():
            for g, yours in theirs.items():
                iou = len(mine & yours) / len((mine - void) | yours)
                if p // 1000 == g // 1000 and iou > 0.5:
                    overlap[p // 1000] += iou
                    counts[p // 1000][0] += 1
                    right.add(p)
                    used.add(g)
        for p, mine in ours.items():
            counts[p // 1000][1] += p not in right and len(mine & void) <= len(mine) / 2
        for g in theirs:
            counts[g // 1000][2] += g not in used
    rows = []
    for total, (tp, fp, fn) in zip(overlap, counts, strict=True):
        whole = tp + (fp + fn) / 2
        rows.append([total / whole, total / max(tp, 1), tp / whole] if whole else [math.nan] * 3)
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("void", [False, True])
def test_equals_the_paper_by_sets_with_void_on_either_side(close, seed, void):
    predictions, targets = maps(seed, void_in_prediction=True, void_in_target=void)
    close(torch.stack(compared(predictions, targets).by_class(), 1), slow(predictions, targets))


def test_pq_is_sq_times_rq_and_perfect_is_one():
    predictions, targets = maps(0)
    pq, sq, rq = compared(predictions, targets).by_class()
    torch.testing.assert_close(pq, sq * rq)
    scene = sample_scenes(3, 48, generator=generator(0), objects=(2, 5))
    truth = panoptic_map(scene, render(scene, image=False))
    score = PanopticQuality(int(truth.max()) // 1000 + 1)
    score.update(truth, truth)
    assert score.compute() == {"PQ": 1, "SQ": 1, "RQ": 1}


def test_by_hand():
    """One object of 4 pixels found with 3 (IoU 3/4), one missed, one invented."""
    target = torch.tensor([[[1, 1, 1, 1, 2, 2]]])
    prediction = torch.tensor([[[7, 7, 7, 8, 8, -1]]])
    score = PanopticQuality(2)
    score.update(prediction, target)
    assert score.compute() == {"PQ": pytest.approx(0.75 / 2), "SQ": pytest.approx(0.75), "RQ": pytest.approx(0.5)}
    assert math.isnan(float(score.by_class()[0][1]))


def test_nothing_gives_nan():
    score = PanopticQuality(3)
    assert all(math.isnan(value) for value in score.compute().values())
    score.update(torch.full((2, 4, 4), -1), torch.full((2, 4, 4), -1))
    score.update(torch.zeros(0, 4, 4, dtype=torch.int64), torch.zeros(0, 4, 4, dtype=torch.int64))
    assert all(math.isnan(value) for value in score.compute().values())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PanopticQuality(0), "classes and offset must be at least 1, not 0 and 1000"),
        (lambda: PanopticQuality(2).update(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)), "predictions is a float32"),
        (
            lambda: PanopticQuality(2).update(torch.zeros(2, 2).long(), torch.zeros(2, 2).long()),
            r"predictions must have shape \(B, H, W\), not \(2, 2\)",
        ),
        (
            lambda: PanopticQuality(2).update(torch.full((1, 2, 2), 2000), torch.zeros(1, 2, 2).long()),
            "predictions must hold classes 0 to 1, but the highest is 2",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
