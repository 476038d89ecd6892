"""Signed distances against the definition: brute-force distance to a densely sampled edge, and exact areas."""

import math

import pytest
import torch

from course_lib.data.scenes.shapes import CAPSULE, CLASSES, FUNCTIONS, capsule, signed_distance


def grid(side, reach=1.5):
    line = (torch.arange(side, dtype=torch.float64) + 0.5) / side * 2 * reach - reach
    return torch.meshgrid(line, line, indexing="xy")


@pytest.mark.parametrize("name", CLASSES)
def test_value_is_the_distance_to_the_edge(name):
    shape = FUNCTIONS[CLASSES.index(name)]
    # The edge, found without the distance: where the sign changes between neighbours of a fine grid.
    x, y = grid(1500)
    inside = shape(x, y) < 0
    edge = torch.zeros_like(inside)
    edge[:, 1:] |= inside[:, 1:] != inside[:, :-1]
    edge[1:] |= inside[1:] != inside[:-1]
    boundary = torch.stack([x[edge], y[edge]], 1)
    u, v = grid(40, 1.2)
    distance = shape(u, v).flatten()
    brute = torch.cdist(torch.stack([u.flatten(), v.flatten()], 1), boundary).amin(1)
    inner = distance < 0  # the wedge's distance is a lower bound outside its two far corners
    assert (distance.abs() - brute)[inner].abs().max() < 4e-3
    assert (distance - brute)[~inner].max() < 4e-3
    if name != "wedge":
        assert (distance - brute)[~inner].abs().max() < 4e-3


def polygon_area(points):
    return abs(sum(a * d - b * c for (a, b), (c, d) in zip(points, points[1:] + points[:1], strict=True))) / 2


def star_area(points, inner):
    return points * inner * math.sin(math.pi / points)


AREAS = {
    "square": 1.38**2,
    "squircle": 1.46**2 - (4 - math.pi) * 0.37**2,
    "star": star_area(5, 0.5),
    "hexagram": star_area(6, 0.577),
    "disc": math.pi * 0.86**2,
    "ring": math.pi * (0.86**2 - 0.34**2),
    "triangle": 3 * math.sqrt(3) / 4,
    "wedge": math.pi / 2,
    "cross": 4 * 0.93 * 0.6 - 0.36,
    "saltire": 4 * 0.93 * 0.6 - 0.36,
}


@pytest.mark.parametrize("name", CLASSES)
def test_areas_are_those_of_geometry_and_all_fits_the_unit_circle(name):
    x, y = grid(1000)
    inside = FUNCTIONS[CLASSES.index(name)](x, y) < 0
    assert inside.sum().item() * (3 / 1000) ** 2 == pytest.approx(AREAS[name], rel=5e-3)
    assert torch.hypot(x, y)[inside].max() <= 1 + 1e-9


def test_capsule_and_dispatch():
    x, y = torch.tensor([[0.0, 1.0, 0.9, 0.0]] * 3), torch.tensor([[0.0, 0.0, 0.2, 0.5]] * 3)
    thickness = torch.tensor([0.3, 0.2, 0.3])
    out = signed_distance(torch.tensor([CAPSULE, CAPSULE, 4]), x, y, thickness=thickness)
    assert torch.allclose(out[0], torch.tensor([-0.3, 0.0, math.hypot(0.2, 0.2) - 0.3, 0.2]), atol=1e-6)
    assert torch.equal(out[1], capsule(x[1], y[1], torch.tensor(0.2)))
    assert torch.equal(out[2], FUNCTIONS[4](x[2], y[2]))
