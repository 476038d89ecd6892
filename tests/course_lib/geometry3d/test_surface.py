"""Patches and superquadrics: equal to other ways of computing them, and normals equal to autograd's."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.interpolate import NdBSpline

from course_lib.core.seeding import generator
from course_lib.geometry3d import mesh, surface
from course_lib.ops.geometry import bezier


def net(device="cpu", dtype=torch.float64):
    return torch.randn(2, 4, 4, 3, generator=generator(5), dtype=torch.float64).to(device, dtype)


def parameters(device="cpu", dtype=torch.float64):
    uv = torch.rand(2, 30, generator=generator(6), dtype=torch.float64).to(device, dtype)
    return uv[0], uv[1]


def test_a_patch_is_a_curve_of_curves_and_equals_scipys_spline(device, dtype, close):
    control, (u, v) = net(device, dtype), parameters(device, dtype)
    points = surface.bezier_patch(control, u, v)
    for n in range(5):
        rows = bezier.de_casteljau(control[0], v[n : n + 1])[:, 0]  # (4, 3)
        close(points[0, n], bezier.de_casteljau(rows, u[n : n + 1])[0])
    knots = [0.0] * 4 + [1.0] * 4
    spline = NdBSpline((knots, knots), control[1].cpu().double().numpy(), 3)
    theirs = spline(torch.stack([u, v], 1).cpu().double().numpy())
    close(points[1], theirs, rtol=1e-9, atol=1e-9)


def test_moving_the_net_moves_the_patch(device, dtype, close):
    control, (u, v) = net(device, dtype), parameters(device, dtype)
    turn = torch.randn(3, 3, generator=generator(7), dtype=torch.float64).to(device, dtype)
    moved = surface.bezier_patch(control @ turn + 3, u, v)
    close(moved, surface.bezier_patch(control, u, v) @ turn + 3, rtol=1e-9, atol=1e-9)


def test_patch_normals_equal_autograds(device, dtype, close):
    control, (u, v) = net(device, dtype)[0], parameters(device, dtype)
    by_autograd = surface.normals_by_autograd(lambda a, b: surface.bezier_patch(control, a, b), u, v)
    close(surface.bezier_normals(control, u, v), by_autograd, rtol=1e-7, atol=1e-9)


def test_a_revolved_line_is_nearly_a_cylinder_and_no_nearer_than_it_says():
    nets = surface.revolve(torch.tensor([[2.0, 0.0], [2.0, 1.0]], dtype=torch.float64))
    u, v, _ = surface.lattice(torch.linspace(0, 1, 3).double(), torch.linspace(0, 1, 401).double())
    points = surface.bezier_patch(nets, u, v).reshape(-1, 3)
    error = (points[:, :2].norm(dim=1) / 2 - 1).abs().max()
    assert 2.6e-4 < error < 2.8e-4
    angle = torch.atan2(points[:, 1], points[:, 0])
    assert len(torch.unique((angle * 100).round())) > 600, "the four quarters go all around"


@pytest.mark.parametrize("exponents", [(1.0, 1.0), (0.3, 0.6), (1.5, 1.2)])
def test_superquadric_points_lie_on_the_level_set_and_normals_are_its_gradient(exponents, device, dtype, close):
    uv = torch.rand(2, 40, generator=generator(8), dtype=torch.float64).to(device, dtype) * 0.9 + 0.05
    eta, omega = (uv[0] - 0.5) * math.pi, (uv[1] - 0.5) * 2 * math.pi
    size = (1.0, 2.0, 0.5)
    points = surface.superquadric(eta, omega, exponents, size=size)
    close(surface.superquadric_field(points, exponents, size), torch.ones(40), rtol=1e-6, atol=1e-9)
    assert (surface.superquadric_field(0.9 * points, exponents, size) < 1).all()
    at = points.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(surface.superquadric_field(at, exponents, size).sum(), at)
    normals = surface.superquadric_normals(eta, omega, exponents, size=size)
    close(normals, torch.nn.functional.normalize(gradient, dim=1), rtol=1e-5, atol=1e-7)
    crossed = surface.normals_by_autograd(lambda a, b: surface.superquadric(a, b, exponents, size=size), omega, eta)
    assert crossed.shape == (40, 3)
    by_autograd = surface.normals_by_autograd(lambda a, b: surface.superquadric(b, a, exponents, size=size), omega, eta)
    close(by_autograd, normals, rtol=1e-5, atol=1e-7)


def test_round_exponents_give_an_ellipsoid_with_its_volume():
    eta, omega, faces = surface.lattice(
        torch.linspace(-math.pi / 2, math.pi / 2, 61).double(), torch.linspace(-math.pi, math.pi, 121).double()
    )
    points = surface.superquadric(eta, omega, (1.0, 1.0), size=(1.0, 2.0, 0.5))
    assert abs(abs(float(mesh.volume(points, faces))) / (4 / 3 * math.pi) - 1) < 2e-3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: surface.bezier_patch(torch.zeros(4, 3), torch.zeros(2), torch.zeros(2)), "control must be"),
        (lambda: surface.bezier_patch(torch.zeros(1, 4, 3), torch.zeros(2), torch.zeros(2)), "at least 2 x 2"),
        (lambda: surface.bezier_patch(torch.zeros(4, 4, 3), torch.zeros(2), torch.zeros(3)), "must be equal"),
        (lambda: surface.superquadric(torch.zeros(2), torch.zeros(2), (0.0, 1.0)), "e1 must be a finite number"),
        (lambda: surface.superquadric_normals(torch.zeros(2), torch.zeros(2), (2.0, 1.0)), "must be below 2"),
        (lambda: surface.lattice(torch.zeros(1), torch.zeros(2)), "at least 2 values each"),
        (lambda: surface.revolve(torch.zeros(3, 3)), r"shape \(N, 2\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
