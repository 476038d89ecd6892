"""Unpooling brings maxima back to their places and equals torch's; the chequerboard is counted, measured, avoided."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.segmentation.chequerboard import ResizeConvolution, chequerboard_strength, overlap_counts
from course_lib.segmentation.unpooling import bed_of_nails, max_pool_with_places, max_unpool

from ..refusals import refused


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


@pytest.mark.filterwarnings("ignore:max_unpooling2d_forward_out")
@pytest.mark.parametrize("size", [1, 2, 3])
def test_places_and_unpooling_equal_torchs(device, dtype, size):
    maps = draw(2, 3, 6, 12).to(device, dtype)
    values, places = max_pool_with_places(maps, size)
    wanted, where = F.max_pool2d(maps, size, return_indices=True)
    assert torch.equal(values, wanted)
    assert torch.equal(places, where)
    assert torch.equal(max_unpool(values, places, (6, 12)), F.max_unpool2d(wanted, where, size))


def test_the_round_trip_keeps_the_maxima_where_they_were_and_nothing_else():
    maps = draw(2, 3, 8, 8).abs() + 0.1
    values, places = max_pool_with_places(maps)
    back = max_unpool(values, places, (8, 8))
    kept = back > 0
    assert torch.equal(back[kept], maps[kept])
    assert int(kept.sum()) == values.numel()
    again, same = max_pool_with_places(back)
    assert torch.equal(again, values)
    assert torch.equal(same, places)


def test_bed_of_nails_forgets_the_places():
    maps = draw(1, 2, 3, 4)
    found = bed_of_nails(maps, 3)
    assert found.shape == (1, 2, 9, 12)
    assert torch.equal(found[:, :, ::3, ::3], maps)
    assert float(found.sum()) == pytest.approx(float(maps.sum()))


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 2, 0), (4, 2, 1), (5, 3, 1), (2, 3, 0), (3, 1, 1)])
def test_counts_are_what_ones_stamp(kernel, stride, padding):
    ones = torch.ones(1, 1, 4, 6), torch.ones(1, 1, kernel, kernel)
    wanted = F.conv_transpose2d(*ones, stride=stride, padding=padding)[0, 0]
    assert torch.equal(overlap_counts((4, 6), kernel, stride, padding=padding).float(), wanted)


def test_a_kernel_of_three_with_stride_two_covers_unevenly_and_one_of_four_evenly():
    inner = overlap_counts(8, 3, 2)[2:-2, 2:-2]
    assert sorted(inner.unique().tolist()) == [1, 2, 4]
    assert overlap_counts(8, 4, 2)[2:-2, 2:-2].unique().tolist() == [4]


def test_the_measure_is_1_for_a_pattern_0_for_a_constant_and_small_for_noise(device, dtype):
    pattern = draw(1, 1, 2, 2).to(device, dtype).repeat(1, 1, 8, 8)
    assert float(chequerboard_strength(pattern, 2)) == pytest.approx(1, abs=1e-5)
    assert float(chequerboard_strength(0.3 * torch.ones_like(pattern), 2)) == 0
    assert float(chequerboard_strength(draw(1, 1, 64, 64).to(device, dtype), 2)) < 0.1
    assert float(chequerboard_strength(pattern + 3 * pattern.mean(), 2)) == pytest.approx(1, abs=1e-5)


def test_resizing_first_makes_less_of_a_chequerboard():
    strengths = {"three": [], "four": [], "resize": []}
    for seed in range(20):
        maps = F.avg_pool2d(draw(1, 4, 26, 26, seed=seed), 5, stride=1, padding=2)
        for name, size in (("three", 3), ("four", 4)):
            large = F.conv_transpose2d(maps, draw(4, 1, size, size, seed=100 + seed), stride=2)
            strengths[name].append(float(chequerboard_strength(large[:, :, 6:46, 6:46], 2)))
        resize = ResizeConvolution(4, 1).double()
        resize.conv.weight.data = draw(1, 4, 3, 3, seed=100 + seed)
        strengths["resize"].append(float(chequerboard_strength(resize(maps).detach()[:, :, 6:46, 6:46], 2)))
    mean = {name: sum(found) / len(found) for name, found in strengths.items()}
    assert mean["resize"] < mean["three"] / 3
    assert mean["resize"] < mean["four"] / 3


def test_a_flat_map_stays_flat_when_resized_but_not_when_stamped_with_three():
    flat = torch.ones(1, 1, 8, 8)
    resize = ResizeConvolution(1, 1)
    out = resize(flat).detach()
    assert float(chequerboard_strength(out, 2)) == 0
    assert float(out.std()) < 1e-5
    stamped = F.conv_transpose2d(flat, torch.ones(1, 1, 3, 3), stride=2)[:, :, 2:-3, 2:-3]
    assert float(chequerboard_strength(stamped, 2)) == pytest.approx(1, abs=1e-5)


def test_bad_input_is_refused():
    maps = draw(1, 2, 6, 6)
    values, places = max_pool_with_places(maps)
    refused(lambda: max_pool_with_places(maps, 4), r"size must divide height and width, \(6, 6\), not 4")
    refused(lambda: max_pool_with_places(maps[0]), "maps must be a floating-point tensor")
    refused(lambda: max_unpool(values, places[:, :1], (6, 6)), "places must be an int64 tensor of shape")
    refused(lambda: max_unpool(values, places, (4, 4)), "places must be 0 to 15 in 4 x 4 pixels")
    refused(lambda: chequerboard_strength(maps, 4), r"stride must be 2 or more and divide \(6, 6\), not 4")
    refused(lambda: chequerboard_strength(maps, 1), "stride must be 2 or more")
    refused(lambda: overlap_counts(4, 0, 2), "kernel must be an integer of at least 1")
    refused(lambda: ResizeConvolution(1, 1, size=4), "size must be odd, not 4")
    refused(lambda: ResizeConvolution(1, 1, interpolation="bicubic"), "interpolation must be 'nearest' or 'bilinear'")
