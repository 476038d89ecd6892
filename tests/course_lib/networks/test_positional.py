"""Positional encodings against their formulas written as loops, and the properties that make them useful."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.networks.layers import MLP
from course_lib.networks.positional import (
    LearntPositions,
    apply_rotary,
    fourier_encoding,
    sinusoidal_encoding,
    sinusoidal_encoding_2d,
)
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


def test_two_dimensional_code_is_the_row_s_beside_the_column_s_as_in_detr(device, dtype, close):
    """DETR's PositionEmbeddingSine without normalisation, which counts rows and columns from 1."""
    rows, columns = torch.arange(1, 6, dtype=torch.float32), torch.arange(1, 8, dtype=torch.float32)
    dim_t = 10_000 ** (2 * torch.div(torch.arange(8), 2, rounding_mode="floor") / 8)
    pos_y, pos_x = rows[:, None, None].expand(5, 7, 1) / dim_t, columns[None, :, None].expand(5, 7, 1) / dim_t
    pos_x = torch.stack((pos_x[..., 0::2].sin(), pos_x[..., 1::2].cos()), dim=3).flatten(2)
    pos_y = torch.stack((pos_y[..., 0::2].sin(), pos_y[..., 1::2].cos()), dim=3).flatten(2)
    ours = sinusoidal_encoding_2d(rows.to(device, dtype), columns.to(device, dtype), 16)
    close(ours, torch.cat((pos_y, pos_x), dim=2), rtol=1e-5, atol=1e-6)
    code = sinusoidal_encoding(rows.to(device, dtype), 8)
    close(ours[:, 3, :8], code)
    close(ours[2, :, 8:], sinusoidal_encoding(columns.to(device, dtype), 8))


def test_rotary_is_multiplication_of_complex_numbers(device, dtype, close):
    x = torch.randn(2, 3, 9, 8, generator=generator(0), dtype=torch.float64)
    t = torch.arange(9, dtype=torch.float64)
    angles = t[:, None] * 10_000 ** (-torch.arange(0, 8, 2, dtype=torch.float64) / 8)
    wanted = torch.view_as_real(
        torch.view_as_complex(x.unflatten(-1, (4, 2))) * torch.polar(torch.ones(9, 4).double(), angles)
    )
    close(apply_rotary(x.to(device, dtype), t.to(device, dtype)), wanted.flatten(-2), rtol=1e-9, atol=1e-12)


def test_rotary_products_depend_on_the_distance_only():
    q, k = (torch.randn(1, 8, generator=generator(s), dtype=torch.float64) for s in (0, 1))

    def product(s: float, t: float) -> float:
        s, t = (torch.tensor([place], dtype=torch.float64) for place in (s, t))
        return float((apply_rotary(q, s) * apply_rotary(k, t)).sum())

    for s, t in ((3, 1), (0, 7), (2.5, 2.5)):
        for shift in (1, 10, 1000.5):
            assert product(s + shift, t + shift) == pytest.approx(product(s, t), abs=1e-9)
    assert abs(product(3, 1) - product(1, 3)) > 0.1
    assert product(4, 4) == pytest.approx(float((q * k).sum()))


def test_rotary_keeps_lengths_and_gradients():
    x = torch.randn(4, 6, generator=generator(0), dtype=torch.float64, requires_grad=True)
    places = torch.arange(4, dtype=torch.float64)
    torch.testing.assert_close(apply_rotary(x, places).norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(apply_rotary(x, places)[0], x[0])
    assert torch.autograd.gradcheck(lambda v: apply_rotary(v, places), (x,))


def test_learnt_positions_are_added_and_get_gradients():
    model = LearntPositions(6, 4)
    tokens = torch.rand(2, 5, 4, generator=generator(0))
    torch.testing.assert_close(model(tokens), tokens + model.embedding[:5])
    model(tokens).sum().backward()
    assert model.embedding.grad.tolist() == [[2.0] * 4] * 5 + [[0.0] * 4]
    assert float(model.embedding.detach().abs().max()) <= 0.04
    assert float(LearntPositions(100, 64).embedding.std().detach()) == pytest.approx(0.0176, abs=0.001)


def test_bad_input():
    with pytest.raises(ValueError, match="dimensions must be a multiple of 4"):
        sinusoidal_encoding_2d(torch.arange(3.0), torch.arange(3.0), 6)
    with pytest.raises(
        ValueError, match=r"x must be \(\.\.\., N, E\) and positions \(N,\), not \(2, 3, 4\) and \(2,\)"
    ):
        apply_rotary(torch.zeros(2, 3, 4), torch.arange(2.0))
    with pytest.raises(ValueError, match="dimensions must be even"):
        apply_rotary(torch.zeros(2, 3), torch.arange(2.0))
    with pytest.raises(ValueError, match=r"tokens must be \(B, N, 4\) with N at most 6, not \(1, 7, 4\)"):
        LearntPositions(6, 4)(torch.zeros(1, 7, 4))
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
