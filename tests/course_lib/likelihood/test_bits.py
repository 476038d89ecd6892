"""Grey values made continuous, and bits per dimension."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.likelihood.bits import bits_per_dimension, dequantise, quantised


def test_noise_and_rounding_undo_each_other():
    values = torch.arange(256).repeat(50)
    pictures = dequantise(values, generator(0))
    assert 0 <= pictures.min() < pictures.max() < 1
    assert torch.equal(quantised(pictures), values)
    assert torch.equal(quantised(torch.tensor([0.0, 1.0]), 8), torch.tensor([0, 7]))


def test_who_knows_nothing_needs_eight_bits():
    dimensions = 12
    assert float(bits_per_dimension(torch.tensor(dimensions * math.log(1 / 256)), dimensions)) == pytest.approx(8)
    assert float(bits_per_dimension(torch.tensor(0.0), dimensions, levels=256)) == pytest.approx(8)  # density 1


def test_the_noisy_density_never_beats_the_probability():
    values = torch.distributions.Binomial(7, torch.tensor(0.3)).sample((20_000,)).long()
    share = torch.bincount(values, minlength=8) / len(values)
    entropy = float(-(share * share.clamp(min=1e-12).log2()).sum())

    def bits(density):
        return float(bits_per_dimension(density(dequantise(values, generator(0), 8)).log(), 1, levels=8).mean())

    assert bits(lambda x: 8 * share[(8 * x).long()]) == pytest.approx(entropy, abs=1e-3)  # the step density is exact
    smooth = torch.distributions.Normal(values.double().mean() / 8 + 1 / 16, values.double().std() / 8)
    assert bits(lambda x: smooth.log_prob(x).exp()) > entropy


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        quantised(torch.tensor([1.5]))
    with pytest.raises(ValueError, match="from 0 to 7"):
        dequantise(torch.tensor([8]), generator(0), 8)
    with pytest.raises(ValueError, match="int64"):
        dequantise(torch.tensor([0.5]), generator(0), 8)
