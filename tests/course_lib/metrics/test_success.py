"""Success and precision of tracks, by hand and by what their area must be."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.metrics.success import paired_iou, precision_curve, success_auc, success_curve


def test_by_hand():
    truth = torch.tensor([[0.0, 0.0, 10.0, 10.0]] * 3)
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [30.0, 0.0, 40.0, 10.0]])
    iou = paired_iou(boxes, truth)
    torch.testing.assert_close(iou, torch.tensor([1.0, 1 / 3, 0.0]))
    torch.testing.assert_close(success_curve(iou, (0.0, 0.3, 0.5, 1.0)), torch.tensor([2 / 3, 2 / 3, 1 / 3, 0.0]))
    torch.testing.assert_close(precision_curve(boxes, truth, (4.0, 5.0, 30.0)), torch.tensor([1 / 3, 2 / 3, 1.0]))


def test_the_area_under_a_fine_curve_is_the_mean():
    iou = torch.rand(500, generator=generator(0))
    fine = success_curve(iou, tuple(k / 2000 for k in range(2001)))
    assert float(fine.mean()) == pytest.approx(float(iou.mean()), abs=1e-3)
    assert success_auc(iou) == pytest.approx(float(iou.mean()), abs=0.03)


def test_boxes_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="N"):
        paired_iou(torch.zeros(2, 4), torch.zeros(3, 4))
