"""Bezier curves: two ways to evaluate agree, halves and raised degrees are the same curve, chords keep their bound."""

from __future__ import annotations

import pytest
import torch
from scipy.interpolate import BPoly

from course_lib.core.seeding import generator
from course_lib.ops.geometry import bezier


def random_curves(degree, device, dtype, count=5, dims=2):
    return torch.randn(count, degree + 1, dims, generator=generator(degree), dtype=torch.float64).to(device, dtype)


@pytest.mark.parametrize("degree", [1, 2, 3, 6])
def test_de_casteljau_bernstein_and_scipy_agree(degree, device, dtype, close):
    control = random_curves(degree, device, dtype)
    t = torch.linspace(0, 1, 23, device=device, dtype=dtype)
    points = bezier.evaluate(control, t)
    close(bezier.de_casteljau(control, t), points)
    theirs = BPoly(control.cpu().double().permute(1, 0, 2)[:, None].numpy(), [0, 1])(t.cpu().double().numpy())
    close(points, theirs.transpose(1, 0, 2))


def test_the_weights_sum_to_one_are_not_negative_and_commute_with_affine_maps(device, dtype, close):
    t = torch.linspace(0, 1, 50, device=device, dtype=dtype)
    weights = bezier.bernstein(t, 3)
    close(weights.sum(1), torch.ones(50))
    assert (weights >= 0).all()
    control = random_curves(3, device, dtype)
    turn = torch.tensor([[0.3, -2.0], [1.1, 0.4]], device=device, dtype=dtype)
    move = torch.tensor([5.0, -7.0], device=device, dtype=dtype)
    close(bezier.evaluate(control @ turn + move, t), bezier.evaluate(control, t) @ turn + move, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_the_halves_are_the_curve_and_so_is_the_raised_degree(cut, device, dtype, close):
    control = random_curves(3, device, dtype)
    t = torch.linspace(0, 1, 11, device=device, dtype=dtype)
    first, second = bezier.split(control, cut)
    close(bezier.evaluate(first, t), bezier.evaluate(control, cut * t))
    close(bezier.evaluate(second, t), bezier.evaluate(control, cut + (1 - cut) * t))
    close(bezier.evaluate(bezier.elevate(control), t), bezier.evaluate(control, t))


@pytest.mark.parametrize("tolerance", [0.3, 0.01, 0.0003])
def test_chords_stay_within_the_tolerance_and_not_far_below(tolerance):
    for control in random_curves(3, "cpu", torch.float64, count=8):
        steps = bezier.segments_needed(control, tolerance)
        knots = bezier.evaluate(control, torch.linspace(0, 1, steps + 1, dtype=torch.float64))
        fine = bezier.evaluate(control, torch.linspace(0, 1, 40 * steps + 1, dtype=torch.float64))
        share = torch.linspace(0, 1, 41, dtype=torch.float64)[:-1, None]
        on_chord = (knots[:-1, None] * (1 - share) + knots[1:, None] * share).reshape(-1, 2)
        worst = (fine[:-1] - on_chord).norm(dim=1).max()
        assert worst <= tolerance * (1 + 1e-9)
        assert bezier.segments_needed(control, tolerance / 100) in range(10 * (steps - 1), 10 * steps + 1)


def test_the_implicit_form_is_zero_on_the_curve_only(device, dtype):
    control = random_curves(2, device, dtype)[0]
    t = torch.linspace(-1, 2, 61, device=device, dtype=dtype)
    points = bezier.evaluate(control, t)
    on = bezier.implicit_quadratic(control, points).abs().max()
    normal = torch.tensor([0.3, -0.2], device=device, dtype=dtype)
    values = bezier.implicit_quadratic(control, points[20:41] + normal)
    assert on < (1e-10 if dtype == torch.float64 else 1e-3)
    assert values.abs().min() > 1e-3
    parabola = torch.tensor([[-1.0, 1.0], [0.0, -1.0], [1.0, 1.0]], device=device, dtype=dtype)  # y = x^2
    places = torch.tensor([[0.5, 0.5], [2.0, 1.0]], device=device, dtype=dtype)
    expected = places[:, 1] - places[:, 0] ** 2
    ratio = bezier.implicit_quadratic(parabola, places) / expected
    torch.testing.assert_close(ratio[0], ratio[1])


def test_gradients_reach_the_control_points():
    control = random_curves(3, "cpu", torch.float64)[0].requires_grad_()
    t = torch.linspace(0, 1, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda c: bezier.de_casteljau(c, t), control)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bezier.evaluate(torch.zeros(1, 2), torch.zeros(3)), "at least 2 points a curve, not 1"),
        (lambda: bezier.evaluate(torch.zeros(4, 2), torch.zeros(3, 1)), r"t must be .* shape \(T\)"),
        (lambda: bezier.bernstein(torch.zeros(3), 0), "degree must be at least 1"),
        (lambda: bezier.segments_needed(torch.zeros(4, 2), 0.0), "tolerance must be a finite number above 0"),
        (lambda: bezier.implicit_quadratic(torch.zeros(4, 2), torch.zeros(1, 2)), r"shape \(3, 2\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
