"""MIP map: exact means, trilinear look-up against a slow one by hand, and an average instead of flicker."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.ops.filters import average_pool
from course_lib.ops.pyramids import mip_lookup, mip_map

TEXTURE = photograph("brick", 64).double()[None]


def bilinear(picture, x, y):
    """Slow: pixel centres at (i + 0.5) / size, edges repeated."""
    size = picture.shape[1]
    u, v = x * size - 0.5, y * size - 0.5
    i, j = math.floor(u), math.floor(v)
    total = 0
    for dj, wj in ((0, 1 - (v - j)), (1, v - j)):
        for di, wi in ((0, 1 - (u - i)), (1, u - i)):
            row, column = (min(max(n, 0), size - 1) for n in (j + dj, i + di))
            total = total + wi * wj * picture[:, row, column]
    return total


def test_levels_are_means_of_blocks(device, dtype, close):
    levels = mip_map(TEXTURE.to(device, dtype))
    assert [level.shape[2] for level in levels] == [64, 32, 16, 8, 4, 2, 1]
    for number, level in enumerate(levels):
        close(level, average_pool(TEXTURE, 2**number), atol=1e-12)
    assert sum(level.numel() for level in levels) < 4 / 3 * TEXTURE.numel()


def test_look_up_equals_trilinear_interpolation_by_hand(device, dtype, close):
    levels = mip_map(TEXTURE)
    points = torch.rand(1, 40, 2, generator=generator(0), dtype=torch.float64) * 1.1 - 0.05
    footprint = 90 * torch.rand(1, 40, generator=generator(1), dtype=torch.float64) ** 2
    there = [level.to(device, dtype) for level in levels]
    ours = mip_lookup(there, points.to(device, dtype), footprint.to(device, dtype))
    for n in range(40):
        level = min(max(math.log2(max(float(footprint[0, n]), 1e-9)), 0), 6)
        low = min(int(level), 5)
        x, y = points[0, n].tolist()
        wanted = (1 - (level - low)) * bilinear(levels[low][0], x, y)
        wanted += (level - low) * bilinear(levels[low + 1][0], x, y)
        close(ours[0, :, n], wanted, atol=1e-9)


@pytest.mark.parametrize(("footprint", "level"), [(0.5, 0), (1.0, 0), (4.0, 2), (64.0, 6), (1000.0, 6)])
def test_footprints_that_are_powers_of_two_read_one_level(footprint, level, close):
    levels = mip_map(TEXTURE)
    size = levels[level].shape[2]
    centre = (torch.tensor([[[size // 2, size // 3]]], dtype=torch.float64) + 0.5) / size
    got = mip_lookup(levels, centre, torch.full((1, 1), footprint, dtype=torch.float64))
    close(got[0, :, 0], levels[level][0, :, size // 3, size // 2])


def test_far_away_the_look_up_is_steady_where_single_pixels_flicker():
    points = torch.rand(1, 200, 2, generator=generator(0), dtype=torch.float64)
    levels = mip_map(TEXTURE)
    near = mip_lookup(levels, points, torch.ones(1, 200, dtype=torch.float64))
    far = mip_lookup(levels, points, torch.full((1, 200), 32.0, dtype=torch.float64))
    assert float(far.std()) < float(near.std()) / 3


def test_gradients_flow_to_texture_and_footprint():
    texture = TEXTURE[:, :, :4, :4].clone().requires_grad_()
    points = torch.tensor([[[0.3, 0.6], [0.8, 0.15]]], dtype=torch.float64)
    footprint = torch.tensor([[1.7, 2.9]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t, f: mip_lookup(mip_map(t), points, f), (texture, footprint))
