"""The tiled rasteriser is the sum over all Gaussians, and ellipsoids are projected as their points are."""

from __future__ import annotations

import torch
from scipy.spatial.transform import Rotation

from course_lib.core.seeding import generator
from course_lib.fields.splatting import (
    GaussianPicture,
    GaussianScene,
    project_covariances,
    quaternion_to_matrix,
    splat_gaussians,
)
from course_lib.ops.geometry.cameras import look_at, project_points

from ..refusals import refused


def ellipses(device, dtype, count=40):
    draw = lambda *shape: torch.rand(*shape, generator=generator(count)).to(device, dtype)  # noqa: E731
    root = draw(count, 2, 2) * 4 - 2
    covariances = root @ root.transpose(1, 2) + 0.3 * torch.eye(2).to(root)
    return draw(count, 2) * torch.tensor([40.0, 30.0]).to(root), covariances, draw(count, 3), draw(count)


def brute_force(means, covariances, colours, opacities, height, width, background):
    """One pixel and one Gaussian after the other."""
    picture = torch.zeros(3, height, width, dtype=means.dtype)
    for i in range(height):
        for j in range(width):
            through, seen = 1.0, torch.zeros(3, dtype=means.dtype)
            for m, s, c, o in zip(means, covariances, colours, opacities, strict=True):
                away = torch.tensor([j + 0.5, i + 0.5], dtype=means.dtype) - m
                alpha = min(0.99, float(o * torch.exp(-0.5 * away @ torch.linalg.solve(s, away))))
                seen, through = seen + through * alpha * c, through * (1 - alpha)
            picture[:, i, j] = seen + through * background
    return picture


def test_tiles_equal_the_sum_over_all(device, dtype):
    means, covariances, colours, opacities = ellipses(device, dtype)
    background = torch.tensor([0.2, 0.5, 0.9]).to(means)
    ours = splat_gaussians(means, covariances, colours, opacities=opacities, height=30, width=40, background=background)
    wanted = brute_force(means.cpu(), covariances.cpu(), colours.cpu(), opacities.cpu(), 30, 40, background.cpu())
    # A tile leaves out what lies beyond 3.5 deviations: exp(-3.5^2 / 2) = 0.002 of an opacity.
    assert (ours.cpu() - wanted).abs().max() < 0.01
    assert (ours.cpu() - wanted).abs().mean() < 2e-4


def test_order_is_who_is_in_front():
    means, covariances = torch.tensor([[4.0, 4.0], [4.0, 4.0]]), 400 * torch.eye(2).repeat(2, 1, 1)
    colours, opacities = torch.eye(3)[:2], torch.tensor([0.5, 0.5])
    middle = splat_gaussians(means, covariances, colours, opacities=opacities, height=8, width=8)[:, 4, 4]
    assert torch.allclose(middle, torch.tensor([0.5, 0.25, 0.0]), atol=0.01)


def test_slopes_are_right():
    means, covariances, colours, opacities = ellipses("cpu", torch.float64, 4)
    target = torch.rand(3, 9, 9, generator=generator(1), dtype=torch.float64)

    def loss(means, covariances, colours, opacities):
        wide = 4 * torch.eye(2, dtype=torch.float64) + covariances
        drawn = splat_gaussians(means / 4, (wide + wide.transpose(1, 2)) / 2, colours, opacities=0.9 * opacities,
                                height=9, width=9)  # fmt: skip
        return (drawn * target).sum()

    given = [part.requires_grad_() for part in (means, covariances, colours, opacities)]
    assert torch.autograd.gradcheck(loss, given, atol=1e-4)


def test_turns_are_scipy_s(close):
    quaternions = torch.randn(6, 4, generator=generator(0), dtype=torch.float64)
    close(quaternion_to_matrix(quaternions), Rotation.from_quat(quaternions.roll(-1, 1).numpy()).as_matrix(), atol=1e-9)


def test_a_projected_ellipsoid_is_the_cloud_of_its_projected_points():
    camera = look_at(torch.tensor([3.0, -4.0, 2.0]), torch.tensor([0.2, 0.1, 0.3]), 80.0, height=64, width=64)
    root = 0.03 * torch.randn(1, 3, 3, generator=generator(2))
    covariances, centre = root @ root.transpose(1, 2), torch.tensor([[0.4, -0.3, 0.5]])
    cloud = centre + torch.randn(40_000, 3, generator=generator(3)) @ root[0].T
    pixels, _ = project_points(camera, cloud)
    wanted = torch.cov(pixels.T)
    ours = project_covariances(camera, centre, covariances)[0]
    assert torch.allclose(ours, wanted, rtol=0.05, atol=0.02)


def test_a_small_ellipsoid_far_off_the_axis_is_projected_by_autograds_slope():
    camera = look_at(torch.tensor([3.0, -4.0, 2.0]), torch.zeros(3), 60.0, height=48, width=48)
    centre = torch.tensor([[0.9, 0.7, -0.4]])
    root = torch.randn(3, 3, generator=generator(0)) * 0.1
    slope = torch.autograd.functional.jacobian(lambda p: project_points(camera, p)[0], centre)[0, :, 0]
    wanted = slope @ root @ root.T @ slope.T
    ours = project_covariances(camera, centre, (root @ root.T)[None])[0]
    assert torch.allclose(ours, wanted, rtol=1e-3, atol=1e-4)


def test_a_picture_is_learnt():
    target = torch.zeros(1, 16, 16)
    target[:, 4:12, 6:10] = 1.0
    picture = GaussianPicture(12, 16, 16, colours=1, generator=generator(0))
    optimiser = torch.optim.Adam(picture.parameters(), 0.05)
    losses = []
    for _ in range(80):
        loss = (picture() - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.15 * losses[0]


def test_a_scene_hides_what_is_behind():
    points = torch.tensor([[0.0, 0, 0.5], [0.0, 2, 0.5]])
    scene = GaussianScene(points, torch.eye(3)[:2], 0.3)
    for side, nearest in ((-4.0, 0), (6.0, 1)):
        camera = look_at(torch.tensor([0.0, side, 0.5]), torch.tensor([0.0, 1, 0.5]), 40.0, height=17, width=17)
        middle = scene(camera)[:, 8, 8]
        assert int(middle.argmax()) == nearest
    behind = look_at(torch.tensor([0.0, 6, 0.5]), torch.tensor([0.0, 9, 0.5]), 40.0, height=8, width=8)
    assert float(scene(behind).abs().max().detach()) == 0


def test_bad_input():
    refused(lambda: splat_gaussians(torch.rand(3, 2), torch.rand(3, 2, 2), torch.rand(2, 3), opacities=torch.rand(3),
                                    height=8, width=8), "colours")  # fmt: skip
    refused(lambda: GaussianPicture(0, 8, 8, generator=generator(0)), "count")
