"""Splits are partitions, and only the training part says how features are scaled."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from course_lib.data import iris, split_groups, split_indices, standardise

from ..refusals import refused


@given(
    samples=st.integers(30, 3000),
    shares=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
)
def test_parts_are_disjoint_hold_everything_and_have_the_asked_sizes(samples, shares, seed):
    fractions = [share / sum(shares) for share in shares]
    if min(fractions) * samples < 1.5:
        return
    parts = split_indices(samples, fractions, seed)
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(samples))
    assert all(abs(len(part) - samples * f) <= 1 for part, f in zip(parts, fractions, strict=True))


def test_shuffles_and_repeats_with_its_seed_whatever_the_global_stream():
    first = split_indices(150, seed=3)
    torch.manual_seed(99)
    assert all(torch.equal(a, b) for a, b in zip(first, split_indices(150, seed=3), strict=True))
    assert not torch.equal(first[0], split_indices(150, seed=4)[0])
    assert [len(part) for part in first] == [105, 23, 22]
    assert not torch.equal(first[0], first[0].sort().values)


@pytest.mark.parametrize("fractions", [(), (0.5, 0.4), (1.2, -0.2), (0.5, 0.5, 0.0), (float("nan"), 0.5)])
def test_fractions_that_are_no_partition(fractions):
    refused(lambda: split_indices(100, fractions), r"fractions must be above 0 and sum to 1, not \(")


@pytest.mark.parametrize("samples", [0, 1, 2])
def test_too_few_samples(samples):
    with pytest.raises(ValueError, match=rf"{samples} samples are too few for parts of \(0.7, 0.15, 0.15\)"):
        split_indices(samples)


def test_standardise_equals_scikit_learn(device, dtype, close):
    train, test = iris().features[::2], iris().features[1::2]
    peer = StandardScaler().fit(train.numpy())
    ours = standardise(train.to(device, dtype), test.to(device, dtype))
    close(ours[0], peer.transform(train.numpy()), rtol=1e-9)
    close(ours[1], peer.transform(test.numpy()), rtol=1e-9)


def test_standardise_looks_at_the_training_part_alone():
    train = torch.tensor([[0.0], [2.0]])
    for other in ([[4.0]], [[4.0], [1e6]]):
        scaled, moved = standardise(train, torch.tensor(other))
        assert scaled.tolist() == [[-1.0], [1.0]]
        assert moved[0].tolist() == [3.0]


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8 / 3])
def test_a_constant_feature_is_only_shifted_also_when_its_mean_is_rounded(value):
    train, test = torch.full((150, 1), value, dtype=torch.float64), torch.tensor([[value + 1]], dtype=torch.float64)
    scaled, moved = standardise(train, test)
    assert scaled.abs().max() < 1e-6
    assert float(moved) == pytest.approx(1, abs=1e-6)


@given(sizes=st.lists(st.integers(1, 9), min_size=8, max_size=30), seed=st.integers(0, 10_000))
def test_groups_stay_together_and_equal_a_split_of_their_names(sizes, seed):
    names = 7 * torch.arange(len(sizes)) - 3  # no need to start at 0
    groups = names.repeat_interleave(torch.tensor(sizes))
    groups = groups[torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed))]
    parts = split_groups(groups, (0.5, 0.25, 0.25), seed)
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(len(groups)))
    for part, wanted in zip(parts, split_indices(len(sizes), (0.5, 0.25, 0.25), seed), strict=True):
        assert set(groups[part].tolist()) == set(names[wanted].tolist())


def test_groups_that_are_none():
    refused(lambda: split_groups(torch.zeros(5)), "groups must be a non-empty int64 tensor")
    with pytest.raises(ValueError, match="2 samples are too few"):
        split_groups(torch.tensor([0, 1, 0, 1]))
