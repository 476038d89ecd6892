"""Angles between normals: turned by a known angle, exact near 0 and 180 degrees, refused without a direction."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.metrics.normals import angular_error, normal_scores

from ..refusals import refused


def turned(degrees: list[float], device="cpu", dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Normals (1, 3, 1, N) and the same ones turned around the y axis."""
    angle = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    truth = torch.zeros(1, 3, 1, len(degrees), dtype=torch.float64)
    truth[:, 2] = -1
    other = torch.stack([angle.sin(), torch.zeros_like(angle), -angle.cos()])[None, :, None]
    return other.to(device, dtype), truth.to(device, dtype)


def test_the_angle_is_the_one_by_which_normals_were_turned(device, dtype, close):
    degrees = [0.0, 1e-5, 0.5, 11.0, 90.0, 135.0, 179.9, 180.0]
    normals, truth = turned(degrees, device, dtype)
    close(angular_error(normals, truth)[0, 0], degrees, rtol=1e-8, atol=1e-9)


def test_length_does_not_count_and_the_order_does_not_matter(close):
    n, m = (torch.randn(2, 3, 4, 5, generator=generator(s), dtype=torch.float64) for s in (0, 1))
    close(angular_error(3 * n, 0.1 * m), angular_error(m, n))
    cosine = torch.cosine_similarity(n, m, dim=1)
    close(angular_error(n, m), torch.rad2deg(cosine.arccos()), rtol=1e-9)


def test_scores_by_hand():
    normals, truth = turned([0.0, 10.0, 20.0, 25.0, 60.0])
    found = normal_scores(normals, truth)
    assert found["mean"] == pytest.approx(23)
    assert found["median"] == pytest.approx(20)
    assert [found[f"below {limit}"] for limit in ("11.25", "22.5", "30")] == pytest.approx([0.4, 0.6, 0.8])
    counted = torch.tensor([[[False, True, False, False, True]]])
    assert normal_scores(normals, truth, counted)["mean"] == pytest.approx(35)


def test_bad_input_is_refused():
    normals, truth = turned([0.0, 10.0])
    refused(lambda: angular_error(normals[:, :2], truth), r"normals must be a floating-point tensor of shape \(B, 3")
    refused(lambda: angular_error(normals[..., :1], truth), "truth has W = 2 but normals has W = 1")
    refused(lambda: normal_scores(0 * normals, truth), "2 of 2 normals have no direction")
    refused(lambda: normal_scores(math.nan * normals, truth), "2 of 2 normals have no direction")
    refused(lambda: normal_scores(normals, truth, truth[:, 0]), "counted must be a bool tensor")
    refused(lambda: normal_scores(normals, truth, truth[:, 0] > 9), "no pixel is counted")
