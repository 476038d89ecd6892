"""Autocorrelation against numpy, its value on known patterns, and spectra that know scale and direction."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.texture import autocorrelation, band_power, periodicity_error, shift_correlation, spectrum_distance


def wave(down, right, side=64):
    y, x = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    return 0.5 + 0.4 * torch.cos(2 * torch.pi * (down * y + right * x) / side)[None, None]


def test_equals_numpy_on_a_photograph(device, dtype, close):
    image = photograph("grass", 64)[None].to(device, dtype)
    array = image[0, 0].cpu().double().numpy()
    centred = array - array.mean()
    wanted = (centred[:-5, :-3] * centred[5:, 3:]).mean() / array.var()
    close(autocorrelation(image, 5, 3), np.array([wanted]))
    assert float(autocorrelation(image, 0, 0)) == pytest.approx(1)


def test_a_wave_repeats_at_its_period_and_turns_at_half(device):
    image = wave(0, 4).to(device)  # period 16
    assert float(autocorrelation(image, 0, 16)) == pytest.approx(1, abs=1e-4)
    assert float(autocorrelation(image, 0, 8)) == pytest.approx(-1, abs=1e-4)
    assert float(autocorrelation(torch.ones(1, 1, 32, 32, device=device), 0, 8)) == 0


def test_periodicity_error_is_zero_for_itself_and_one_for_noise(device):
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    board = ((y // 8 + x // 8) % 2).float()[None, None].to(device)
    noise = torch.rand(1, 1, 64, 64, generator=generator(0)).to(device)
    assert periodicity_error(board, board, 16) == 0
    assert periodicity_error(noise, board, 16) == pytest.approx(1, abs=0.1)


def test_power_lies_in_the_ring_and_sector_of_a_wave(device):
    waves = torch.cat([wave(0, 20), wave(20, 0), wave(0, 6), wave(-3, 20), wave(14, 14)]).to(device)
    cells = band_power(waves).view(5, 6, 4)
    found = [divmod(int(c.flatten().argmax()), 4) for c in cells]
    # 64 / 20 pixels a period: below half an octave under the finest; 64 / 6: 2.4 octaves
    assert found == [(1, 0), (1, 2), (4, 0), (1, 0), (1, 1)]


def test_spectrum_distance_orders_textures(device):
    gravel, other = (photograph("gravel", 256)[None, :, a : a + 96, 20:116].to(device) for a in (20, 140))
    brick = photograph("brick", 256)[None, :, 20:116, 20:116].to(device)
    assert spectrum_distance(gravel, gravel) == 0
    assert spectrum_distance(gravel, other) < 0.4 * spectrum_distance(gravel, brick)
    doubled = 0.5 + 2 * (gravel - 0.5)
    assert spectrum_distance(doubled, gravel) == pytest.approx(20 * np.log10(2), rel=1e-3)


def test_a_moved_copy_is_found_with_its_shift():
    picture = photograph("gravel", 128)[None]
    one, moved = picture[..., 20:60, 20:60], picture[..., 17:57, 25:65]
    found, shift = shift_correlation(one, moved, 8)
    assert found == pytest.approx(1, abs=1e-6)
    assert shift == (-3, 5)
    assert torch.equal(one[..., :37, 5:], moved[..., 3:, :35])  # what that shift says
    assert shift_correlation(one, picture[..., 80:120, 80:120], 8)[0] < 0.7
    assert shift_correlation(one, 1 - moved, 0)[0] < 0.5


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="reach must be 0 to 6"):
        shift_correlation(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8), 7)
    with pytest.raises(ValueError, match="at least 32 x 32"):
        band_power(torch.rand(1, 1, 31, 64))
    with pytest.raises(ValueError, match="shift must be"):
        autocorrelation(torch.rand(1, 1, 8, 8), 8, 0)
    with pytest.raises(ValueError, match="period must be"):
        periodicity_error(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8), 0)


def test_a_synthesis_that_carries_a_graph_is_judged_without_a_warning(recwarn):
    picture = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0), requires_grad=True) * 1.0
    other = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(1))
    assert periodicity_error(picture, other, 4) >= 0
    assert spectrum_distance(picture, other) > 0
    assert [str(warning.message) for warning in recwarn] == []
