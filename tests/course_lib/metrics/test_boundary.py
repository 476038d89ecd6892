"""Outlines of class maps, on pictures small enough to count by hand."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.metrics.boundary import class_boundary_f, mean_boundary_f
from course_lib.metrics.segmentation import boundary_f_score

from ..refusals import refused


def halves(column: int) -> torch.Tensor:
    """(1, 6, 8): class 0 left of a column, class 1 from it on."""
    return (torch.arange(8) >= column).long().expand(1, 6, 8).clone()


@pytest.mark.parametrize(
    ("shift", "tolerance", "wanted"), [(0, 0, 1.0), (1, 0, 0.0), (1, 1, 1.0), (2, 1, 0.0), (2, 2, 1.0)]
)
def test_a_straight_outline_is_right_up_to_the_tolerance(shift, tolerance, wanted):
    found = class_boundary_f(halves(4 + shift), halves(4), 3, tolerance=tolerance)
    assert found[0, :2].tolist() == [wanted, wanted]
    assert found[0, 2].isnan()
    assert mean_boundary_f(found) == wanted


def test_half_of_the_outline_by_hand():
    prediction = halves(4)
    prediction[0, 3:] = halves(7)[0, 3:]  # the lower half of the outline lies three columns beside
    found = class_boundary_f(prediction, halves(4), 2, tolerance=0)
    # Class 1, whose outline lies in column 4 of the truth: three of its points are found. The prediction's outline has
    # those, the step's columns 4, 5 and 6 of row 2 of which column 4 is counted already, and column 7 below.
    precision, recall = 3 / 8, 3 / 6
    assert float(found[0, 1]) == pytest.approx(2 * precision * recall / (precision + recall))


def test_a_class_that_is_only_predicted_scores_0_and_pulls_the_mean_down():
    prediction, target = halves(4), halves(4)
    prediction[0, 0, 0] = 2
    found = class_boundary_f(prediction, target, 4, tolerance=1)
    assert float(found[0, 2]) == 0
    assert found[0, 3].isnan()
    assert mean_boundary_f(found) == pytest.approx(float(found[0, :3].mean()))


def test_it_is_the_score_of_each_mask(device):
    stream = generator(0)
    prediction, target = (torch.randint(3, (4, 9, 10), generator=stream).to(device) for _ in range(2))
    found = class_boundary_f(prediction, target, 3)
    for k in range(3):
        assert torch.equal(found[:, k], boundary_f_score(prediction == k, target == k, 1.0))


def test_the_mean_counts_pictures_alike_whatever_number_of_classes_they_have():
    nan = float("nan")
    assert mean_boundary_f(torch.tensor([[1.0, nan, nan], [0.0, 0.0, 0.3]])) == pytest.approx(0.55)


def test_what_is_ignored_is_right_whatever_was_predicted():
    target = halves(4)
    target[0, :, 6:] = 255
    prediction = halves(4)
    prediction[0, :, 6:] = 2
    found = class_boundary_f(prediction, target, 3, tolerance=0, ignore=255)
    assert found[0, :2].tolist() == [1.0, 1.0]
    assert found[0, 2].isnan()


def test_bad_input_is_refused():
    refused(lambda: class_boundary_f(halves(4)[0], halves(4), 2), r"prediction must be an int64 tensor of shape \(B")
    refused(lambda: class_boundary_f(halves(4).float(), halves(4), 2), "prediction must be an int64 tensor")
    refused(lambda: class_boundary_f(halves(4)[:, 1:], halves(4), 2), "prediction and target must be alike")
    refused(lambda: class_boundary_f(halves(4) + 1, halves(4), 2), "prediction must hold labels 0 to 1")
    refused(lambda: class_boundary_f(halves(4), halves(4) + 254, 2), "target must hold labels 0 to 1")
    refused(lambda: class_boundary_f(halves(4), halves(4), 2, tolerance=-1), "tolerance must be 0 pixels or more")
