"""Depth scores on cases that are worked out by hand, and what a change of scale does to each."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.metrics.depth import align_scale, depth_scores, threshold_accuracy

from ..refusals import refused


def pair(device="cpu", dtype=torch.float64):
    stream = generator(0)
    truth = 1 + 4 * torch.rand(3, 5, 7, generator=stream, dtype=torch.float64)
    return (truth * (0.3 * torch.randn(3, 5, 7, generator=stream, dtype=torch.float64)).exp()).to(
        device, dtype
    ), truth.to(device, dtype)


def test_scores_of_four_pixels_by_hand(device, dtype):
    truth = torch.tensor([1.0, 2.0, 4.0, 4.0], device=device, dtype=dtype)
    depth = torch.tensor([1.0, 2.4, 2.0, 9.0], device=device, dtype=dtype)
    found = depth_scores(depth, truth)
    steps = [0.0, math.log(1.2), -math.log(2), math.log(2.25)]
    mean = sum(steps) / 4
    assert found["rmse"] == pytest.approx(math.sqrt((0.16 + 4 + 25) / 4), rel=1e-5)
    assert found["absolute relative"] == pytest.approx((0.2 + 0.5 + 1.25) / 4, rel=1e-5)
    assert found["log rmse"] == pytest.approx(math.sqrt(sum(s * s for s in steps) / 4), rel=1e-5)
    assert found["scale-invariant"] == pytest.approx(math.sqrt(sum((s - mean) ** 2 for s in steps) / 4), rel=1e-5)
    assert [found[f"delta {k}"] for k in (1, 2, 3)] == [0.5, 0.5, 0.5]  # 1.25^3 = 1.95 < 2
    assert threshold_accuracy(depth, truth, threshold=2.1) == 0.75


def test_the_threshold_is_excluded_and_both_directions_count():
    truth = torch.tensor([4.0, 4.0, 4.0, 4.0], dtype=torch.float64)
    depth = torch.tensor([5.0, 4.99, 3.2, 3.21], dtype=torch.float64)
    assert threshold_accuracy(depth, truth) == 0.5


def test_pixels_that_do_not_count_change_nothing():
    depth, truth = pair()
    counted = torch.rand(truth.shape, generator=generator(1)) < 0.5
    wanted = depth_scores(depth[counted], truth[counted])
    assert depth_scores(depth, torch.where(counted, truth, -1.0), counted) == wanted


def test_scale_changes_all_scores_but_the_scale_invariant_one():
    depth, truth = pair()
    before, after = depth_scores(depth[:1], truth[:1]), depth_scores(3 * depth[:1], truth[:1])
    assert after["scale-invariant"] == pytest.approx(before["scale-invariant"], rel=1e-12)
    assert after["rmse"] > 2 * before["rmse"]
    assert after["delta 1"] < before["delta 1"]


def test_alignment_undoes_each_pictures_scale_and_gives_the_least_log_error(device, dtype, close):
    depth, truth = pair(device, dtype)
    scaled = depth * torch.tensor([0.2, 3.0, 1.0], device=device, dtype=dtype)[:, None, None]
    aligned = align_scale(scaled, truth)
    close(aligned, align_scale(depth, truth), rtol=1e-9)
    best = depth_scores(aligned[:1], truth[:1])["log rmse"]
    assert best == pytest.approx(depth_scores(depth[:1], truth[:1])["scale-invariant"], rel=1e-5)
    for factor in (0.99, 1.01):
        assert depth_scores(factor * aligned[:1], truth[:1])["log rmse"] > best


def test_alignment_reads_only_counted_pixels():
    depth, truth = pair()
    counted = torch.rand(truth.shape, generator=generator(1)) < 0.5
    spoilt = torch.where(counted, truth, 0.0)
    ratio = align_scale(depth, spoilt, counted) / depth
    for b in range(3):
        step = (truth[b].log() - depth[b].log())[counted[b]].mean().exp()
        assert torch.allclose(ratio[b], step)


def test_bad_input_is_refused():
    depth, truth = pair()
    none = torch.zeros_like(truth, dtype=torch.bool)
    refused(lambda: depth_scores(depth, truth[0]), "depth and truth must be floating-point tensors of one shape")
    refused(lambda: depth_scores(depth.long(), truth), "depth and truth must be floating-point")
    refused(lambda: depth_scores(depth, truth, truth), "counted must be a bool tensor of shape")
    refused(lambda: depth_scores(depth, truth, none), "no pixel is counted")
    refused(lambda: depth_scores(-depth, truth), "the least depth must be a finite number above 0")
    refused(lambda: depth_scores(depth, 0 * truth), "the least true depth must be a finite number above 0, not 0.0")
    refused(lambda: depth_scores(depth * math.nan, truth), "the least depth must be a finite number above 0, not nan")
    refused(lambda: threshold_accuracy(depth, truth, threshold=1.0), "threshold must be a number above 1")
    refused(lambda: align_scale(depth[0], truth[0]), r"depth must have shape \(B, H, W\)")
    some = none.clone()
    some[0] = True
    refused(lambda: align_scale(depth, truth, some), "picture 1 has no counted pixel")
