"""Why a detector loses points: each error has a kind, and each kind a price (chapter 10, "detection-metrics").

A detection is right if it takes a free object of its class with IoU >= 0.5, best score first. All others are, in this
order, with IoU over all objects of the picture,

    localisation     0.1 <= IoU < 0.5 with an object of its class
    classification   IoU >= 0.5 with an object of another class
    duplicate        IoU >= 0.5 with an object of its class that a better one has taken
    background       IoU < 0.1 with every object
    both             what is left: neither class nor place

    missed           an object that no detection takes, and none would take if its class or its place were mended

The price of a kind is what AP50 gains if an oracle mends it alone: classes and places are put right (of several for one
object the best), duplicates, background and both are removed, missed objects are not counted. Prices do not add up to
1 - AP50, because mending one kind changes what the others cost. Bolya, Foley, Hays, Hoffman, TIDE, 2020,
arXiv:2008.08115.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.detection.detector import Target
from course_lib.metrics.average_precision import AveragePrecision
from course_lib.metrics.matching import match_detections
from course_lib.ops.boxes import box_iou

RIGHT, MISSED = "right", "missed"
KINDS = ("classification", "localisation", "both", "duplicate", "background", MISSED)
ENOUGH, NOTHING = 0.5, 0.1


def error_kinds(prediction: Target, target: Target) -> tuple[list[str], Tensor, Tensor]:
    """What each detection of a picture is.

    Args:
        prediction: boxes (D, 4), scores (D,), labels (D,).
        target: boxes (G, 4), labels (G,).

    Returns:
        The kind of each detection, "right" or one of KINDS; (D,) int64, the object that it is about, -1 for none; and
        (G,) bool, which objects are missed.
    """
    boxes, labels = prediction["boxes"], prediction["labels"]
    overlap = box_iou(boxes, target["boxes"])  # (D, G)
    same = labels[:, None] == target["labels"]
    takes = _takes(prediction, target, overlap.masked_fill(~same, 0))
    taken = torch.zeros(len(target["boxes"]), dtype=torch.bool)
    taken[takes[takes >= 0]] = True
    kinds, about = [], takes.clone()
    for d, (row, alike) in enumerate(zip(overlap, same, strict=True)):
        if takes[d] >= 0:
            kinds.append(RIGHT)
            continue
        own, other = _best(row, alike), _best(row, ~alike)
        if own is not None and NOTHING <= row[own] < ENOUGH:
            kind, near = "localisation", own
        elif other is not None and row[other] >= ENOUGH:
            kind, near = "classification", other
        elif own is not None and row[own] >= ENOUGH:
            kind, near = "duplicate", own
        elif not len(row) or row.max() < NOTHING:
            kind, near = "background", -1
        else:
            kind, near = "both", int(row.argmax())
        kinds.append(kind)
        about[d] = near
    mendable = torch.zeros_like(taken)
    for kind, near in zip(kinds, about.tolist(), strict=True):
        if kind in ("localisation", "classification"):
            mendable[near] = True
    return kinds, about, ~taken & ~mendable


def count_errors(predictions: Sequence[Target], targets: Sequence[Target]) -> dict[str, int]:
    """How many detections and objects are of each kind, "right" first."""
    found: Counter[str] = Counter()
    for prediction, target in zip(predictions, targets, strict=True):
        kinds, _, missed = error_kinds(prediction, target)
        found.update(kinds)
        found[MISSED] += int(missed.sum())
    return {kind: found[kind] for kind in (RIGHT, *KINDS)}


def mend(prediction: Target, target: Target, kind: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A picture's detections and objects after an oracle has mended one kind of error.

    Args:
        prediction, target: As for `error_kinds`.
        kind: One of KINDS.

    Returns:
        The prediction and the target as they would be.

    Raises:
        ValueError: For an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    kinds, about, missed = error_kinds(prediction, target)
    found, true = dict(prediction), dict(target)
    if kind == MISSED:
        return found, {name: true[name][~missed] for name in ("boxes", "labels")}
    found = {name: value.clone() for name, value in found.items()}
    taken = {int(about[d]) for d, name in enumerate(kinds) if name == RIGHT}
    kept = torch.ones(len(kinds), dtype=torch.bool)
    for d in prediction["scores"].argsort(descending=True, stable=True).tolist():
        if kinds[d] != kind:
            continue
        near = int(about[d])
        if kind not in ("classification", "localisation") or near in taken:
            kept[d] = False
            continue
        taken.add(near)
        name = "labels" if kind == "classification" else "boxes"
        found[name][d] = true[name][near]
    return {name: value[kept] for name, value in found.items()}, true


def error_prices(predictions: Sequence[Target], targets: Sequence[Target]) -> dict[str, float]:
    """AP50, and how much of it each kind of error costs.

    Args:
        predictions: For each picture boxes (D, 4), scores (D,), labels (D,).
        targets: For each picture boxes (G, 4), labels (G,).

    Returns:
        "AP50" and for each of KINDS what AP50 would gain.
    """
    base = _ap50(predictions, targets)
    found = {"AP50": base}
    for kind in KINDS:
        pairs = [mend(prediction, target, kind) for prediction, target in zip(predictions, targets, strict=True)]
        found[kind] = _ap50([pair[0] for pair in pairs], [pair[1] for pair in pairs]) - base
    return found


def _takes(prediction: Target, target: Target, overlap: Tensor) -> Tensor:
    """(D,) the object that each detection takes, by the rules of average precision; -1 for none."""
    order = prediction["scores"].argsort(descending=True, stable=True)
    nobody = torch.zeros(1, len(target["boxes"]), dtype=torch.bool)
    found = torch.empty(len(order), dtype=torch.int64)
    found[order] = match_detections(overlap[order], torch.tensor([ENOUGH]), nobody)[0, 0]
    return found


def _best(row: Tensor, wanted: Tensor) -> int | None:
    """Which of the wanted objects overlaps most; None if there is none."""
    return int(torch.where(wanted, row, -1).argmax()) if wanted.any() else None


def _ap50(predictions: Sequence[Target], targets: Sequence[Target]) -> float:
    score = AveragePrecision()
    score.update(predictions, targets)
    return score.compute()["AP50"]
