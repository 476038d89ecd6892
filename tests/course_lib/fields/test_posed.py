"""Every pixel of every view has the ray that made it, and cameras turn by the angle that was asked for."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import cast, sample_worlds
from course_lib.fields.posed import HIGH, LOW, orbit_rings, posed_pixels, turned_cameras
from course_lib.fields.radiance import box_rays

from ..refusals import refused


def test_cameras_stand_on_two_circles_evenly():
    cameras = orbit_rings(8, 16)
    eyes = cameras.position[0]
    assert torch.allclose(eyes.norm(dim=1), torch.tensor(5.0), atol=1e-4)
    heights = torch.tensor([math.sin(0.9), math.sin(1.15)]).repeat_interleave(4) * 5
    assert torch.allclose(eyes[:, 2], heights, atol=1e-4)
    turns = torch.atan2(eyes[:, 1], eyes[:, 0]) % (2 * math.pi)
    assert torch.allclose(turns.sort().values.diff(), torch.full((7,), math.pi / 4), atol=1e-4)


def test_rays_meet_the_surface_that_the_view_shows_inside_the_box():
    world, cameras = sample_worlds(1, 3, generator=generator(0)), orbit_rings(4, 12)
    rays, colours, views = posed_pixels(world, cameras)
    hits = cast(world, rays.origins[None], rays.directions[None])
    assert torch.allclose(hits.distance[0], views.depth.flatten(), atol=1e-4)
    assert ((hits.distance[0] >= rays.near - 1e-3) & (hits.distance[0] <= rays.far + 1e-3)).all()
    points = rays.origins + hits.distance[0][:, None] * rays.directions
    assert (points >= torch.tensor(LOW)).all()
    assert (points <= torch.tensor(HIGH)).all()
    assert torch.equal(colours.view(4, 12, 12, 3)[2, 5, 7], views.image[0, 2, :, 5, 7])


def test_believed_cameras_make_the_rays_and_true_ones_the_pictures():
    world, cameras = sample_worlds(1, 3, generator=generator(0)), orbit_rings(4, 12)
    believed = turned_cameras(cameras, 3.0, generator=generator(1))
    rays, colours, _ = posed_pixels(world, cameras, believed)
    wanted = box_rays(believed, torch.tensor(LOW), torch.tensor(HIGH))
    assert torch.equal(rays.directions, wanted.directions)
    assert not torch.allclose(rays.directions, posed_pixels(world, cameras)[0].directions, atol=1e-3)
    assert torch.equal(colours, posed_pixels(world, cameras)[1])


@pytest.mark.parametrize("degrees", [0.0, 2.0])
def test_turned_cameras_turn_about_their_own_place(degrees):
    cameras = orbit_rings(200, 8)
    turned = turned_cameras(cameras, degrees, generator=generator(0))
    assert torch.allclose(turned.position, cameras.position, atol=1e-4)
    between = turned.rotation @ cameras.rotation.transpose(-1, -2)
    angle = torch.rad2deg(((between.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1).acos())
    assert float(angle.square().mean().sqrt()) == pytest.approx(degrees * 3**0.5, abs=0.25)


def test_bad_input():
    refused(lambda: orbit_rings(7), "multiple of 2")
    refused(lambda: turned_cameras(orbit_rings(2), -1.0, generator=generator(0)), "at least 0")
