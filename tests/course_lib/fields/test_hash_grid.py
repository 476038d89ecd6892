"""The hash grid is multilinear interpolation of rows that can be named, with the right slopes."""

from __future__ import annotations

import itertools

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.fields.coordinates import fit_field, pixel_coordinates
from course_lib.fields.hash_grid import PRIMES, HashField, HashGrid

from ..refusals import refused


def grid(dims, **options):
    made = HashGrid(dims, **options)
    torch.nn.init.normal_(made.table, generator=generator(7))
    return made


def by_hand(made, point):
    """Features of one point by the definition, with Python's whole numbers."""
    found = []
    for level, cells in enumerate(made.cells):
        place = [(float(x) + 1) / 2 * cells for x in point]
        low = [min(int(p), cells - 1) for p in place]
        total = 0
        for corner in itertools.product((0, 1), repeat=len(place)):
            weight, whole = 1.0, [c + k for c, k in zip(low, corner, strict=True)]
            for p, c, k in zip(place, low, corner, strict=True):
                weight *= (p - c) if k else 1 - (p - c)
            if (cells + 1) ** len(place) <= made.size:
                row = sum(c * (cells + 1) ** d for d, c in enumerate(whole))
            else:
                row = 0
                for c, prime in zip(whole, PRIMES, strict=False):
                    row ^= c * prime
                row %= made.size
            total = total + weight * made.table[made.starts[level] + row]
        found.append(total)
    return torch.cat(found)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_rows_and_weights_are_the_definition(dims):
    made = grid(dims, levels=4, table=2**6, coarsest=3, finest=80)
    assert made.dense(0)
    assert not made.dense(3)
    points = 2 * torch.rand(20, dims, generator=generator(dims)) - 1
    points[0], points[1] = -1.0, 1.0
    wanted = torch.stack([by_hand(made, point) for point in points])
    torch.testing.assert_close(made(points), wanted, rtol=1e-4, atol=1e-4)


def test_both_ways_give_the_same_answer_and_slopes():
    made = grid(3, levels=3, table=2**7, coarsest=4, finest=20)
    points = 2 * torch.rand(50, 3, generator=generator(0)) - 1
    target = torch.randn(50, made.outputs, generator=generator(1))
    quick = torch.autograd.grad((made(points) * target).sum(), made.table)[0]
    free = points.clone().requires_grad_()
    answer = made(free)
    slow, along = torch.autograd.grad((answer * target).sum(), (made.table, free))
    torch.testing.assert_close(made(points), answer)
    torch.testing.assert_close(quick, slow)
    step = 1e-3
    ahead, back = (made(points + sign * step * torch.tensor([0.0, 1.0, 0.0])) for sign in (1, -1))
    numeric = ((ahead - back) * target).sum(1) / (2 * step)
    near = (numeric - along[:, 1]).abs() < 0.05 * along.abs().max()
    assert near.float().mean() > 0.85  # the others have a cell's border between the two places


def test_a_field_is_continuous_across_cells():
    made = grid(2, levels=3, table=2**5, coarsest=4, finest=16)
    border = torch.tensor([[0.5, 0.3]])
    sides = torch.tensor([[0.5 - 1e-5, 0.3], [0.5 + 1e-5, 0.3]])
    assert (made(sides) - made(border)).abs().max() < 1e-2


def test_it_learns_what_fits_and_a_small_table_costs():
    torch.manual_seed(0)
    points = pixel_coordinates(24, 24)
    picture = torch.rand(576, 3, generator=generator(3))
    errors = []
    for table in (2**4, 2**10):
        torch.manual_seed(0)
        field = HashField(2, levels=4, table=table, coarsest=6, finest=24)
        fit_field(field, points, picture, rate=0.02, steps=250, batch=576, generator=generator(0))
        errors.append(float((field(points) - picture).square().mean().detach()))
    assert errors[1] < 0.01 < 0.04 < errors[0]


def test_bad_input():
    refused(lambda: HashGrid(4), "at most 3 dims")
    refused(lambda: HashGrid(2, table=1000), "power of two")
    refused(lambda: HashGrid(2)(torch.rand(5, 3)), "points must be \\(N, 2\\)")
