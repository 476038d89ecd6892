"""Stable fluids: advection against SciPy, projection against its definition, decay against the exact solution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from course_lib.core.seeding import generator
from course_lib.simulation.fluid import advect, diffuse, divergence, fluid_step, project_divergence_free

from ..refusals import refused

SIZES = [(16, 16), (15, 22), (9, 13)]


def random_field(device, dtype, *shape):
    return torch.randn(*shape, generator=generator(0), dtype=torch.float64).to(device, dtype)


@pytest.mark.parametrize("boundary", ["periodic", "walls"])
def test_divergence_equals_a_loop_over_cells(boundary, device, dtype, close):
    velocity = random_field(device, dtype, 2, 2, 7, 9)
    wanted = torch.zeros(2, 7, 9, dtype=dtype)
    v = velocity.cpu()

    def read(b, part, i, j):
        if boundary == "periodic":
            return float(v[b, part, i % 7, j % 9])
        outside = (not 0 <= j < 9) if part == 0 else (not 0 <= i < 7)  # a wall turns what flows into it around
        return (-1 if outside else 1) * float(v[b, part, min(max(i, 0), 6), min(max(j, 0), 8)])

    for b in range(2):
        for i in range(7):
            for j in range(9):
                across = read(b, 0, i, j + 1) - read(b, 0, i, j - 1)
                wanted[b, i, j] = (across + read(b, 1, i + 1, j) - read(b, 1, i - 1, j)) / 2
    close(divergence(velocity, boundary), wanted.to(device))


@pytest.mark.parametrize("boundary", ["periodic", "walls"])
@pytest.mark.parametrize("size", SIZES)
def test_projection_leaves_no_divergence_and_does_nothing_twice(boundary, size, device, dtype):
    velocity = random_field(device, dtype, 3, 2, *size)
    limit = 1e-12 if dtype == torch.float64 else 1e-5
    assert divergence(velocity, boundary).abs().max() > 1
    once = project_divergence_free(velocity, boundary)
    assert divergence(once, boundary).abs().max() < limit
    assert (project_divergence_free(once, boundary) - once).abs().max() < limit
    removed = velocity - once
    assert (removed * once).sum().abs() < 1e3 * limit  # removed and kept are perpendicular
    assert removed.square().sum() > 1


def test_a_gradient_vanishes_and_a_swirl_stays(device, dtype, close):
    height = random_field(device, dtype, 12, 14)
    across, down = (height.roll(-1, 1) - height.roll(1, 1)) / 2, (height.roll(-1, 0) - height.roll(1, 0)) / 2
    slope, swirl = torch.stack([across, down])[None], torch.stack([down, -across])[None]
    close(project_divergence_free(slope), torch.zeros_like(slope))
    close(project_divergence_free(swirl), swirl)
    close(project_divergence_free(slope + swirl), swirl)


def test_walls_let_nothing_through(device, dtype, close):
    """Flow across any full line of a closed box must cancel: central differences of the half-cell walls see to it."""
    velocity = project_divergence_free(random_field(device, dtype, 2, 2, 16, 20), "walls")
    sides = velocity[:, 0, :, 1:] + velocity[:, 0, :, :-1]  # through the lines between columns
    close(sides.sum(1), torch.zeros_like(sides[:, 0]))
    floors = velocity[:, 1, 1:] + velocity[:, 1, :-1]
    close(floors.sum(2), torch.zeros_like(floors[:, :, 0]))


@pytest.mark.parametrize(("boundary", "mode"), [("periodic", "grid-wrap"), ("walls", "nearest")])
@pytest.mark.parametrize("dt", [0.3, 2.0, 11.0])
def test_advection_equals_scipys_interpolation(boundary, mode, dt, device, dtype, close):
    field, velocity = random_field(device, dtype, 2, 3, 11, 14), 2 * random_field(device, dtype, 2, 2, 11, 14)
    ours = advect(field, velocity, dt, boundary=boundary)
    rows, columns = np.meshgrid(np.arange(11), np.arange(14), indexing="ij")
    for b in range(2):
        u, v = velocity[b].cpu().double().numpy()
        for c in range(3):
            theirs = map_coordinates(field[b, c].cpu().double().numpy(), [rows - dt * v, columns - dt * u], order=1,
                                     mode=mode)  # fmt: skip
            close(ours[b, c], torch.tensor(theirs, device=device, dtype=dtype))


def test_a_steady_wind_shifts_whole_cells(device, dtype, close):
    field = random_field(device, dtype, 1, 1, 8, 10)
    wind = torch.tensor([3.0, -2.0], device=device, dtype=dtype).reshape(1, 2, 1, 1).expand(1, 2, 8, 10)
    close(advect(field, wind, 1.0), field.roll((-2, 3), (2, 3)))


@pytest.mark.parametrize("boundary", ["periodic", "walls"])
def test_no_step_is_too_long(boundary, device, dtype):
    velocity = project_divergence_free(5 * random_field(device, dtype, 1, 2, 24, 24), boundary)
    energy, highest = velocity.square().sum(), velocity.abs().max()
    for _ in range(30):
        carried = advect(velocity, velocity, 50.0, boundary=boundary)
        assert carried.abs().max() <= velocity.abs().max()
        velocity = fluid_step(velocity, dt=50.0, boundary=boundary)
        assert velocity.square().sum() < energy
        assert velocity.abs().max() < highest


def test_friction_makes_a_wave_decay_at_its_exact_rate(device, dtype, close):
    y, x = torch.meshgrid(torch.arange(16, dtype=dtype), torch.arange(16, dtype=dtype), indexing="ij")
    k = 2 * math.pi / 16
    wave = torch.stack([(2 * k * y).sin(), (3 * k * x).sin()])[None].to(device)  # the shear flows (u(y), v(x))
    factor = [1 / (1 + 1.7 * (2 - 2 * math.cos(2 * k))), 1 / (1 + 1.7 * (2 - 2 * math.cos(3 * k)))]
    close(diffuse(wave, 1.7), wave * torch.tensor(factor, dtype=dtype, device=device).reshape(1, 2, 1, 1))
    close(diffuse(wave, 0.0, "walls"), wave)


def test_a_step_is_its_four_parts(device, dtype, close):
    velocity, force = random_field(device, dtype, 2, 2, 10, 12), random_field(device, dtype, 2, 2, 10, 12).flip(0)
    for boundary in ("periodic", "walls"):
        pushed = velocity + 0.5 * force
        wanted = project_divergence_free(
            diffuse(advect(pushed, pushed, 0.5, boundary=boundary), 0.4, boundary), boundary
        )
        close(fluid_step(velocity, 0.5, force, viscosity=0.8, boundary=boundary), wanted)
        assert divergence(wanted, boundary).abs().max() < (1e-12 if dtype == torch.float64 else 1e-5)


def test_a_batch_is_its_items(device, dtype, close):
    velocity = random_field(device, dtype, 3, 2, 10, 12)
    for boundary in ("periodic", "walls"):
        together = fluid_step(velocity, 0.7, velocity, viscosity=0.1, boundary=boundary)
        for b in range(3):
            close(
                together[b : b + 1],
                fluid_step(velocity[b : b + 1], 0.7, velocity[b : b + 1], viscosity=0.1, boundary=boundary),
            )


@pytest.mark.parametrize("boundary", ["periodic", "walls"])
def test_gradients_flow(boundary):
    field = torch.randn(1, 1, 5, 6, generator=generator(1), dtype=torch.float64, requires_grad=True)
    velocity = torch.randn(1, 2, 5, 6, generator=generator(2), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f, v: advect(f, v, 0.4, boundary=boundary), (field, velocity))
    assert torch.autograd.gradcheck(lambda v: fluid_step(v, 0.3, v, viscosity=0.2, boundary=boundary), (velocity,))


V = torch.zeros(1, 2, 4, 4)
CASES = {
    "three components": (lambda: divergence(torch.zeros(1, 3, 4, 4)), r"velocity must be .*\(B, 2, H, W\)"),
    "NaN": (lambda: project_divergence_free(V / 0), r"velocity holds 32 NaN"),
    "boundary": (lambda: project_divergence_free(V, "open"), r"boundary must be one of periodic, walls, not 'open'"),
    "sizes": (lambda: advect(torch.zeros(1, 1, 5, 4), V), r"field has H = 5 but velocity has H = 4"),
    "dt": (lambda: advect(V, V, 0.0), r"dt must be a finite number above 0"),
    "viscosity": (lambda: fluid_step(V, viscosity=-1.0), r"amount must be a finite number of 0 or more, not -1.0"),
    "force": (lambda: fluid_step(V, force=torch.zeros(1, 2, 4, 5)), r"force has W = 5"),
}


@pytest.mark.parametrize("case", CASES)
def test_refusal(case):
    call, message = CASES[case]
    refused(call, message)
