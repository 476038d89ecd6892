"""A field that is known is seen as it should be, boxes are met where they are, and a scene is learnt."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import orbit_cameras, render_views, sample_worlds
from course_lib.fields.radiance import RadianceField, Rays, box_rays, field_normals, fit_views, render_all, render_rays
from course_lib.ops.geometry.cameras import camera_rays

from ..refusals import refused


class Ball(torch.nn.Module):
    """A dense ball of radius 0.5 whose colour is the direction of sight."""

    def density(self, points):
        return 300.0 * torch.sigmoid((0.5 - points.norm(dim=1)) * 400)

    def forward(self, points, sight):
        return self.density(points), 0.5 + 0.5 * sight


def ball_rays(size=24):
    cameras = orbit_cameras(1, 2, size, distance=3.0, elevation=0.6, field=30.0)
    return cameras, box_rays(cameras, torch.full((3,), -0.8), torch.full((3,), 0.8))


def test_rays_enter_and_leave_the_box():
    _, rays = ball_rays()
    for depth in (rays.near, rays.far):
        points = rays.origins + depth[:, None] * rays.directions
        hit = rays.far > rays.near
        assert torch.allclose(points[hit].abs().amax(1), torch.tensor(0.8), atol=1e-4)
    middles = rays.origins + ((rays.near + rays.far) / 2)[:, None] * rays.directions
    assert (middles[hit].abs() < 0.8).all()
    away = orbit_cameras(1, 1, 8, distance=3.0, elevation=0.6)
    origins, directions = (part.reshape(-1, 3) for part in camera_rays(away))
    missed = box_rays(away, torch.tensor([10.0, 10, 10]), torch.tensor([11.0, 11, 11]))
    assert (missed.far == missed.near).all()
    assert len(origins) == len(directions) == len(missed)


@pytest.mark.parametrize("fine", [0, 48])
def test_a_ball_is_seen_where_a_ray_meets_it(fine):
    _, rays = ball_rays()
    seen = render_all(Ball(), rays, 48 if fine else 160, fine=fine, chunk=500)
    a, b = rays.directions.square().sum(1), (rays.origins * rays.directions).sum(1)
    root = b.square() - a * (rays.origins.square().sum(1) - 0.25)
    hit, clear = root > 0.02 * a, root < -0.05 * a
    depth = (-b - root.clamp(min=0).sqrt()) / a
    assert hit.sum() > 50 < clear.sum()
    assert (seen.depth - depth)[hit].abs().mean() < 0.015
    assert (seen.opacity[hit] > 0.99).all()
    assert (seen.opacity[clear] < 0.01).all()
    sight = torch.nn.functional.normalize(rays.directions, dim=1)
    assert torch.allclose(seen.colour[hit], 0.5 + 0.5 * sight[hit], atol=0.02)
    assert torch.allclose(seen.colour[clear], torch.ones(3), atol=0.02)


def test_steps_are_counted_in_metres_along_the_ray():
    class Fog(torch.nn.Module):
        def density(self, points):
            return torch.full((len(points),), 0.7)

        def forward(self, points, sight):
            return self.density(points), torch.zeros(len(points), 3)

    rays = Rays(torch.zeros(2, 3), torch.tensor([[0.0, 0, 1], [1.0, 0, 1]]), torch.ones(2), 2 * torch.ones(2))
    for fine in (0, 4):
        opacity = render_rays(Fog(), rays, 8, fine=fine).opacity
        assert opacity.tolist() == pytest.approx([1 - math.exp(-0.7), 1 - math.exp(-0.7 * 2**0.5)], abs=1e-5)


def test_a_second_pass_finds_a_surface_that_few_equal_steps_miss():
    _, rays = ball_rays()
    fine, exact = (render_all(Ball(), rays, n, fine=m) for n, m in ((16, 16), (400, 0)))
    even = render_all(Ball(), rays, 32)
    hit = exact.opacity > 0.99
    errors = [(part.depth - exact.depth)[hit].abs().mean() for part in (fine, even)]
    assert errors[0] < 0.5 * errors[1]


def test_normals_of_a_ball_point_outwards():
    points = torch.nn.functional.normalize(torch.randn(50, 3, generator=generator(0)), dim=1)
    normals = field_normals(Ball(), 0.5 * points, step=0.002)
    assert (normals * points).sum(1).min() > 0.99


def test_density_does_not_depend_on_sight_but_colour_may():
    torch.manual_seed(0)
    points = torch.rand(20, 3, generator=generator(1)) - 0.5
    one, two = (torch.nn.functional.normalize(torch.randn(20, 3, generator=generator(k)), dim=1) for k in (2, 3))
    for sighted in (True, False):
        field = RadianceField((-1, -1, -1), (1, 1, 1), sighted=sighted)
        torch.nn.init.normal_(field.grid.table, generator=generator(4))
        (density, colour), (other, tint) = field(points, one), field(points, two)
        assert torch.equal(density, other)
        assert torch.equal(colour, tint) != sighted


def test_a_scene_is_learnt_and_seen_from_another_side():
    world = sample_worlds(1, 2, generator=generator(5))
    cameras, other = (orbit_cameras(1, n, 16, elevation=1.0, field=36.0, start=s) for n, s in ((8, 0.0), (2, 0.4)))
    low, high = (-4.2, -4.2, -0.1), (4.2, 4.2, 0.9)
    colours = render_views(world, cameras, 1).image[0].permute(0, 2, 3, 1).reshape(-1, 3)
    wanted = render_views(world, other, 1).image[0].permute(0, 2, 3, 1).reshape(-1, 3)
    torch.manual_seed(0)
    field = RadianceField(low, high, hidden=16, grid={"levels": 4, "table": 2**11, "finest": 40})
    rays, held = (box_rays(c, torch.tensor(low), torch.tensor(high)) for c in (cameras, other))
    error = lambda: float((render_all(field, held, 16).colour - wanted).square().mean())  # noqa: E731
    before = error()
    fit_views(field, rays, colours, rate=0.03, steps=120, batch=256, samples=16, generator=generator(0))
    assert error() < 0.45 * before
    assert -10 * math.log10(error()) > 22


def test_the_colour_behind_is_random_only_while_training():
    rays = Rays(torch.zeros(4, 3), torch.tensor([[0.0, 0, 1]]).expand(4, 3), torch.ones(4), 2 * torch.ones(4))
    clear = Ball()
    clear.density = lambda points: torch.zeros(len(points))
    assert torch.equal(render_rays(clear, rays, 4).colour, torch.ones(4, 3))
    assert render_rays(clear, rays, 4, generator=generator(0)).colour.std() > 0.1


def test_bad_input():
    refused(lambda: RadianceField((0, 0, 0), (1, 1, 0)), "side 2")
    _, rays = ball_rays(4)
    refused(lambda: fit_views(Ball(), rays, torch.rand(5, 3), rate=0.1, steps=1, batch=4, samples=4,
                              generator=generator(0)), "as many colours")  # fmt: skip
