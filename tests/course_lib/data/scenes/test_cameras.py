"""Cameras drawn at random stand where they were asked to, look near the middle of the world, and can be drawn again."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes.cameras import random_cameras
from course_lib.ops.geometry.cameras import project_points


def test_they_stand_within_the_ranges_and_see_the_middle_of_the_world():
    cameras = random_cameras(400, (48, 64), distance=(4, 6), elevation=(0.3, 0.7), aim=0.5, generator=generator(0))
    assert cameras.pose.shape == (400, 1, 3, 4)
    assert (cameras.height, cameras.width) == (48, 64)
    away = cameras.position[:, 0]
    flat, height = away[:, :2].norm(dim=1), away[:, 2] - 0.3
    assert 4 * math.sin(0.3) - 1e-4 <= float(height.min()) < 1.5
    assert 3 < float(height.max()) <= 6 * math.sin(0.7) + 1e-4
    assert float(flat.max()) <= 6 * math.cos(0.3) + 0.5 + 1e-4
    azimuth = torch.atan2(away[:, 1], away[:, 0])
    assert torch.histc(azimuth, 8, -math.pi, math.pi).min() > 25  # all around
    middle = torch.tensor([0.0, 0.0, 0.3]).expand(400, 1, 1, 3)
    pixels, depth = project_points(cameras, middle)
    assert (depth > 3).all()
    off = (pixels[..., 0, :] - torch.tensor([32.0, 24.0])).norm(dim=-1)
    focal = 32 / math.tan(math.radians(24))
    assert float(off.max()) <= focal * 0.5 / (4 * math.cos(0.7) - 0.5) + 1
    assert float(off.mean()) > 2  # they do not all look at one point


def test_the_generator_decides_and_each_world_gets_its_own():
    first, again = (random_cameras(3, generator=generator(5)) for _ in range(2))
    assert torch.equal(first.pose, again.pose)
    assert not torch.allclose(first.pose[0], first.pose[1])
    assert not torch.equal(first.pose, random_cameras(3, generator=generator(6)).pose)


@pytest.mark.parametrize(
    "wrong",
    [{"distance": (6, 4)}, {"distance": (0, 4)}, {"elevation": (0.0, 0.5)}, {"elevation": (0.2, 1.6)}, {"size": 1}],
)
def test_bad_ranges_are_refused(wrong):
    with pytest.raises(ValueError, match=r"distance must rise|at least 2 pixels"):
        random_cameras(2, **{"size": 32, "generator": generator(0)} | wrong)
