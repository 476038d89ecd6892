"""Meshes: counts, areas and curvature of shapes that are known, loops written out, and smoothing by frequency."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.geometry3d import mesh, smoothing

TETRAHEDRON = (
    torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.float64),
    torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
)


def rough_sphere(device="cpu", dtype=torch.float64, amount=0.03, level=3):
    vertices, faces = mesh.icosphere(level)
    noise = amount * torch.randn(vertices.shape, generator=generator(0), dtype=torch.float64)
    return (vertices + noise).to(device, dtype), faces.to(device)


def test_a_tetrahedron_by_hand(device, dtype, close):
    vertices, faces = TETRAHEDRON[0].to(device, dtype), TETRAHEDRON[1].to(device)
    pairs, count = mesh.edges(faces)
    assert pairs.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert count.tolist() == [2] * 6
    assert mesh.is_closed(faces)
    assert mesh.euler_characteristic(faces) == 2
    close(mesh.volume(vertices, faces), 1 / 6)
    close(mesh.volume(vertices + 7, faces), 1 / 6, rtol=1e-9)
    close(mesh.surface_area(vertices, faces), 1.5 + math.sqrt(3) / 2)
    assert not mesh.is_closed(faces[1:])
    assert mesh.edges(faces[1:])[1].tolist().count(1) == 3
    flipped = torch.cat([faces[:1].flip(1), faces[1:]])
    assert not mesh.is_closed(flipped), "one face turns the other way"


@pytest.mark.parametrize("level", [0, 1, 2, 4])
def test_spheres_have_euler_characteristic_two_and_grow_to_the_true_one(level):
    vertices, faces = mesh.icosphere(level)
    assert len(faces) == 20 * 4**level
    assert mesh.euler_characteristic(faces) == 2
    assert mesh.is_closed(faces)
    gap = 1 - float(mesh.volume(vertices, faces)) / (4 / 3 * math.pi)
    assert 0 < gap < 0.4 / 3.1**level
    torch.testing.assert_close(vertices.norm(dim=1), torch.ones(len(vertices), dtype=torch.float64))


def test_vertices_without_a_face_do_not_count():
    faces = mesh.icosphere(1)[1]
    assert mesh.euler_characteristic(faces + 5) == 2


@pytest.mark.parametrize("count", [0, 1, 500])
def test_unique_pairs_are_those_of_torch(count, device):
    pairs = torch.randint(-4, 9, (count, 2), generator=generator(count)).to(device)
    found, place, uses = mesh.unique_pairs(pairs)
    wanted = torch.unique(pairs, dim=0, return_inverse=True, return_counts=True)
    assert found.tolist() == wanted[0].tolist()
    assert uses.tolist() == wanted[2].tolist()
    assert found[place].tolist() == pairs.tolist()


def test_subdividing_changes_neither_shape_nor_kind():
    vertices, faces = mesh.subdivide(*TETRAHEDRON)
    assert mesh.is_closed(faces)
    torch.testing.assert_close(mesh.volume(vertices, faces), torch.tensor(1 / 6, dtype=torch.float64))
    assert (len(vertices), len(faces)) == (10, 16)


def test_vertex_normals_are_the_area_weighted_mean_and_radial_on_a_sphere(device, dtype, close):
    vertices, faces = rough_sphere(device, dtype, level=1)
    total = torch.zeros_like(vertices)
    for a, b, c in faces.tolist():
        normal = torch.linalg.cross(vertices[b] - vertices[a], vertices[c] - vertices[a]) / 2
        for corner in (a, b, c):
            total[corner] += normal
    close(mesh.vertex_normals(vertices, faces), total / total.norm(dim=1, keepdim=True))
    smooth, faces = mesh.icosphere(4)
    assert ((mesh.vertex_normals(smooth, faces) * smooth).sum(1) > 0.9999).all()


def test_both_laplacians_equal_loops(device, dtype, close):
    vertices, faces = rough_sphere(device, dtype, 0.1, level=1)
    neighbours = [set() for _ in vertices]
    weight, area = {}, torch.zeros(len(vertices), dtype=torch.float64)
    for face in faces.tolist():
        for k in range(3):
            a, i, j = face[k], face[k - 2], face[k - 1]
            neighbours[i] |= {j, a}
            p, q = (vertices[i] - vertices[a]).cpu().double(), (vertices[j] - vertices[a]).cpu().double()
            angle = math.acos(float(p @ q / p.norm() / q.norm()))
            for pair in ((i, j), (j, i)):
                weight[pair] = weight.get(pair, 0) + 0.5 / math.tan(angle)
            area[a] += float(torch.linalg.cross(p, q).norm()) / 2 / 3
    v = vertices.cpu().double()
    umbrella = torch.stack([v[list(near)].mean(0) - v[i] for i, near in enumerate(neighbours)])
    cotangent = torch.stack([sum(weight[i, j] * (v[j] - v[i]) for j in near) for i, near in enumerate(neighbours)])
    close(smoothing.umbrella_laplacian(vertices, faces), umbrella, rtol=1e-9, atol=1e-10)
    close(smoothing.cotangent_laplacian(vertices, faces), cotangent / area[:, None], rtol=1e-7, atol=1e-9)


def test_the_cotangent_laplacian_is_twice_the_mean_curvature_and_ignores_flat_places():
    for radius in (1.0, 2.5):
        vertices, faces = mesh.icosphere(5)
        bend = smoothing.cotangent_laplacian(radius * vertices, faces)
        along = (bend * vertices).sum(1)
        assert (along + 2 / radius).abs().median() < 0.01 / radius
        assert (bend - along[:, None] * vertices).norm(dim=1).max() < 0.05 / radius
    y, x = torch.meshgrid(*[torch.arange(5, dtype=torch.float64)] * 2, indexing="ij")
    x = x + 0.2 * torch.randn(5, 5, generator=generator(2), dtype=torch.float64)  # an uneven flat net
    flat = torch.stack([x, y, 0.5 * x - y], dim=-1).reshape(-1, 3)
    n = torch.arange(25).reshape(5, 5)
    a, b, c, d = (p.flatten() for p in (n[:-1, :-1], n[:-1, 1:], n[1:, 1:], n[1:, :-1]))
    faces = torch.cat([torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)])
    inner = n[1:-1, 1:-1].flatten()
    assert smoothing.cotangent_laplacian(flat, faces)[inner].abs().max() < 1e-12
    assert smoothing.umbrella_laplacian(flat, faces)[inner].norm(dim=1).max() > 0.1


def test_laplacian_smoothing_shrinks_and_taubin_does_not():
    vertices, faces = rough_sphere()
    clean = float(mesh.volume(*mesh.icosphere(3)))
    rough = lambda v: float((v.norm(dim=1) - v.norm(dim=1).mean()).std())  # noqa: E731
    plain = smoothing.laplacian_smooth(vertices, faces, 40)
    taubin = smoothing.taubin_smooth(vertices, faces, 20)
    assert rough(plain) < 0.3 * rough(vertices)
    assert rough(taubin) < 0.4 * rough(vertices)
    assert float(mesh.volume(plain, faces)) / clean < 0.85
    assert abs(float(mesh.volume(taubin, faces)) / clean - 1) < 0.02


def test_each_graph_frequency_is_multiplied_as_the_formula_says():
    vertices, faces = mesh.icosphere(1)
    count = len(vertices)
    basis = torch.eye(count, dtype=torch.float64)
    columns = [smoothing.umbrella_laplacian(basis[:, [i, i, i]], faces)[:, 0] for i in range(count)]
    values, modes = torch.linalg.eig(-torch.stack(columns, dim=1))
    for number in (1, 10, 41):
        k, mode = values.real[number], modes[:, number].real[:, None].expand(count, 3)
        torch.testing.assert_close(smoothing.laplacian_smooth(mode, faces, 3, step=0.4), (1 - 0.4 * k) ** 3 * mode)
        gain = ((1 - 0.4 * k) * (1 + 0.45 * k)) ** 2
        torch.testing.assert_close(smoothing.taubin_smooth(mode, faces, 2, step=0.4, back=0.45), gain * mode)


def test_gradients_reach_the_vertices():
    vertices, faces = TETRAHEDRON
    vertices = vertices.clone().requires_grad_()
    for function in (mesh.volume, mesh.surface_area, mesh.vertex_normals, smoothing.cotangent_laplacian):
        assert torch.autograd.gradcheck(lambda v, f=function: f(v, faces), vertices)


V, F = TETRAHEDRON


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mesh.edges(F.int()), r"int64 tensor of shape \(F, 3\), not a int32"),
        (lambda: mesh.edges(F[:0]), "faces is empty"),
        (lambda: mesh.volume(V[:3], F), "name vertices 0 to 2, but the numbers run from 0 to 3"),
        (lambda: mesh.volume(V[:, :2], F), r"vertices must be .* shape \(V, 3\)"),
        (lambda: mesh.vertex_normals(V * torch.nan, F), "NaN or infinite"),
        (lambda: mesh.icosphere(9), "subdivisions must be 0 to 7"),
        (lambda: smoothing.laplacian_smooth(V, F, 1, step=1.5), "step must be at most 1"),
        (lambda: smoothing.taubin_smooth(V, F, 1, step=0.5, back=0.4), "back larger than step"),
        (lambda: smoothing.cotangent_laplacian(V, F[:, [0, 1, 1]]), "4 faces have no area"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
