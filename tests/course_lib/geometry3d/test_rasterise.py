"""The rasteriser shows what rays hit, interpolates in space, and hides what is behind."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.geometry3d import mesh, rasterise
from course_lib.ops.geometry.cameras import look_at, project_points


def camera(device="cpu", dtype=torch.float64, size=24, eye=(2.5, -3.0, 1.7)):
    place = torch.tensor(eye, device=device, dtype=dtype)
    return look_at(place, torch.zeros_like(place), 1.2 * size, height=size, width=size + 6)


def soup(count=40, device="cpu", dtype=torch.float64):
    """Random triangles that pass through each other."""
    middle = torch.rand(count, 1, 3, generator=generator(0), dtype=torch.float64) - 0.5
    corners = middle + 0.5 * torch.randn(count, 3, 3, generator=generator(1), dtype=torch.float64)
    return corners.reshape(-1, 3).to(device, dtype), torch.arange(3 * count).reshape(count, 3).to(device)


def cast_rays(vertices, faces, cam):
    """Moller and Trumbore (1997), every ray with every face: nearest face and its depth along the axis."""
    v, rotation, focal = vertices.cpu().double(), cam.rotation.cpu().double(), float(cam.intrinsics[0, 0])
    a, b, c = v[faces.cpu()].unbind(1)
    shown, depth = [], []
    for i in range(cam.height):
        for j in range(cam.width):
            x, y = j + 0.5 - cam.width / 2, i + 0.5 - cam.height / 2
            local = torch.tensor([x / focal, y / focal, 1.0], dtype=torch.float64)
            ray = local @ rotation  # depth 1 along the axis, so that t is the depth
            p = torch.linalg.cross(ray.expand_as(c), c - a)
            det = (p * (b - a)).sum(1)
            to = cam.position.cpu().double() - a
            u = (p * to).sum(1) / det
            q = torch.linalg.cross(to, b - a)
            w = (q * ray).sum(1) / det
            t = (q * (c - a)).sum(1) / det
            t = torch.where((u >= 0) & (w >= 0) & (u + w <= 1) & (t > 0), t, torch.inf)
            shown.append(int(t.argmin()) if t.min() < torch.inf else -1)
            depth.append(float(t.min()))
    return torch.tensor(shown).reshape(cam.height, -1), torch.tensor(depth, dtype=torch.float64).reshape(cam.height, -1)


def test_shows_what_rays_hit(device, dtype):
    vertices, faces = soup(device=device, dtype=dtype)
    cam = camera(device, dtype)
    raster = rasterise.rasterise(vertices, faces, cam, cull=False)
    shown, depth = cast_rays(vertices, faces, cam)
    same = raster.face.cpu() == shown
    assert same.double().mean() > (0.999 if dtype == torch.float64 else 0.98)
    assert len(torch.unique(shown)) > 20
    hit = same & (shown >= 0)
    rtol = 1e-4 if dtype == torch.float32 else 1e-9
    torch.testing.assert_close(raster.depth.cpu().double()[hit], depth[hit], rtol=rtol, atol=0)
    assert (raster.depth.cpu()[shown < 0] == torch.inf).all()


def test_weights_give_the_point_in_space_where_the_ray_hits(device, dtype, close):
    vertices, faces = soup(device=device, dtype=dtype)
    cam = camera(device, dtype)
    raster = rasterise.rasterise(vertices, faces, cam, cull=False)
    hit = raster.face >= 0
    close(raster.weights[hit].sum(1), torch.ones(int(hit.sum())), rtol=1e-6)
    places = rasterise.interpolate(vertices, faces, raster)[hit]
    pixels, depth = project_points(cam, places)
    i, j = hit.nonzero().T
    close(pixels, torch.stack([j, i], dim=1) + 0.5, rtol=1e-6, atol=1e-6)
    close(depth, raster.depth[hit])


def test_a_floor_needs_perspective_in_the_weights():
    """Halfway up the picture of a receding square is not halfway along it."""
    floor = torch.tensor([[-1.0, 1, 0], [1, 1, 0], [1, 9, 0], [-1, 9, 0]], dtype=torch.float64)
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    cam = look_at(torch.tensor([0.0, 0, 1]).double(), torch.tensor([0.0, 1, 1]).double(), 40, height=101, width=101)
    raster = rasterise.rasterise(floor, faces, cam)
    y = rasterise.interpolate(floor[:, 1:2], faces, raster)[:, 50, 0]
    rows = (raster.face[:, 50] >= 0).nonzero()[:, 0]
    expected = 40 / (rows.double() + 0.5 - 50.5)  # y = f h / (row below the horizon)
    torch.testing.assert_close(y[rows], expected, rtol=1e-9, atol=0)


def test_culling_drops_the_far_side_and_changes_nothing_else(device, dtype, close):
    vertices, faces = mesh.icosphere(2)
    vertices, faces, cam = vertices.to(device, dtype), faces.to(device), camera(device, dtype, 48)
    one, two = (rasterise.rasterise(vertices, faces, cam, cull=cull) for cull in (True, False))
    assert torch.equal(one.face, two.face)
    assert (rasterise.rasterise(vertices, faces.flip(1), cam).depth > one.depth)[one.face >= 0].all()
    to_eye = cam.position - vertices[faces].mean(1)
    turned_away = (mesh.face_normals(vertices, faces) * to_eye).sum(1) < 0
    assert not turned_away[one.face[one.face >= 0]].any()


def test_a_shared_edge_leaves_no_gap_and_the_area_is_right():
    vertices, faces = mesh.icosphere(4)
    cam = look_at(torch.tensor([0.0, -4, 0]).double(), torch.zeros(3).double(), 100, height=64, width=64)
    hit = rasterise.rasterise(vertices, faces, cam).face >= 0
    radius = 100 / 15**0.5
    assert abs(float(hit.sum()) / (torch.pi * radius**2) - 1) < 0.01
    rows = hit.long()
    assert (rows.diff(dim=1).abs().sum(1) <= 2).all(), "a hole in a row"


def test_a_head_on_face_is_fully_lit_and_smooth_shading_is_rounder():
    vertices, faces = mesh.icosphere(2)
    cam = camera(size=60)
    flat, smooth = (
        rasterise.shade_mesh(vertices, faces, cam, colour=torch.ones(3), smooth=s)[..., 0] for s in (False, True)
    )
    exact = rasterise.shade_mesh(*mesh.icosphere(6), cam, colour=torch.ones(3))[..., 0]
    raster = rasterise.rasterise(vertices, faces, cam)
    both = (raster.face >= 0) & (rasterise.rasterise(*mesh.icosphere(6), cam).face >= 0)
    assert (smooth - exact)[both].abs().mean() < 0.5 * (flat - exact)[both].abs().mean()
    assert exact[both].max() > 0.999
    assert (flat[raster.face < 0] == 1).all()


@pytest.mark.parametrize("faces", [[[0, 1, 2]], [[0, 2, 1]]])
@pytest.mark.parametrize("smooth", [True, False])
def test_a_face_turned_by_60_degrees_gets_half_of_the_direct_light(faces, smooth, device, dtype, close):
    along, up = torch.tensor([[1.0, 0, 0], [0, 0.75**0.5, 0.5]], device=device, dtype=dtype)  # normal (0, -1/2, 0.87)
    vertices, colour = torch.stack([-along - up, along - up, 2 * up]), torch.tensor([1.0, 0.5, 0.2])
    faces = torch.tensor(faces, device=device)
    cam = camera(device, dtype, size=25, eye=(0.0, -6.0, 0.0))
    picture = rasterise.shade_mesh(
        vertices, faces, cam, colour=colour, smooth=smooth, cull=False
    )  # lit from both sides
    close(picture[12, 15], (0.15 + 0.85 * 0.5) * colour.to(picture))


def test_gradients_of_depth_and_colour():
    vertices, faces = mesh.icosphere(0)
    cam = camera(size=8)

    def depth(v):
        raster = rasterise.rasterise(v, faces, cam)
        return torch.where(raster.face >= 0, raster.depth, torch.zeros_like(raster.depth))

    assert torch.autograd.gradcheck(depth, vertices.requires_grad_())
    raster = rasterise.rasterise(vertices.detach(), faces, cam)
    colours = torch.rand(12, 2, generator=generator(4), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda c: rasterise.interpolate(c, faces, raster), colours)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_splats_equal_painting_from_far_to_near(size, device, dtype):
    points = torch.randn(200, 3, generator=generator(5), dtype=torch.float64).to(device, dtype)
    colours = torch.rand(200, 2, generator=generator(6), dtype=torch.float64).to(device, dtype)
    points = torch.cat([points, points.new_tensor([[9.0, -11, 6]])])  # behind the camera
    colours = torch.cat([colours, colours.new_tensor([[5.0, 5]])])
    cam = camera(device, dtype)
    place, depth = project_points(cam, points[:200])
    wanted = torch.ones(cam.height, cam.width, 2, dtype=dtype)
    for n in depth.argsort(descending=True).tolist():
        x, y = (int(torch.floor(c - (size - 1) / 2)) for c in place[n])
        wanted[max(y, 0) : max(y + size, 0), max(x, 0) : max(x + size, 0)] = colours[n].cpu()
    torch.testing.assert_close(rasterise.splat(points, colours, cam, size=size).cpu(), wanted)


EYE = torch.tensor([0.0, -4, 0])
BEHIND = torch.stack([2 * EYE, EYE * 0, EYE[[1, 0, 2]]])
FRONT, FACE = look_at(EYE, torch.zeros(3), 9, height=8, width=8), torch.tensor([[0, 1, 2]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: rasterise.rasterise(torch.stack([2 * EYE, EYE * 0, EYE[[1, 0, 2]]]), FACE, FRONT),
            "1 points lie behind",
        ),
        (lambda: rasterise.splat(torch.zeros(2, 3), torch.zeros(3, 3), None), "must be equal"),
        (lambda: rasterise.splat(torch.zeros(2, 3), torch.zeros(2, 3), None, size=0), "size must be at least 1"),
        (lambda: rasterise.interpolate(torch.zeros(2, 1), FACE, None), "name vertex 2"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
