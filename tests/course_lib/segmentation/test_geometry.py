"""Losses of depth and normals on known cases; normals of rendered scenes follow from their depth."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import render, sample_scenes
from course_lib.metrics.normals import angular_error
from course_lib.segmentation.geometry import normal_loss, normals_from_depth, scale_invariant_loss, unit_normals

from ..refusals import refused


def pair():
    stream = generator(0)
    truth = 1 + 4 * torch.rand(3, 5, 7, generator=stream, dtype=torch.float64)
    return truth.log() + 0.3 * torch.randn(3, 5, 7, generator=stream, dtype=torch.float64), truth


@pytest.mark.parametrize("lam", [0.0, 0.5, 1.0])
def test_the_loss_equals_its_form_over_pairs_of_pixels(lam):
    log_depth, truth = pair()
    total = 0.0
    for d, t in zip(log_depth, truth, strict=True):
        r = (d - t.log()).flatten()
        apart = (r[:, None] - r).square().mean() / 2  # = mean r^2 - (mean r)^2
        total += float(lam * apart + (1 - lam) * r.square().mean())
    assert float(scale_invariant_loss(log_depth, truth, lam)) == pytest.approx(total / 3, rel=1e-12)


def test_a_factor_costs_the_share_that_is_not_forgiven():
    _, truth = pair()
    log_depth = (3 * truth).log()
    squared = torch.tensor(3.0, dtype=torch.float64).log().square()
    for lam in (0.0, 0.25, 1.0):
        assert float(scale_invariant_loss(log_depth, truth, lam)) == pytest.approx(
            float((1 - lam) * squared), abs=1e-12
        )


def test_uncounted_pixels_and_pictures_add_nothing_and_none_at_all_gives_0():
    log_depth, truth = pair()
    log_depth.requires_grad_()
    counted = torch.rand(truth.shape, generator=generator(1)) < 0.6
    counted[1] = False
    spoilt = torch.where(counted, truth, torch.nan)
    loss = scale_invariant_loss(log_depth, spoilt, counted=counted)
    rows = [
        scale_invariant_loss(log_depth[b][counted[b]][None, None], truth[b][counted[b]][None, None]) for b in (0, 2)
    ]
    assert loss.item() == pytest.approx(sum(rows).item() / 2, rel=1e-12)
    (slope,) = torch.autograd.grad(loss, log_depth)
    assert torch.isfinite(slope).all()
    assert float(slope[~counted].abs().max()) == 0
    nothing = scale_invariant_loss(log_depth, truth, counted=torch.zeros_like(counted))
    assert nothing.item() == 0
    assert torch.equal(torch.autograd.grad(nothing, log_depth)[0], torch.zeros_like(log_depth))


def test_normals_have_length_1_and_their_loss_is_one_minus_the_cosine(device, dtype, close):
    stream = generator(0)
    outputs, other = (
        torch.randn(2, 3, 4, 5, generator=stream, dtype=torch.float64).to(device, dtype) for _ in range(2)
    )
    truth = unit_normals(other)
    close(torch.linalg.vector_norm(unit_normals(outputs), dim=1), torch.ones(2, 4, 5))
    angle = angular_error(outputs, truth).deg2rad()
    close(normal_loss(outputs, truth), (1 - angle.cos()).mean())
    close(normal_loss(7 * truth, truth), 0.0, atol=1e-9)
    close(normal_loss(-truth, truth), 2.0)
    counted = angle > 1
    close(normal_loss(outputs, truth, counted=counted), (1 - angle.cos())[counted].mean())
    close(normal_loss(outputs, truth, counted=counted & ~counted), 0.0)


def test_zeros_have_a_finite_gradient():
    outputs = torch.zeros(1, 3, 2, 2, requires_grad=True)
    normal_loss(outputs, torch.ones(1, 3, 2, 2)).backward()
    assert torch.isfinite(outputs.grad).all()


def test_a_tilted_plane_has_its_normal_everywhere(device, dtype, close):
    x = torch.arange(6, device=device, dtype=dtype)
    depth = 0.5 * x + 2 * torch.arange(5, device=device, dtype=dtype)[:, None]
    wanted = torch.tensor([0.5, 2.0, -1.0], dtype=torch.float64)
    wanted = (wanted / wanted.norm())[None, :, None, None].expand(1, 3, 5, 6)
    close(normals_from_depth(depth[None]), wanted)


def test_depth_and_normals_of_the_courses_scenes_agree_inside_of_surfaces():
    drawn = render(sample_scenes(4, 64, generator=generator(0)), geometry=True)
    error = angular_error(normals_from_depth(drawn.depth), drawn.normals)
    assert float(error.median()) < 0.5
    assert float((error < 10).double().mean()) > 0.8


def test_bad_input_is_refused():
    log_depth, truth = pair()
    refused(lambda: scale_invariant_loss(log_depth, truth[:1]), "truth has B = 1 but log_depth has B = 3")
    refused(lambda: scale_invariant_loss(log_depth, -truth), "truth must be above 0 where it is counted")
    refused(lambda: scale_invariant_loss(log_depth, truth, 1.5), r"lam must be in \[0, 1\], not 1.5")
    refused(lambda: scale_invariant_loss(log_depth, truth, counted=truth), "counted must be a bool tensor")
    refused(lambda: unit_normals(truth), "outputs must be a floating-point tensor of shape")
    refused(lambda: normals_from_depth(truth[:, :2]), "depth must be at least 3 x 3 pixels, not 2 x 7")
