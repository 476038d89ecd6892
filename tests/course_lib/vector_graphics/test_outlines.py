"""Filled outlines: exact coverage against the shoelace area, against clipping, and against many samples."""

from __future__ import annotations

import math

import pytest
import torch
from matplotlib.path import Path

from course_lib.core.seeding import generator
from course_lib.vector_graphics import outlines


def letter(character, size=40.0, device="cpu", dtype=torch.float64, tolerance=0.01):
    move = torch.tensor([3.3, 0.9 * size + 2.7])
    return [outlines.flatten((c + move).to(device, dtype), tolerance) for c in outlines.glyph(character, size)]


def clip(polygon, keep):
    """Sutherland and Hodgman: the part of a polygon where keep(point) >= 0, one half-plane."""
    kept = []
    for here, there in zip(polygon, polygon.roll(-1, 0), strict=True):
        a, b = keep(here), keep(there)
        if a >= 0:
            kept.append(here)
        if (a >= 0) != (b >= 0):
            kept.append(here + a / (a - b) * (there - here))
    return torch.stack(kept) if kept else polygon[:0]


def clipped_area(contours, row, column):
    total = 0.0
    for polygon in contours:
        for keep in (
            lambda p: p[0] - column, lambda p: column + 1 - p[0], lambda p: p[1] - row, lambda p: row + 1 - p[1],
        ):  # fmt: skip
            polygon = clip(polygon, keep) if len(polygon) else polygon
        if len(polygon):
            total += float(outlines.polygon_area(polygon))
    return total


def test_the_coverage_of_each_pixel_equals_the_clipped_area(device, dtype, close):
    contours = letter("g", 16, device, dtype)
    coverage = outlines.area_coverage(contours, 22, 18)
    wanted = [[clipped_area([c.cpu().double() for c in contours], i, j) for j in range(18)] for i in range(22)]
    close(coverage, wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("character", ["&", "B", "o"])
def test_coverage_sums_to_the_shoelace_area_and_lies_between_zero_and_one(character, device, dtype, close):
    contours = letter(character, device=device, dtype=dtype)
    coverage = outlines.area_coverage(contours, 56, 50)
    close(coverage.sum(), sum(outlines.polygon_area(c) for c in contours), rtol=1e-9, atol=1e-9)
    assert coverage.min() > -1e-6
    assert coverage.max() < 1 + 1e-6
    assert coverage.max() > 0.99


def test_samples_come_closer_to_the_exact_coverage_the_more_there_are():
    contours = letter("&")
    exact = outlines.area_coverage(contours, 50, 50)
    errors = [float((outlines.sampled_coverage(contours, 50, 50, samples=n) - exact).abs().max()) for n in (1, 4, 16)]
    assert errors[0] > 0.4
    assert errors[2] < 0.04 < errors[1] < errors[0]


def test_outside_and_cut_off_parts_do_not_matter(device, dtype, close):
    contours = letter("B", device=device, dtype=dtype)
    whole = outlines.area_coverage(contours, 56, 50)
    move = torch.tensor([-10.0, -7.0], device=device, dtype=dtype)
    close(outlines.area_coverage([c + move for c in contours], 30, 20), whole[7:37, 10:30], rtol=0, atol=1e-9)


def test_the_area_of_a_flattened_circle_grows_to_pi():
    k = 4 / 3 * (math.sqrt(2) - 1)
    quarter = torch.tensor([[1, 0], [1, k], [k, 1], [0, 1]], dtype=torch.float64)
    turn = torch.tensor([[0.0, 1], [-1, 0]], dtype=torch.float64)
    circle = torch.stack([quarter @ torch.linalg.matrix_power(turn, n) for n in range(4)])
    errors = [abs(float(outlines.polygon_area(outlines.flatten(circle, t))) - math.pi) for t in (1e-2, 1e-4, 1e-6)]
    assert errors[0] > 10 * errors[1]
    assert errors[2] < 1e-3  # what is left is the circle's, not the polygon's


def test_winding_and_the_two_rules(device, dtype):
    points = 50 * torch.rand(400, 2, generator=generator(0), dtype=torch.float64).to(device, dtype)
    contours = letter("&", device=device, dtype=dtype)
    inside = sum(Path(c.cpu().double().numpy()).contains_points(points.cpu().double().numpy()) for c in contours) % 2
    assert (outlines.winding_number(points, contours) != 0).long().cpu().tolist() == inside.tolist()
    angle = torch.arange(5, device=device, dtype=dtype) * 4 * math.pi / 5  # a five-pointed star in one stroke
    star = 10 + 9 * torch.stack([angle.sin(), -angle.cos()], dim=1)
    middle = star.new_tensor([[10.0, 10.0]])
    assert abs(int(outlines.winding_number(middle, [star]))) == 2
    assert float(outlines.sampled_coverage([star], 20, 20, samples=4, rule="nonzero")[9, 9]) == 1
    assert float(outlines.sampled_coverage([star], 20, 20, samples=4, rule="evenodd")[9, 9]) == 0
    assert int(outlines.winding_number(middle, [star.flip(0)])) == -int(outlines.winding_number(middle, [star]))


def test_signed_distance_to_a_square_and_to_a_circle(device, dtype, close):
    square = torch.tensor([[0.0, 0], [4, 0], [4, 4], [0, 4]], device=device, dtype=dtype)
    points = square.new_tensor([[2.0, 1.0], [7, 8], [-1, 2], [3.5, 2]])
    close(outlines.outline_distance(points, [square]), [-1.0, 5.0, 1.0, -0.5])
    angle = torch.linspace(0, 2 * math.pi, 2001, device=device, dtype=dtype)[:-1]
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    places = torch.randn(200, 2, generator=generator(1), dtype=torch.float64).to(device, dtype)
    close(outlines.outline_distance(places, [circle]), places.norm(dim=1) - 1, rtol=0, atol=1e-5)


def test_the_gradient_of_the_area_of_a_square_is_its_sides():
    square = torch.tensor([[1.3, 1.2], [4.7, 1.2], [4.7, 3.9], [1.3, 3.9]], dtype=torch.float64, requires_grad=True)
    outlines.area_coverage([square], 6, 7).sum().backward()
    through_coverage = square.grad.clone()
    square.grad = None
    outlines.polygon_area(square).backward()
    torch.testing.assert_close(through_coverage, square.grad, rtol=1e-9, atol=1e-9)


def test_glyphs_are_closed_and_scale(close):
    for contour in outlines.glyph("g", 10):
        torch.testing.assert_close(contour[:, 3], contour.roll(-1, 0)[:, 0])
    small, large = outlines.glyph("a", 1), outlines.glyph("a", 7)
    close(large[0], 7 * small[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: outlines.glyph(" "), "has no outline"),
        (lambda: outlines.area_coverage([], 4, 4), "contours is empty"),
        (lambda: outlines.area_coverage([torch.zeros(3, 3)], 4, 4), r"contours\[0\] must be .* shape \(N, 2\)"),
        (lambda: outlines.sampled_coverage([torch.zeros(3, 2)], 4, 4, samples=1, rule="both"), "rule must be"),
        (lambda: outlines.sampled_coverage([torch.zeros(3, 2)], 4, 4, samples=0), "samples must be at least 1"),
        (lambda: outlines.polygon_area(torch.full((3, 2), torch.nan)), "NaN or infinite"),
        (lambda: outlines.flatten(torch.zeros(4, 2), 0.1), r"contour must be"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
