"""Copied pixels come from the exemplar, follow its pattern, and match a slow version of the same rule."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.texture import efros_leung


def stripes(device):
    row = torch.tensor([0.1, 0.1, 0.9, 0.9]).repeat(5)
    return row.expand(1, 20, 20).to(device).contiguous()


def test_every_value_comes_from_the_exemplar_and_the_seed_decides(device):
    exemplar = photograph("gravel", 128)[:, :24, :24].to(device)
    grown = efros_leung(exemplar, (12, 15), 5, generator=generator(0))
    assert grown.shape == (1, 12, 15)
    assert torch.isin(grown, exemplar).all()
    assert torch.equal(grown, efros_leung(exemplar, (12, 15), 5, generator=generator(0)))
    assert not torch.equal(grown, efros_leung(exemplar, (12, 15), 5, generator=generator(1)))


def test_stripes_go_on_when_the_window_sees_a_period_and_break_when_it_does_not(device):
    """Windows of 7 see where in the period of 4 they are; a window of 3 in the middle of equal pixels does not."""

    def breaks(window):
        grown = efros_leung(stripes(device), (16, 16), window, generator=generator(0), tolerance=0.0)[0]
        return int((grown[:, 4:] != grown[:, :-4]).sum())

    assert breaks(7) == 0
    assert breaks(3) > 0


def test_colours_stay_together(device):
    exemplar = torch.stack([stripes(device)[0], 1 - stripes(device)[0]])
    grown = efros_leung(exemplar, (10, 10), 5, generator=generator(0))
    torch.testing.assert_close(grown[0] + grown[1], torch.ones_like(grown[0]))


@pytest.mark.parametrize("seed", range(10))
def test_the_copied_pixel_is_one_of_the_good_matches(device, seed):
    """With tolerance 0 the pixel that is filled first has the least weighted distance to its neighbours."""
    exemplar = torch.rand(1, 12, 12, generator=generator(3)).to(device)
    grown = efros_leung(exemplar, (3, 4), 3, generator=generator(seed), tolerance=0.0)[0]
    bell = torch.exp(-0.5 * (torch.arange(-1.0, 2) / (3 / 6.4)) ** 2)
    weight = torch.outer(bell, bell)
    assert torch.equal(grown[:, 1:], _seed(exemplar, seed))
    row, column = 1, 0  # beside the seed, with most known neighbours: it is filled first
    best = None
    for y in range(1, 11):
        for x in range(1, 11):
            gap = 0.0
            for dy in (-1, 0, 1):
                gap += float(weight[1 + dy, 2] * (grown[row + dy, column + 1] - exemplar[0, y + dy, x + 1]) ** 2)
            if best is None or gap < best[0]:
                best = (gap, float(exemplar[0, y, x]))
    assert float(grown[row, column]) == pytest.approx(best[1])


def _seed(exemplar, seed):
    stream = generator(seed)
    y, x = (int(torch.randint(10, (), generator=stream)) for _ in range(2))
    return exemplar[0, y : y + 3, x : x + 3]


@pytest.mark.parametrize("window", [4, 1, 25])
def test_bad_windows_are_refused(window):
    with pytest.raises(ValueError, match="window must be odd and 3 to 20"):
        efros_leung(stripes("cpu"), (8, 8), window, generator=generator(0))


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="size must be at least 3 x 3"):
        efros_leung(stripes("cpu"), (2, 8), 5, generator=generator(0))
    with pytest.raises(ValueError, match="exemplar must be"):
        efros_leung(stripes("cpu")[0], (8, 8), 5, generator=generator(0))


def test_brightness_added_to_the_exemplar_is_added_to_the_result():
    """Distances between bright patches are small differences of large squares in single precision."""
    exemplar = (torch.rand(1, 14, 14, generator=generator(5)) * 64).round() / 64
    grown = efros_leung(exemplar, (12, 12), 5, generator=generator(1))
    brighter = efros_leung(exemplar + 512, (12, 12), 5, generator=generator(1))
    torch.testing.assert_close(brighter - 512, grown)
