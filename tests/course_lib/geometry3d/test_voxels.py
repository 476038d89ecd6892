"""Level sets: closed, of the right kind, and as near to the true surface as the square of the spacing."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import skimage.measure
import torch

from course_lib.core.seeding import generator
from course_lib.geometry3d import mesh, voxels


def torus(n, device="cpu", dtype=torch.float64):
    points = voxels.grid_points(n, 1.5, dtype=dtype).to(device)
    vertices, faces = voxels.marching_tetrahedra(voxels.torus_field(points, 1.0, 0.35))
    return vertices * 3 / (n - 1) - 1.5, faces


def segment_area(segments):
    (a, b), (c, d) = segments[:, 0].T, segments[:, 1].T
    return 0.5 * (a * d - b * c).sum()


def test_a_torus_is_closed_has_one_hole_and_its_volume_and_area(device, dtype):
    vertices, faces = torus(40, device, dtype)
    assert mesh.is_closed(faces)
    assert mesh.euler_characteristic(faces) == 0
    assert abs(float(mesh.volume(vertices, faces)) / (2 * math.pi**2 * 0.35**2) - 1) < 0.01
    assert abs(float(mesh.surface_area(vertices, faces)) / (4 * math.pi**2 * 0.35) - 1) < 0.005


def test_errors_fall_with_the_square_of_the_spacing():
    distances, volumes = [], []
    for n in (16, 31, 61):
        vertices, faces = torus(n)
        distances.append(float(voxels.torus_field(vertices, 1.0, 0.35).abs().max()))
        volumes.append(abs(float(mesh.volume(vertices, faces)) / (2 * math.pi**2 * 0.35**2) - 1))
    for errors in (distances, volumes):
        for coarse, fine in pairwise(errors):
            assert 3 < coarse / fine < 6


def test_volume_and_kind_equal_scikit_images_marching_cubes():
    points = voxels.grid_points(36, 2.0)
    centres = torch.tensor([[-0.7, 0, 0], [0.7, 0, 0], [0, 1.2, 0.2]], dtype=torch.float64)
    field = voxels.metaballs_field(points, centres, 0.7)
    vertices, faces = voxels.marching_tetrahedra(field)
    their_vertices, their_faces, _, _ = skimage.measure.marching_cubes(field.numpy(), 0.0)
    theirs = torch.tensor(their_vertices.copy(), dtype=torch.float64), torch.tensor(their_faces.copy().astype(np.int64))
    assert mesh.euler_characteristic(faces) == mesh.euler_characteristic(theirs[1])
    assert abs(float(mesh.volume(vertices, faces) / mesh.volume(*theirs).abs()) - 1) < 0.01
    assert abs(float(mesh.surface_area(vertices, faces) / mesh.surface_area(*theirs)) - 1) < 0.015


def test_a_sphere_is_as_exact_as_scikit_images_marching_cubes():
    field = voxels.sphere_field(voxels.grid_points(31, 1.5), 1.0)
    ours = float(mesh.volume(*voxels.marching_tetrahedra(field))) / 1000
    their_vertices, their_faces, _, _ = skimage.measure.marching_cubes(field.numpy(), 0.0)
    their_faces = torch.tensor(their_faces.astype(np.int64).copy())
    theirs = abs(float(mesh.volume(torch.tensor(their_vertices.copy()).double(), their_faces))) / 1000
    truth = 4 / 3 * math.pi
    assert abs(ours / truth - 1) < 1.1 * abs(theirs / truth - 1) < 0.02


@pytest.mark.parametrize("seed", range(4))
def test_random_fields_give_closed_meshes(seed):
    """All cases of a tetrahedron occur: the surface of noise, with the outside around it."""
    field = torch.ones(9, 8, 7, dtype=torch.float64)
    field[1:-1, 1:-1, 1:-1] = torch.randn(7, 6, 5, generator=generator(seed), dtype=torch.float64)
    vertices, faces = voxels.marching_tetrahedra(field)
    assert mesh.is_closed(faces)
    inside = float((field < 0).sum())
    assert 0.1 * inside < float(mesh.volume(vertices, faces)) < inside * 3
    assert float(mesh.volume(*voxels.marching_tetrahedra(-field, 0.0))) != 0


def test_a_single_inside_corner_has_the_volume_of_its_tetrahedra():
    field = torch.ones(3, 3, 3, dtype=torch.float64)
    field[1, 1, 1] = -1.0
    vertices, faces = voxels.marching_tetrahedra(field)
    assert mesh.euler_characteristic(faces) == 2
    torch.testing.assert_close(mesh.volume(vertices, faces), torch.tensor(0.5, dtype=torch.float64))  # 24 of 1/6 1/8


def test_a_field_that_is_zero_at_grid_points_gives_a_closed_mesh():
    """The surface of this torus runs through grid points: triangles without area must turn the right way too."""
    vertices, faces = torus(61)
    assert (mesh.face_normals(vertices, faces).norm(dim=1) < 1e-14).any(), "the case that is meant"
    assert mesh.is_closed(faces)
    assert mesh.euler_characteristic(faces) == 0


def test_unknown_places_leave_a_hole():
    points = voxels.grid_points(20, 1.5)
    field, known = voxels.sphere_field(points, 1.0), points[..., 2] < 0.5
    vertices, faces = voxels.marching_tetrahedra(field, 0.0, known)
    assert len(faces) < len(voxels.marching_tetrahedra(field)[1])
    assert not mesh.is_closed(faces)
    assert mesh.euler_characteristic(faces) == 1, "a disc"
    assert (vertices * 3 / 19 - 1.5)[:, 2].max() < 0.5


def test_gradients_reach_the_field():
    points = voxels.grid_points(12, 1.5)
    radius = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    vertices, faces = voxels.marching_tetrahedra(points.norm(dim=-1) - radius)
    mesh.volume(vertices * 3 / 11, faces).backward()
    assert abs(float(radius.grad) / (4 * math.pi) - 1) < 0.05


def test_marching_squares_gives_the_area_of_a_circle_and_scikit_images_length(device, dtype):
    points = voxels.grid_points(41, 1.5, 2, dtype=dtype).to(device)
    field = voxels.sphere_field(points, 1.0)
    segments = voxels.marching_squares(field)
    assert abs(float(segment_area(segments * 3 / 40)) / math.pi - 1) < 2e-3
    (theirs,) = skimage.measure.find_contours(field.cpu().double().numpy(), 0.0)
    length = np.linalg.norm(np.diff(theirs, axis=0), axis=1).sum()
    assert abs(float((segments[:, 1] - segments[:, 0]).norm(dim=1).sum()) / length - 1) < 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_marching_squares_closes_every_loop_also_in_noise(seed):
    """Each end is the start of another segment; both ambiguous cases occur in noise."""
    field = torch.ones(12, 13, dtype=torch.float64)
    field[1:-1, 1:-1] = torch.randn(10, 11, generator=generator(seed), dtype=torch.float64)
    segments = voxels.marching_squares(field)
    starts = sorted(map(tuple, segments[:, 0].mul(1e9).round().tolist()))
    ends = sorted(map(tuple, segments[:, 1].mul(1e9).round().tolist()))
    assert starts == ends
    assert len(set(starts)) == len(starts)
    assert float(segment_area(segments)) > 0


def test_the_mean_decides_the_ambiguous_case():
    joined = torch.tensor([[-2.0, 1.0], [1.0, -2.0]])
    for field, distance in ((joined, 0.0), (-joined.flip(0), 0.0)):
        segments = voxels.marching_squares(field)
        middle = segments.mean(dim=1)
        assert len(segments) == 2
        assert (middle - 0.5).abs().min() >= distance
    a = voxels.marching_squares(joined).mean(1).sum(1)  # the corners (0, 1) and (1, 0) are cut off: row + column = 1
    torch.testing.assert_close(a, torch.tensor([1.0, 1.0]))
    b = voxels.marching_squares(torch.tensor([[-1.0, 2.0], [2.0, -1.0]])).mean(1).sum(1).sort().values
    torch.testing.assert_close(b, torch.tensor([1 / 3, 5 / 3]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: voxels.marching_tetrahedra(torch.ones(3, 3, 3)), "level 0 does not cut the field"),
        (lambda: voxels.marching_tetrahedra(torch.ones(3, 3)), r"shape \(X, Y, Z\)"),
        (lambda: voxels.marching_tetrahedra(torch.ones(1, 3, 3)), "at least 2 x 2 x 2"),
        (lambda: voxels.marching_tetrahedra(torch.ones(3, 3, 3), 0.0, torch.ones(3)), "known must be a bool tensor"),
        (lambda: voxels.marching_squares(torch.ones(1, 3)), "at least 2 x 2"),
        (lambda: voxels.marching_squares(torch.full((3, 3), torch.nan)), "NaN or infinite"),
        (lambda: voxels.grid_points(1, 1.0), "at least 2 corners"),
        (lambda: voxels.metaballs_field(torch.zeros(2, 3), torch.zeros(1, 3), 0.0), "radius must be"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
