"""Recurrent layers over pixels: skewing, and the diagonal pass equal to a loop over pixels."""

from __future__ import annotations

import torch

from course_lib.core.seeding import generator
from course_lib.likelihood.pixel_rnn import DiagonalLSTM, RowLSTM, lstm_step, skew, unskew


def test_skewing_moves_rows_and_back():
    x = torch.arange(12.0).view(1, 1, 3, 4)
    wide = skew(x)[0, 0]
    assert wide.tolist() == [[0, 1, 2, 3, 0, 0], [0, 4, 5, 6, 7, 0], [0, 0, 8, 9, 10, 11]]
    assert torch.equal(unskew(skew(x), 4), x)


def test_a_step_equals_torchs_cell():
    torch.manual_seed(0)
    cell = torch.nn.LSTMCell(5, 3)
    x, h, c = (torch.randn(4, n, generator=generator(n)) for n in (5, 3, 3))
    h = 0.5 * h
    into, forget, new, out = (x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh).chunk(4, 1)
    hidden, state = lstm_step(torch.cat([out, forget, into, new], 1)[..., None], c[..., None])
    wanted = cell(x, (h, c))
    torch.testing.assert_close(hidden[..., 0], wanted[0])
    torch.testing.assert_close(state[..., 0], wanted[1])


def test_the_diagonal_pass_equals_a_loop_over_pixels():
    torch.manual_seed(0)
    layer = DiagonalLSTM(3).double()
    x = torch.randn(2, 3, 4, 5, generator=generator(0)).double()
    gates = layer.inputs[0](x)
    weight = layer.states[0].weight  # (4 D, D, 2): from above, from the left
    zero = torch.zeros(2, 3).double()
    hidden, cells = {}, {}
    for i in range(4):
        for j in range(5):
            left, above = hidden.get((i, j - 1), zero), hidden.get((i - 1, j), zero)
            total = gates[:, :, i, j] + left @ weight[..., 1].T + above @ weight[..., 0].T
            hidden[i, j], cells[i, j] = (part[..., 0] for part in lstm_step(
                total[..., None], cells.get((i, j - 1), zero)[..., None]))  # fmt: skip
    found = layer.one_way(x, 0)
    wanted = torch.stack([torch.stack([hidden[i, j] for j in range(5)], -1) for i in range(4)], 2)
    torch.testing.assert_close(found, wanted)


def test_rows_follow_each_other():
    torch.manual_seed(0)
    layer = RowLSTM(3)
    x = torch.randn(1, 3, 4, 5, generator=generator(0))
    y = layer(x)
    changed = x.clone()
    changed[:, :, 2] += 1
    again = layer(changed)
    assert torch.equal(again[:, :, :2], y[:, :, :2])
    assert not torch.isclose(again[:, :, 2:], y[:, :, 2:]).all()
