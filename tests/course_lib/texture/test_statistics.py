"""Statistics forget places and remember channels; the Gram matrix is what its sum says."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.texture import channel_mean, channel_mean_std, gram_and_shifts, gram_matrix, shifted_gram

ALL = [channel_mean, channel_mean_std, gram_matrix]


@pytest.fixture
def maps(device, dtype):
    return torch.randn(2, 5, 6, 7, generator=generator(0)).to(device, dtype)


def test_gram_equals_a_loop_and_is_divided_by_the_places(maps, close):
    wanted = torch.zeros(2, 5, 5, dtype=torch.float64)
    values = maps.cpu().double()
    for b in range(2):
        for d in range(5):
            for e in range(5):
                wanted[b, d, e] = sum(values[b, d, i, j] * values[b, e, i, j] for i in range(6) for j in range(7)) / 42
    close(gram_matrix(maps), wanted)
    close(gram_matrix(torch.cat([maps, maps], dim=3)), wanted)  # twice the places, the same matrix


@pytest.mark.parametrize("statistic", ALL)
def test_shuffled_places_change_nothing_and_changed_channels_do(maps, close, statistic):
    order = torch.randperm(42, generator=generator(1)).to(maps.device)
    shuffled = maps.flatten(2)[:, :, order].view_as(maps)
    close(statistic(shuffled), statistic(maps))
    louder = maps * torch.tensor([1.0, 1, 1.5, 1, 1]).to(maps).view(1, 5, 1, 1) + 0.1
    assert (statistic(louder) - statistic(maps)).abs().max() > 0.05


def test_gram_sees_what_mean_and_deviation_do_not(maps):
    order = torch.randperm(42, generator=generator(1)).to(maps.device)
    torn = maps.clone()
    torn[:, 0] = maps[:, 0].flatten(1)[:, order].view_as(maps[:, 0])  # one map is moved against the others
    torch.testing.assert_close(channel_mean_std(torn), channel_mean_std(maps))
    assert (gram_matrix(torn) - gram_matrix(maps)).abs().max() > 0.1


def test_mean_and_deviation_equal_torch(maps, close):
    wanted = torch.cat([maps.mean((2, 3)), maps.flatten(2).std(dim=2, correction=0)], dim=1)
    close(channel_mean_std(maps), wanted, rtol=1e-6, atol=1e-7)
    close(channel_mean(maps), maps.mean((2, 3)))
    flat = torch.ones(1, 1, 4, 4, device=maps.device, dtype=maps.dtype, requires_grad=True)
    channel_mean_std(flat).sum().backward()
    assert torch.isfinite(flat.grad).all()


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (0, 3), (1, 4)])
def test_shifted_gram_equals_a_loop(maps, close, down, right):
    values, wanted = maps.cpu().double(), torch.zeros(2, 5, 5, dtype=torch.float64)
    places = [(i, j) for i in range(6 - down) for j in range(7 - right)]
    for i, j in places:
        here, there = values[:, :, i, j], values[:, :, i + down, j + right]
        wanted += here[:, :, None] * there[:, None, :] / len(places)
    close(shifted_gram(maps, down, right), wanted)


def test_shifted_gram_notices_shuffled_places(maps):
    order = torch.randperm(42, generator=generator(1)).to(maps.device)
    shuffled = maps.flatten(2)[:, :, order].view_as(maps)
    assert (shifted_gram(shuffled, 1, 0) - shifted_gram(maps, 1, 0)).abs().max() > 0.1


def test_gram_and_shifts_are_stacked(maps, close):
    both = gram_and_shifts(maps, [(1, 0), (0, 2)], weight=3.0)
    close(both[:, 0], gram_matrix(maps))
    close(both[:, 2], 3 * shifted_gram(maps, 0, 2))
    assert both.shape == (2, 3, 5, 5)


@pytest.mark.parametrize("shift", [(6, 0), (0, 7), (-1, 0)])
def test_a_shift_without_pairs_is_refused(maps, shift):
    with pytest.raises(ValueError, match=r"shift must be at least 0 and below \(6, 7\)"):
        shifted_gram(maps, *shift)


def test_wrong_maps_are_refused(maps):
    for statistic in ALL:
        with pytest.raises(ValueError, match="maps must be"):
            statistic(maps[0])
    with pytest.raises(ValueError, match="weight must be"):
        gram_and_shifts(maps, [(1, 0)], weight=0)
