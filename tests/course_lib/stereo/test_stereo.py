"""Costs equal their definitions, semi-global paths equal loops and exact search, and the real pair is matched well."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from course_lib import metrics, stereo
from course_lib.core.seeding import generator
from course_lib.data.stereo_pair import motorcycle
from course_lib.ops.filters import box_filter
from course_lib.stereo.costs import count_bits

LEFT, RIGHT = torch.rand(2, 2, 12, 17, generator=generator(0), dtype=torch.float64).chunk(2)
LEFT, RIGHT = LEFT.expand(1, 2, 12, 17), RIGHT.expand(1, 2, 12, 17)


@pytest.fixture(scope="module")
def pair():
    made = motorcycle(2)
    left, right, truth, known = (x[None] for x in made[:4])
    return left, right, truth, known, metrics.seen_by_both(truth, known)


def test_sad_is_its_definition(device, dtype, close):
    volume = stereo.sad_cost(LEFT.to(device, dtype), RIGHT.to(device, dtype), 5)
    assert volume.device.type == device.type
    for d, y, x in product(range(5), range(12), range(17)):
        wanted = (LEFT[0, :, y, x] - RIGHT[0, :, y, max(x - d, 0)]).abs().mean()
        close(volume[0, d, y, x], wanted)


def test_zncc_is_numpys_correlation_and_forgives_gain_and_offset(close):
    volume = stereo.zncc_cost(LEFT, 0.3 * RIGHT + 0.2, 4, size=5)
    for d, y, x in ((0, 5, 6), (3, 4, 9), (2, 8, 12)):
        windows = [i[0, :, y - 2 : y + 3, x - k - 2 : x - k + 3] for i, k in ((LEFT, 0), (RIGHT, d))]
        a, b = (w - w.mean((1, 2), keepdim=True) for w in windows)  # each channel has its own mean
        close(volume[0, d, y, x], 1 - (a * b).sum() / (a.square().sum() * b.square().sum()).sqrt(), rtol=1e-3)


def test_census_is_its_definition_and_survives_any_rising_curve(close):
    grey = LEFT[:, :1]
    code = stereo.census_transform(grey, 3, 5)
    for y, x in product((3, 6), (4, 9)):
        bits = [float(grey[0, 0, y + i, x + j]) < float(grey[0, 0, y, x])
                for i in (-1, 0, 1) for j in (-2, -1, 0, 1, 2) if i or j]  # fmt: skip
        assert int(code[0, y, x]) == sum(bit << k for k, bit in enumerate(bits))
    assert torch.equal(code, stereo.census_transform(grey**2.2, 3, 5))
    volume = stereo.census_cost(grey, RIGHT[:, :1], 4, height=3, width=5)
    other = stereo.census_transform(RIGHT[:, :1], 3, 5)
    wanted = bin(int(code[0, 5, 8]) ^ int(other[0, 5, 6])).count("1") / 14
    close(volume[0, 2, 5, 8], wanted)


def test_count_bits_equals_python():
    codes = torch.randint(0, 2**62, (500,), generator=generator(1))
    assert count_bits(codes).tolist() == [bin(c).count("1") for c in codes.tolist()]


def test_box_of_a_large_volume_equals_running_sums(close):
    volume = torch.rand(1, 3, 320, 800, generator=generator(5), dtype=torch.float64)  # two channels at a time, then one
    close(stereo.box_aggregate(volume, 7), box_filter(volume, 7))


def test_guided_filter_of_its_own_guide_keeps_edges_and_smooths_noise():
    step = (torch.arange(40.0) >= 20).double().expand(1, 1, 40, 40)
    noisy = step + 0.05 * torch.randn(step.shape, generator=generator(2), dtype=torch.float64)
    kept = stereo.guided_aggregate(noisy, step, 9, eps=1e-3)
    assert float((kept - step).abs().max()) < 0.06  # a box of 9 pixels would be wrong by almost 0.5 at the edge
    assert float((stereo.box_aggregate(noisy, 9) - step).abs().max()) > 0.3
    assert float((kept - step).std()) < 0.3 * 0.05


def test_parabola_finds_the_minimum_of_a_parabola(close):
    true = torch.linspace(1.6, 5.4, 20, dtype=torch.float64)
    volume = (torch.arange(8.0).double()[:, None] - true).square()[None, :, None]  # (1, 8, 1, 20)
    close(stereo.winner_take_all(volume)[0, 0], true)
    assert torch.equal(stereo.winner_take_all(volume, False)[0, 0], true.round())
    grad_in = volume.clone().requires_grad_()
    stereo.winner_take_all(grad_in).sum().backward()
    assert bool(torch.isfinite(grad_in.grad).all())
    assert bool((grad_in.grad != 0).any())


def test_left_right_check_finds_what_is_hidden():
    """A square 4 pixels nearer than the wall hides 4 columns of the wall to the left of it."""
    right = torch.rand(1, 1, 20, 60, generator=generator(3))
    truth = torch.full((1, 20, 60), 2.0)
    truth[:, 5:15, 30:45] = 6
    columns = (torch.arange(60) - truth).clamp(0, 59).long()
    left = right.gather(3, columns[:, None])
    left[:, :, 5:15, 26:30] = 2.0  # what only the left camera sees looks like nothing else
    volume = stereo.sad_cost(left, right, 9)
    ok = stereo.left_right_check(volume, 0)
    visible = metrics.seen_by_both(truth, torch.ones_like(truth, dtype=torch.bool))
    assert visible[0, 10].logical_not().nonzero().flatten().tolist() == [0, 1, 26, 27, 28, 29]
    assert not ok[0, 5:15, 26:30].any()
    assert float(ok[..., 6:][visible[..., 6:]].float().mean()) > 0.99  # the first columns look outside


def test_fill_takes_the_farther_neighbour():
    disparity = torch.tensor([[[9.0, 5, 1, 1, 2, 9, 9, 3]]])
    valid = torch.tensor([[[False, True, False, False, True, False, False, True]]])
    assert stereo.fill_invalid(disparity, valid)[0, 0].tolist() == [5, 5, 2, 2, 2, 2, 2, 3]
    assert torch.equal(stereo.fill_invalid(disparity, torch.zeros_like(valid)), disparity)


@pytest.mark.parametrize("step", stereo.semi_global.__globals__["PATHS"])
def test_path_costs_equal_the_recursion_in_loops(step, device, dtype, close):
    volume = torch.rand(1, 5, 6, 4, generator=generator(4), dtype=torch.float64)
    grey = torch.rand(1, 5, 6, generator=generator(5), dtype=torch.float64)
    p1, p2, contrast = 0.1, 0.5, 0.3
    cost, light = volume[0].numpy(), grey[0].numpy()
    wanted = np.zeros_like(cost)
    for y in range(5) if step[0] >= 0 else range(4, -1, -1):
        for x in range(6) if step[1] >= 0 else range(5, -1, -1):
            py, px = y - step[0], x - step[1]
            wanted[y, x] = cost[y, x]
            if 0 <= py < 5 and 0 <= px < 6:
                past = wanted[py, px]
                jump = max(p1, p2 * np.exp(-abs(light[y, x] - light[py, px]) / contrast))
                for d in range(4):
                    ways = [past[d], past.min() + jump] + [past[k] + p1 for k in (d - 1, d + 1) if 0 <= k < 4]
                    wanted[y, x, d] += min(ways) - past.min()
    ours = stereo.scan_path(
        volume.to(device, dtype), grey.to(device, dtype), step, small=p1, large=p2, contrast=contrast
    )
    close(ours[0], wanted)


def test_on_one_row_forth_and_back_give_the_exact_minimum():
    """Forward plus backward path costs less the cost counted twice: the best energy through each (pixel, disparity)."""
    volume = torch.rand(1, 1, 6, 3, generator=generator(6), dtype=torch.float64)
    grey = torch.zeros(1, 1, 6, dtype=torch.float64)
    both = sum(stereo.scan_path(volume, grey, (0, s), small=0.1, large=0.25, contrast=1.0) for s in (1, -1)) - volume
    best = both[0, 0].argmin(-1).tolist()

    def energy(labels):
        jumps = np.abs(np.diff(labels))
        return sum(float(volume[0, 0, i, d]) for i, d in enumerate(labels)) + 0.1 * (jumps == 1).sum() + 0.25 * (
            jumps > 1).sum()  # fmt: skip

    assert energy(best) == pytest.approx(min(energy(labels) for labels in product(range(3), repeat=6)))


def test_costs_that_differ_by_rounding_are_equal():
    volume = torch.full((1, 6, 4, 5), 0.5)
    volume[:, 2] = 0.25
    volume[:, 4] = 0.25 - 1e-7  # as a sum in another order gives
    found = stereo.winner_take_all(volume, subpixel=False)
    assert torch.equal(found, torch.full((1, 4, 5), 2.0))
    volume[:, 4] -= 1e-3
    assert torch.equal(stereo.winner_take_all(volume, subpixel=False), torch.full((1, 4, 5), 4.0))


def test_without_penalties_nothing_changes(close):
    volume, guide = (
        torch.rand(1, 6, 7, 8, generator=generator(7), dtype=torch.float64),
        torch.zeros(1, 1, 7, 8).double(),
    )
    for paths in (4, 8):
        close(stereo.semi_global(volume, guide, 0.0, large=0.0, paths=paths), volume)


def test_penalties_clean_noise_and_edges_of_the_guide_save_a_thin_bar():
    """A bar 2 pixels wide is as cheap to miss as noise, unless the picture says that something ends there."""
    rows, columns = torch.arange(40)[:, None], torch.arange(40)
    bar = ((columns // 2 == 10) & (rows > 10) & (rows < 30))[None]  # (1, 40, 40)
    truth = torch.where(bar, 7, 2)
    fits = torch.nn.functional.one_hot(truth, 10).movedim(-1, 1).double()
    volume = 1 - fits + 0.5 * torch.randn(fits.shape, generator=generator(8), dtype=torch.float64)
    smooth = [
        stereo.semi_global(volume, bar.double()[:, None], 1.0, large=4.0, contrast=contrast) for contrast in (0.1, 1e6)
    ]
    missed = [(stereo.winner_take_all(v, False) != truth).double() for v in (volume, *smooth)]
    assert missed[0].mean() > 0.2
    assert missed[1].mean() < 0.1 * missed[0].mean()
    assert missed[1][bar].mean() < 0.2
    assert missed[2][bar].mean() > 0.8


def test_gradient_flows_through_the_paths():
    volume, guide = torch.rand(1, 3, 4, 5, generator=generator(9), dtype=torch.float64), torch.rand(1, 1, 4, 5).double()
    assert torch.autograd.gradcheck(lambda v: stereo.semi_global(v, guide), (volume.requires_grad_(),))


def test_real_pair_bad_pixel_rates(pair):
    """Bad-1.0 of visible pixels at 250 x 370, which is bad-2.0 at 500 x 741: census beats SAD, paths beat windows."""
    left, right, truth, known, visible = pair
    census = stereo.census_cost(left, right, 32, height=5, width=5)
    rates = {
        "sad": stereo.box_aggregate(stereo.sad_cost(left, right, 32), 15),
        "census": stereo.box_aggregate(census, 5),
        "guided": stereo.guided_aggregate(census, left),
        "paths": stereo.semi_global(stereo.box_aggregate(census, 3), left),
    }
    raw = {
        name: metrics.bad_pixels(stereo.winner_take_all(v), truth, visible, threshold=1.0) for name, v in rates.items()
    }
    assert raw["paths"] < 0.045 < raw["guided"] < raw["census"] < 0.075 < 0.15 < raw["sad"]
    disparity = stereo.winner_take_all(rates["paths"])
    fixed = stereo.fill_invalid(disparity, stereo.left_right_check(rates["paths"]))
    assert (
        metrics.bad_pixels(fixed, truth, known, threshold=1.0)
        < 0.09
        < metrics.bad_pixels(disparity, truth, known, threshold=1.0)
    )
    assert metrics.mean_error(fixed, truth, visible) < 0.45


def test_census_and_zncc_survive_another_exposure_and_sad_does_not(pair):
    left, right, truth, _, visible = (x[..., :120, :] for x in pair)
    rates = {}
    for name, make in {
        "sad": lambda r: stereo.box_aggregate(stereo.sad_cost(left, r, 32), 9),
        "census": lambda r: stereo.box_aggregate(stereo.census_cost(left, r, 32, height=5, width=5), 5),
        "zncc": lambda r: stereo.zncc_cost(left, r, 32, size=7),
    }.items():
        found = [stereo.winner_take_all(make(r)) for r in (right, right**1.5)]
        rates[name] = [metrics.bad_pixels(d, truth, visible, threshold=1.0) for d in found]
    assert rates["sad"][1] > 2 * rates["sad"][0]
    assert rates["census"][1] < rates["census"][0] + 0.01
    assert rates["zncc"][1] < rates["zncc"][0] + 0.02


def test_batches_are_independent(close):
    both = [torch.cat([a, b]) for a, b in ((LEFT, RIGHT), (RIGHT, LEFT))]
    volume = stereo.semi_global(stereo.zncc_cost(*both, 4, size=3), both[0])
    close(volume[1:], stereo.semi_global(stereo.zncc_cost(RIGHT, LEFT, 4, size=3), RIGHT))


VOLUME = torch.rand(1, 4, 6, 8)
BAD = {
    "sizes": (lambda: stereo.sad_cost(LEFT, RIGHT[..., :9], 4), r"right has W = 9 but left has W = 17"),
    "disparities": (lambda: stereo.census_cost(LEFT, RIGHT, 18), r"from 1 to the width 17, not 18"),
    "even": (lambda: stereo.zncc_cost(LEFT, RIGHT, 3, size=4), r"size must be an odd integer of at least 1, not 4"),
    "census window": (lambda: stereo.census_transform(LEFT[:, :1], 9, 9), r"2 to 63 pixels, not 9 x 9 = 81"),
    "volume": (lambda: stereo.winner_take_all(VOLUME[0]), r"shape \(B, D, H, W\)"),
    "guide": (lambda: stereo.guided_aggregate(VOLUME, LEFT.float()), r"guide has H = 12 but volume has H = 6"),
    "penalties": (lambda: stereo.semi_global(VOLUME, VOLUME, 2.0, large=1.0), r"0 <= small <= large, not small=2"),
    "paths": (lambda: stereo.semi_global(VOLUME, VOLUME, paths=5), r"paths must be 4 or 8, not 5"),
    "tolerance": (lambda: stereo.left_right_check(VOLUME, -1.0), r"tolerance must be 0 or more"),
    "mask": (lambda: stereo.fill_invalid(VOLUME[:, 0], VOLUME[:, 0]), r"valid must be a bool tensor of shape"),
    "nothing": (
        lambda: metrics.bad_pixels(VOLUME[:, 0], VOLUME[:, 0], torch.zeros(1, 6, 8, dtype=torch.bool)),
        r"counted is False everywhere",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_guided_aggregation_does_not_depend_on_a_common_shift():
    stream = generator(21)
    volume = torch.rand(1, 4, 20, 24, generator=stream)
    guide = 0.5 + 0.05 * torch.rand(1, 1, 20, 24, generator=stream)  # little contrast: errors are divided by it
    plain = stereo.guided_aggregate(volume, guide, 5)
    torch.testing.assert_close(stereo.guided_aggregate(volume + 4096, guide, 5) - 4096, plain, rtol=0, atol=2e-3)
    torch.testing.assert_close(stereo.guided_aggregate(volume, guide + 100, 5), plain, rtol=0, atol=2e-3)
