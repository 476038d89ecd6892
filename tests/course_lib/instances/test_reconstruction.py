"""Features are read at the pixel, exact fields march to the cast depth, grids and parts equal loops."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import cast, occupancy, sample_worlds
from course_lib.data.scenes.cameras import random_cameras
from course_lib.instances.reconstruction import (
    FAR,
    NEAR,
    OccupancyNet,
    cell_of,
    march_rays,
    mean_occupancy,
    part_masks,
    ray_points,
    shell_occupancy,
    world_field,
)
from course_lib.ops.geometry.cameras import camera_rays, project_points

from ..refusals import refused


class Same(torch.nn.Module):
    """A pyramid that hands on the picture."""

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [images]


def net(**options) -> OccupancyNet:
    torch.manual_seed(0)
    return OccupancyNet(Same(), 3, 16, hidden=8, **options)


def test_the_answer_depends_on_the_pixel_of_the_point_alone():
    images = torch.rand(1, 3, 16, 16, generator=generator(0))
    model, points = net(), torch.tensor([[[5.5, 9.5, 4.0], [12.5, 2.5, 4.0]]])
    before = model(images, points)
    images[0, :, 9, 5] += 1  # the pixel of the first point, row 9 and column 5
    after = model(images, points)
    assert (after - before)[0, 0].abs().item() > 1e-4
    assert (after - before)[0, 1].item() == 0
    blind = OccupancyNet(None, size=16, hidden=8)
    assert torch.equal(blind(images, points), blind(0 * images, points))


def test_a_solid_marches_to_the_depth_that_a_ray_meets():
    world = sample_worlds(3, (1, 3), generator=generator(1))
    cameras = random_cameras(3, 24, generator=generator(2))
    origins, directions = (part[:, 0] for part in camera_rays(cameras))
    hits = cast(world, origins, directions)
    steps = 221
    found = march_rays(lambda points: occupancy(world, points).float(), origins, directions, steps=steps)
    solid = hits.slot >= 0
    fine = (found - hits.distance).abs()[solid] <= (FAR - NEAR) / (steps - 1)
    assert solid.sum() > 80
    assert fine.float().mean() > 0.98  # a corner thinner than a step may be missed
    assert found[~solid].isinf().float().mean() > 0.98


def test_marching_is_exact_where_the_field_is_a_ramp():
    ramp = lambda points: (points[..., 2] - 3).clamp(0, 1)  # noqa: E731
    depth = march_rays(ramp, torch.zeros(1, 2, 3), torch.tensor([[[0.0, 0, 1], [0, 0, 0.2]]]), steps=23)
    assert float(depth[0, 0]) == pytest.approx(3.5, abs=1e-5)
    assert depth[0, 1].isinf()  # gets no farther than z = 1.6


def test_the_field_in_the_world_is_the_field_in_the_picture():
    cameras = random_cameras(2, 16, generator=generator(3))
    view = type(cameras)(cameras.pose[:, 0], cameras.intrinsics[:, 0], 16, 16) if cameras.intrinsics.ndim == 4 else None
    if view is None:
        view = type(cameras)(cameras.pose[:, 0], cameras.intrinsics, 16, 16)
    model, images = net(), torch.rand(2, 3, 16, 16, generator=generator(4))
    points = 3 * torch.rand(2, 40, 3, generator=generator(5)) - 1
    maps = model.look(images)
    said = world_field(model, maps, view)(points)
    pixels, depth = project_points(view, points)
    outside = ((pixels < 0) | (pixels >= 16)).any(-1)
    expected = model.inside(maps, torch.cat([pixels, depth[..., None]], -1)).sigmoid()
    assert outside.any()
    assert (said[outside] == 0).all()
    torch.testing.assert_close(said[~outside], expected[~outside])
    surface = 2 + torch.rand(2, 16, 16, generator=generator(6))
    surface[:, :4] = 0.0  # nothing is seen there
    from_there = world_field(model, maps, view, surface=surface)(points)
    for b, p in ((0, 3), (0, 17), (1, 5), (1, 30)):
        if not outside[b, p]:
            first = surface[b, int(pixels[b, p, 1]), int(pixels[b, p, 0])]
            place = torch.cat([pixels[b, p], (depth[b, p] - first)[None]])[None, None]
            single = model.inside(maps[b : b + 1], place).sigmoid()[0, 0] if first > 0 else torch.tensor(0.0)
            torch.testing.assert_close(from_there[b, p], single)
    assert (from_there[~outside] == 0).any()


def test_shells_and_parts_by_hand():
    depths, surface = torch.tensor([3.80, 3.90, 4.05, 4.30, 4.60, 6.0]), torch.tensor(4.0)
    assert shell_occupancy(depths, surface, 0.5).tolist() == [False, False, True, True, False, False]
    parts = part_masks(depths, surface)
    assert parts["visible"].tolist() == [False, True, True, False, False, False]
    assert parts["hidden"].tolist() == [False, False, False, True, True, False]


def test_mean_occupancy_equals_a_loop():
    stream = generator(6)
    points, inside = torch.rand(200, 3, generator=stream), torch.rand(200, generator=stream) < 0.3
    low, high, bins = torch.zeros(3), torch.ones(3), (2, 3, 4)
    grid = mean_occupancy(points, inside, low=low, high=high, bins=bins)
    for i, j, k in ((0, 0, 0), (1, 2, 3), (1, 0, 2)):
        mine = [bool(flag) for (x, y, z), flag in zip(points.tolist(), inside, strict=True)
                if (int(2 * x), int(3 * y), int(4 * z)) == (i, j, k)]  # fmt: skip
        assert float(grid[i, j, k]) == pytest.approx(sum(mine) / len(mine))
    beyond = cell_of(torch.tensor([[-1.0, 9.0, 0.1]]), low=low, high=high, bins=bins)
    assert int(beyond) == (0 * 3 + 2) * 4 + 0


def test_points_on_rays_come_pixel_by_pixel():
    points = ray_points(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[[5.0, 6.0], [7.0, 8.0]]]))
    assert points.tolist() == [[[1, 2, 5], [1, 2, 6], [3, 4, 7], [3, 4, 8]]]


def test_bad_input_is_refused():
    refused(lambda: OccupancyNet(None, hidden=0), "hidden must be")
    refused(lambda: net().inside(None, torch.zeros(2, 3)), "points must be")
    refused(lambda: shell_occupancy(torch.ones(2), torch.ones(2), 0.0), "thickness must be")
    refused(lambda: ray_points(torch.zeros(1, 2, 2), torch.zeros(1, 3, 4)), "R = ")
