"""Masked networks: what a pixel depends on, found by gradients; probabilities that sum to one; drawing."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.likelihood.masked import (
    GatedPixelCNN,
    MaskedConv2d,
    PixelCNN,
    centred,
    draw_pixels,
    pixel_log_likelihood,
)
from course_lib.likelihood.pixel_rnn import PixelRNN

SIZE, ROW, COLUMN = 11, 6, 5


def seen(model, size=SIZE, row=ROW, column=COLUMN):
    """Which pixels the scores of one pixel depend on, bool (H, W)."""
    picture = torch.randn(1, 1, size, size, generator=generator(0)).double().requires_grad_(True)
    scores = model.double()(picture)[0, :, row, column]
    weights = torch.randn(len(scores), generator=generator(1)).double()
    (gradient,) = torch.autograd.grad((weights * scores).sum(), picture)
    return gradient[0, 0] != 0


def before(size=SIZE, row=ROW, column=COLUMN):
    """Which pixels come first in reading order."""
    return (torch.arange(size * size) < row * size + column).view(size, size)


def test_a_pixel_depends_on_all_pixels_before_it_and_on_no_other():
    torch.manual_seed(0)
    assert torch.equal(seen(GatedPixelCNN(4, 8)), before())


def test_diagonals_see_all_but_the_end_of_the_row_above():
    torch.manual_seed(0)
    wanted = before()
    wanted[ROW - 1, SIZE - 1] = False  # mask A hides it from its own place, and no place of that row comes behind it
    assert torch.equal(seen(PixelRNN(4, 8, diagonal=True)), wanted)


def test_stacked_masks_have_a_blind_spot_above_to_the_right():
    torch.manual_seed(0)
    model = PixelCNN(4, 8, layers=4)
    size, row, column = 15, 12, 3
    found, wanted = seen(model, size, row, column), before(size, row, column)
    assert not (found & ~wanted).any()
    blind = wanted & ~found
    assert blind.any()
    assert not blind[:, : column + 1][row - 6 :].any()  # not on the left, as far as the kernels reach
    reach = 3 + (row - 1 - torch.arange(row))[:, None].clamp(min=0)  # one column a row at most, after the first kernel
    assert blind[:row][torch.arange(size)[None] > column + 3 + reach].all()


def test_a_row_lstm_sees_a_triangle():
    torch.manual_seed(0)
    model = PixelRNN(4, 8, layers=1, diagonal=False)
    size, row, column = 15, 9, 3
    found = seen(model, size, row, column)
    assert not (found & ~before(size, row, column)).any()
    assert not found[row - 1, column + 1 + 4 + 1 :].any()  # one place a row, and the three of the first kernel
    assert found[row - 5, column + 5]


@pytest.mark.parametrize("own", [False, True])
def test_masks_by_hand(own):
    layer = MaskedConv2d(1, 1, 3, own=own)
    assert layer.mask.tolist() == [[1, 1, 1], [1, float(own), 0], [0, 0, 0]]


@pytest.mark.parametrize("make", [PixelCNN, GatedPixelCNN, lambda *a: PixelRNN(*a, diagonal=True),
                                  lambda *a: PixelRNN(*a, diagonal=False)],
                         ids=["plain", "gated", "diagonal", "row"])  # fmt: skip
def test_probabilities_of_all_pictures_sum_to_one(make):
    torch.manual_seed(0)
    model = make(2, 8).double()
    every = torch.cartesian_prod(*[torch.arange(2)] * 6).view(-1, 2, 3)
    model.forward, plain = lambda x: plain(x.double()), model.forward
    assert float(pixel_log_likelihood(model, every).exp().sum().detach()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("make", [GatedPixelCNN, lambda *a: PixelRNN(*a, diagonal=True)], ids=["gated", "diagonal"])
def test_pictures_are_drawn_as_often_as_they_are_probable(make):
    torch.manual_seed(0)
    model = make(2, 8)
    for weight in model.parameters():
        weight.data *= 4  # so that pixels depend on each other, and on where they are
    every = torch.cartesian_prod(*[torch.arange(2)] * 4).view(-1, 2, 2)
    wanted = pixel_log_likelihood(model, every).exp().detach()
    drawn = draw_pixels(model, 8000, (2, 2), generator=generator(0)).flatten(1)
    counts = torch.bincount((drawn * torch.tensor([8, 4, 2, 1])).sum(1), minlength=16)
    deviation = (8000 * wanted * (1 - wanted)).sqrt()
    assert ((counts - 8000 * wanted).abs() < 4.5 * deviation).all()


def test_known_pixels_stay():
    torch.manual_seed(0)
    given = torch.randint(4, (3, 5, 5), generator=generator(0))
    drawn = draw_pixels(GatedPixelCNN(4, 8), 3, (5, 5), generator=generator(1), given=given, known=12)
    assert torch.equal(drawn.flatten(1)[:, :12], given.flatten(1)[:, :12])
    assert not torch.equal(drawn, given)


@pytest.mark.parametrize("make", [PixelCNN, GatedPixelCNN], ids=["plain", "gated"])
def test_a_window_of_the_reach_gives_the_same_scores_and_a_smaller_one_does_not(make):
    torch.manual_seed(0)
    model, size = make(4, 8, layers=2).double(), 20
    values = torch.randint(4, (1, size, size), generator=generator(0))
    scores, differ = model(centred(values, 4).double()), {}
    for reach in (model.reach, model.reach - 1):
        row = column = 12
        window = values[:, row - reach : row + 1, column - reach : column + reach + 1]
        found = model(centred(window, 4).double())[:, :, -1, reach]
        differ[reach] = float((found - scores[:, :, row, column]).detach().abs().max())
    assert differ[model.reach] < 1e-12 < 1e-9 < differ[model.reach - 1]


@pytest.mark.parametrize("make", [PixelCNN, GatedPixelCNN], ids=["plain", "gated"])
def test_drawing_by_windows_draws_the_same(make):
    torch.manual_seed(0)
    model = make(3, 8, layers=1).double()
    model.forward, plain = lambda x: plain(x.double()), model.forward
    drawn = [draw_pixels(model, 3, (9, 14), generator=generator(2), reach=reach) for reach in (None, model.reach)]
    assert torch.equal(*drawn)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="from 0 to 3"):
        centred(torch.full((1, 2, 2), 4), 4)
    with pytest.raises(ValueError, match="odd"):
        MaskedConv2d(1, 1, 4, own=True)
