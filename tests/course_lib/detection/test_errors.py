"""Each kind of error is recognised where it was made on purpose, and mending it brings back what it cost."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.detection.errors import KINDS, MISSED, RIGHT, count_errors, error_kinds, error_prices, mend

from ..refusals import refused

OBJECTS = {"boxes": torch.tensor([[0.0, 0, 20, 20], [40, 0, 60, 20], [0, 40, 20, 60], [80, 80, 99, 99]]),
           "labels": torch.tensor([0, 1, 2, 1])}  # fmt: skip


def prediction(*rows) -> dict[str, torch.Tensor]:
    """Rows of box, score, label."""
    return {"boxes": torch.tensor([row[0] for row in rows], dtype=torch.float32).view(-1, 4),
            "scores": torch.tensor([row[1] for row in rows]),
            "labels": torch.tensor([row[2] for row in rows], dtype=torch.int64)}  # fmt: skip


ALL = prediction(
    ([0, 0, 20, 20], 0.9, 0),
    ([1, 0, 21, 20], 0.8, 0),  # the same object again
    ([40, 0, 60, 20], 0.7, 2),  # another class
    ([10, 40, 30, 60], 0.6, 2),  # a third of it
    ([70, 30, 79, 39], 0.5, 1),  # nothing there
    ([50, 0, 70, 20], 0.4, 0),  # neither class nor place
)


def test_each_kind_is_recognised():
    kinds, about, missed = error_kinds(ALL, OBJECTS)
    assert kinds == [RIGHT, "duplicate", "classification", "localisation", "background", "both"]
    assert about.tolist() == [0, 0, 1, 2, -1, 1]
    assert missed.tolist() == [False, False, False, True], "what would be found if mended is not missed"
    assert count_errors([ALL], [OBJECTS]) == {RIGHT: 1, **dict.fromkeys(KINDS, 1)}


def test_the_better_score_takes_the_object_wherever_it_stands_in_the_list():
    turned = {name: value.flip(0) for name, value in ALL.items()}
    assert error_kinds(turned, OBJECTS)[0] == error_kinds(ALL, OBJECTS)[0][::-1]


def test_the_borders_of_the_kinds():
    one = {"boxes": torch.tensor([[0.0, 0, 10, 10]]), "labels": torch.tensor([0])}
    for width, kind in ((20.0, RIGHT), (20.1, "localisation"), (100.0, "localisation"), (100.5, "background")):
        assert error_kinds(prediction(([0, 0, width, 10], 1.0, 0)), one)[0] == [kind]
    assert error_kinds(prediction(([0, 0, 20, 10], 1.0, 1)), one)[0] == ["classification"]
    assert error_kinds(prediction(([0, 0, 20.1, 10], 1.0, 1)), one)[0] == ["both"]


def test_mending_changes_what_it_should_and_nothing_else():
    found, _ = mend(ALL, OBJECTS, "classification")
    assert found["labels"].tolist() == [0, 0, 1, 2, 1, 0]
    found, _ = mend(ALL, OBJECTS, "localisation")
    assert found["boxes"][3].tolist() == [0, 40, 20, 60]
    assert torch.equal(found["labels"], ALL["labels"])
    for kind, gone in (("duplicate", 1), ("background", 4), ("both", 5)):
        found, _ = mend(ALL, OBJECTS, kind)
        assert found["scores"].tolist() == [score for k, score in enumerate(ALL["scores"].tolist()) if k != gone]
    found, true = mend(ALL, OBJECTS, MISSED)
    assert len(found["boxes"]) == 6
    assert true["labels"].tolist() == [0, 1, 2]
    assert ALL["labels"].tolist() == [0, 0, 2, 2, 1, 0], "what came in stays as it was"


def test_two_wrong_ones_for_one_object_are_mended_once():
    two = prediction(([40, 0, 60, 20], 0.3, 2), ([40, 0, 60, 20], 0.7, 0))
    found, _ = mend(two, OBJECTS, "classification")
    assert found["labels"].tolist() == [1]
    assert found["scores"].tolist() == pytest.approx([0.7])


@pytest.mark.parametrize("kind", KINDS)
def test_a_detector_with_one_kind_of_error_pays_for_that_kind_alone(kind):
    """Twenty pictures; half have one kind of error, and mending it must give full marks."""
    predictions, targets = [], []
    stream = generator(0)
    for k in range(20):
        corner = 60 * torch.rand(2, generator=stream)
        box = torch.cat([corner, corner + 20])
        right, far = (box.tolist(), 0.5, 0), [box[0] + 30, box[1] + 30, box[0] + 50, box[1] + 50]
        rows = {"classification": [(box.tolist(), 0.5, 1)], "localisation": [((box + 8).tolist(), 0.5, 0)],
                "both": [right, ((box + 8).tolist(), 0.6, 1)],
                "duplicate": [((box + 1).tolist(), 0.6, 0), (box.tolist(), 0.55, 0)],
                "background": [right, (far, 0.6, 0)], MISSED: []}[kind]  # fmt: skip
        predictions.append(prediction(*(rows if k % 2 else [right])))
        targets.append({"boxes": box[None], "labels": torch.tensor([0])})
    if kind in ("classification", "both"):  # the other class has an object as well, else its errors would cost nothing
        predictions.append(prediction(([0, 0, 9, 9], 0.5, 1)))
        targets.append({"boxes": torch.tensor([[0.0, 0, 9, 9]]), "labels": torch.tensor([1])})
    prices = error_prices(predictions, targets)
    assert prices["AP50"] + prices[kind] == pytest.approx(1)
    assert prices["AP50"] < 1
    others = [prices[other] for other in KINDS if other != kind]
    assert max(others) < 1e-6


def test_pictures_without_detections_or_objects():
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    assert error_kinds(ALL, nothing)[0] == ["background"] * 6
    kinds, _, missed = error_kinds(prediction(), OBJECTS)
    assert kinds == []
    assert missed.all()
    refused(lambda: mend(ALL, OBJECTS, "bad luck"), "kind must be one of")
