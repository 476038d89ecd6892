"""Positional encodings against their formulas written as loops, and the properties that make them useful."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.networks.layers import MLP
from course_lib.networks.positional import fourier_encoding, sinusoidal_encoding
from course_lib.optim import Adam


def test_fourier_equals_the_formula_written_out(device, dtype, close):
    points = 2 * torch.rand(4, 3, 2, generator=generator(0), dtype=torch.float64) - 1
    wanted = torch.tensor(
        [[[part for p in point.tolist() for k in range(5)
           for part in (math.sin(2**k * math.pi * p), math.cos(2**k * math.pi * p))]
          for point in row] for row in points],
        dtype=torch.float64,
    )  # fmt: skip
    ours = fourier_encoding(points.to(device, dtype), 5)
    assert ours.shape == (4, 3, 20)
    close(ours, wanted, rtol=1e-9, atol=1e-9)


def test_sinusoidal_equals_the_formula_written_out(device, dtype, close):
    wanted = [[(math.sin if c % 2 == 0 else math.cos)(t / 10_000 ** ((c - c % 2) / 16)) for c in range(16)]
              for t in range(40)]  # fmt: skip
    close(sinusoidal_encoding(torch.arange(40, device=device, dtype=dtype), 16), wanted, rtol=1e-9, atol=1e-9)


def test_a_shift_of_the_position_is_one_rotation_for_all_positions():
    code = sinusoidal_encoding(torch.arange(60, dtype=torch.float64), 8)
    move = torch.linalg.lstsq(code[:50], code[7:57]).solution
    torch.testing.assert_close(code[:50] @ move, code[7:57], rtol=0, atol=1e-9)
    torch.testing.assert_close(move @ move.T, torch.eye(8, dtype=torch.float64), rtol=0, atol=1e-7)


def test_bad_input():
    with pytest.raises(ValueError, match="dimensions must be even"):
        sinusoidal_encoding(torch.arange(3.0), 5)
    with pytest.raises(ValueError, match="positions must be a floating-point tensor"):
        sinusoidal_encoding(torch.arange(3), 4)
    with pytest.raises(ValueError, match="frequencies must be a finite number above 0"):
        fourier_encoding(torch.zeros(3, 2), 0)
    with pytest.raises(ValueError, match="points must be a floating-point tensor"):
        fourier_encoding([0.5], 2)


def test_a_coordinate_network_needs_the_encoding_for_high_frequencies():
    """The same network and training on one fast sine: raw coordinates leave most of it, the encoding nearly none."""
    p = torch.linspace(-1, 1, 256, dtype=torch.float64)[:, None]
    wanted = torch.sin(12 * math.pi * p)
    left = {}
    for name, inputs in (("raw", p), ("encoded", fourier_encoding(p, 5))):
        model = MLP([inputs.shape[1], 32, 32, 1], generator=generator(0)).double()
        optimiser = Adam(model.parameters(), 5e-3)
        for _ in range(300):
            optimiser.zero_grad()
            loss = (model(inputs) - wanted).square().mean()
            loss.backward()
            optimiser.step()
        left[name] = loss.item()
    assert left["raw"] > 0.2
    assert left["encoded"] < 0.01
