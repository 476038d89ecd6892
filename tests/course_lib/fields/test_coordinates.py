"""Coordinates are centres of pixels, codes are sines, and a code is what lets a network learn detail."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.fields.coordinates import CoordinateNetwork, clip_coordinates, fit_field, pixel_coordinates

from ..refusals import refused


def test_centres_of_pixels(device, close):
    close(pixel_coordinates(2, 3, device=device), [[-2 / 3, -0.5], [0, -0.5], [2 / 3, -0.5],
                                                   [-2 / 3, 0.5], [0, 0.5], [2 / 3, 0.5]], atol=1e-6)  # fmt: skip
    four = pixel_coordinates(8, 8).view(2, 4, 2, 4, 2)[:, :, :, :, 0]
    assert torch.allclose(four.mean(), torch.zeros(()), atol=1e-6)


def test_coordinates_of_a_clip(close):
    points = clip_coordinates(3, 2, 4).view(3, 8, 3)
    for frame in points:
        close(frame[:, :2], pixel_coordinates(2, 4))
    close(points[:, 0, 2], [-1, 0, 1])
    assert (points[:, :, 2] == points[:, :1, 2]).all()
    refused(lambda: clip_coordinates(1, 4, 4), "at least 2 frames")


def test_the_code_is_the_place_and_its_waves(close):
    field = CoordinateNetwork(2, (2, 1))
    code = field.code(torch.tensor([[0.25, 0.5]]))
    root = math.sqrt(0.5)
    close(code, [[0.25, 0.5, root, root, 1, 0, 1, 0]], atol=1e-6)


def test_a_code_lets_the_network_learn_a_fast_wave():
    x = torch.linspace(-1, 1, 129)[:, None]
    wave = (8 * math.pi * x).sin()
    left = []
    for frequencies in (0, 5):
        torch.manual_seed(0)
        field = CoordinateNetwork(1, frequencies, outputs=1)
        history = fit_field(field, x, wave, rate=1e-3, steps=200, batch=129, generator=generator(0))
        assert len(history.loss) == 1
        left.append(float((field(x) - wave).square().mean().detach()))
    assert left[1] < 0.01 < 0.2 < left[0]


def test_evaluations_come_as_asked_and_seeds_repeat():
    found, points = [], pixel_coordinates(6, 6)
    for _ in range(2):
        torch.manual_seed(0)
        field = CoordinateNetwork(2, 2, hidden=8)
        history = fit_field(field, points, points.repeat(1, 2)[:, :3], rate=0.01, steps=20, batch=10,
                            generator=generator(0), evaluate=lambda f: float(f(points).sum()), every=5)  # fmt: skip
        found.append(history.metric)
    assert found[0] == found[1]
    assert len(found[0]) == 4


@pytest.mark.parametrize("frequencies", [(1, 2, 3), -1])
def test_bad_frequencies(frequencies):
    refused(lambda: CoordinateNetwork(2, frequencies), "frequencies must be 2 numbers from 0")


def test_bad_input():
    refused(lambda: CoordinateNetwork(2)(torch.rand(5, 3)), "points must be")
    refused(lambda: fit_field(CoordinateNetwork(), torch.rand(5, 2), torch.rand(4, 3), rate=0.1, steps=2, batch=4,
                              generator=generator(0)), "values")  # fmt: skip
