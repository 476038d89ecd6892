"""Point clouds: geometry by hand, neighbours by brute force, normals of a sphere, outliers that were planted."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.geometry3d import point_cloud as pc
from course_lib.ops.neighbours import pairwise_distances


def sphere(count, device="cpu", dtype=torch.float64, noise=0.0):
    x = torch.randn(count, 3, generator=generator(1), dtype=torch.float64)
    x = torch.nn.functional.normalize(x, dim=1)
    x = x * (1 + noise * torch.randn(count, 1, generator=generator(2), dtype=torch.float64))
    return (x + torch.tensor([0.0, 0.0, 5.0])).to(device, dtype)


def test_depth_and_points_by_hand(device, dtype, close):
    disparity = torch.tensor([[8.0, 3.0], [torch.inf, -2.0]], device=device, dtype=dtype)
    depth = pc.depth_from_disparity(disparity, focal=100.0, baseline=0.2, offset=2.0)
    close(depth[0], [2.0, 4.0])
    assert depth[1].isnan().all()
    points = pc.unproject(depth, 100.0, (0.5, 1.0))
    close(points[0], [[-0.01, -0.02, 2.0], [0.02, -0.04, 4.0]])
    assert points[1].isnan().all()


def test_points_project_back_to_their_pixels(device, dtype, close):
    depth = 1 + torch.rand(6, 9, generator=generator(0), dtype=torch.float64).to(device, dtype)
    x, y, z = pc.unproject(depth, 50.0, (4.2, 2.7)).unbind(-1)
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(9.0), indexing="ij")
    close(50 * x / z + 4.2, columns, rtol=1e-9, atol=1e-9)
    close(50 * y / z + 2.7, rows, rtol=1e-9, atol=1e-9)


def test_depth_error_grows_with_the_square_of_the_depth():
    disparity = torch.tensor([40.0, 20.0, 10.0], dtype=torch.float64, requires_grad=True)
    depth = pc.depth_from_disparity(disparity, 1000.0, 0.1)
    (slope,) = torch.autograd.grad(depth.sum(), disparity)
    torch.testing.assert_close(slope, -(depth.detach() ** 2) / 100)


def test_neighbours_equal_brute_force(device, dtype, close):
    points, queries = sphere(300, device, dtype), sphere(40, device, dtype, noise=0.3)
    distance, index = pc.nearest_points(points, queries, 7)
    wanted = pairwise_distances(queries, points).sort(dim=1)
    close(distance, wanted.values[:, :7], rtol=1e-6, atol=1e-6)
    assert torch.equal(index, wanted.indices[:, :7])


def test_normals_of_a_sphere_point_along_the_radius_and_to_the_viewer(device, dtype):
    points = sphere(3000, device, dtype)
    centre = points.new_tensor([0.0, 0.0, 5.0])
    normals, variation = pc.estimate_normals(points, 16)
    cosine = (normals * (points - centre)).sum(1).abs()
    assert torch.rad2deg(torch.acos(cosine.clamp(max=1))).mean() < 1.5
    assert ((normals * -points).sum(1) >= 0).all()
    inwards, _ = pc.estimate_normals(points, 16, viewpoint=centre)
    assert ((inwards * (centre - points)).sum(1) > 0.9).all()
    assert variation.max() < 0.05


def test_a_plane_has_no_variation_and_noise_wants_more_neighbours():
    flat = torch.rand(500, 3, generator=generator(3), dtype=torch.float64)
    flat[:, 2] = 2 + 0.3 * flat[:, 0] - 0.2 * flat[:, 1]
    normals, variation = pc.estimate_normals(flat, 8)
    truth = torch.nn.functional.normalize(torch.tensor([0.3, -0.2, -1.0], dtype=torch.float64), dim=0)
    torch.testing.assert_close(normals, truth.expand(500, 3), rtol=0, atol=1e-6)
    assert variation.max() < 1e-12
    noisy = sphere(3000, noise=0.02)
    radial = torch.nn.functional.normalize(sphere(3000) - torch.tensor([0.0, 0, 5], dtype=torch.float64), dim=1)
    error = [
        float(torch.rad2deg(torch.acos((pc.estimate_normals(noisy, k)[0] * radial).sum(1).abs().clamp(max=1))).mean())
        for k in (6, 40)
    ]
    assert error[1] < 0.5 * error[0]


def test_variation_is_the_smallest_of_three_spreads_over_their_sum(device, dtype, close):
    axes = torch.diag(torch.tensor([3.0, 2.0, 1.0], device=device, dtype=dtype))  # variances as 9 to 4 to 1
    points = torch.cat([torch.zeros_like(axes[:1]), axes, -axes])
    _, variation = pc.estimate_normals(points, 7)
    close(variation, torch.full_like(variation, 1 / 14))


def test_planted_outliers_go_and_the_sphere_stays():
    points = sphere(2000)
    strays = 4 * torch.rand(60, 3, generator=generator(4), dtype=torch.float64) + torch.tensor([-2.0, -2.0, 3.0])
    strays = strays[((strays - torch.tensor([0.0, 0, 5])).norm(dim=1) - 1).abs() > 0.4]
    keep = pc.keep_inliers(torch.cat([points, strays]), 8, 2.0)
    assert keep[:2000].double().mean() > 0.99
    assert keep[2000:].double().mean() < 0.15


def test_voxel_means_equal_a_dictionary(device, dtype, close):
    points = torch.randn(400, 5, generator=generator(5), dtype=torch.float64).to(device, dtype)
    means, count = pc.voxel_downsample(points, 0.5)
    cells: dict = {}
    for point in points.cpu().double():
        cells.setdefault(tuple(torch.floor(point[:3] / 0.5).long().tolist()), []).append(point)
    assert sum(count.tolist()) == 400
    assert len(means) == len(cells)
    for mean, number in zip(means.cpu().double(), count.tolist(), strict=True):
        members = [m for m in cells.values() if len(m) == number]
        assert min(float((torch.stack(m).mean(0) - mean).abs().max()) for m in members) < 1e-5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pc.depth_from_disparity(torch.zeros(2), 0.0, 1.0), "focal must be"),
        (lambda: pc.depth_from_disparity([1.0], 1.0, 1.0), "disparity must be a floating-point tensor"),
        (lambda: pc.unproject(torch.zeros(3), 1.0, (0, 0)), r"shape \(H, W\)"),
        (lambda: pc.nearest_points(torch.zeros(3, 3), torch.zeros(1, 3), 4), "k must be 1 to 3"),
        (lambda: pc.nearest_points(torch.zeros(3, 3), torch.zeros(1, 2), 1), "must be equal"),
        (lambda: pc.estimate_normals(torch.zeros(9, 3), 2), "k must be at least 3"),
        (lambda: pc.keep_inliers(torch.zeros(3, 3), 2, 0.0), "ratio must be"),
        (lambda: pc.voxel_downsample(torch.full((3, 3), torch.nan), 1.0), "NaN or infinite"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
