"""Five languages for one answer: round trips, and what each is for a known picture and noise."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.diffusion.predictions import KINDS, convert, from_clean, to_clean

from ..refusals import refused


@pytest.fixture
def known(dtype, device):
    clean, noise = torch.randn(2, 5, 2, generator=generator(0)).to(device, dtype)
    angle = torch.rand(5, 1, generator=generator(1)).to(device, dtype) * 1.3 + 0.1
    return clean, noise, angle.cos(), angle.sin()


def test_each_kind_is_what_it_says(known, close):
    clean, noise, signal, sigma = known
    x = signal * clean + sigma * noise
    wanted = {"noise": noise, "clean": clean, "score": -noise / sigma, "v": signal * noise - sigma * clean,
              "flow": noise - clean}  # fmt: skip
    for kind, value in wanted.items():
        close(from_clean(clean, x, kind, signal=signal, sigma=sigma), value, rtol=1e-4, atol=1e-5)
        if kind != "flow":
            close(to_clean(value, x, kind, signal=signal, sigma=sigma), clean, rtol=1e-4, atol=1e-5)


def test_the_flow_s_rates_sum_to_one(known, close):
    clean, noise, _, _ = known
    t = torch.linspace(0.1, 0.9, 5).to(clean)[:, None]
    x = (1 - t) * clean + t * noise
    close(to_clean(noise - clean, x, "flow", signal=1 - t, sigma=t), clean, rtol=1e-5, atol=1e-6)
    close(convert(noise - clean, x, "flow", into="noise", signal=1 - t, sigma=t), noise, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS[:4])
@pytest.mark.parametrize("into", KINDS[:4])
def test_there_and_back(known, close, kind, into):
    clean, noise, signal, sigma = known
    x = signal * clean + sigma * noise
    rates = {"signal": signal, "sigma": sigma}
    guess = torch.randn(clean.shape, generator=generator(5)).to(clean)  # not the truth: any prediction
    there = convert(guess, x, kind, into=into, **rates)
    close(convert(there, x, into, into=kind, **rates), guess, rtol=1e-3, atol=1e-4)


def test_bad_input(known):
    clean, _, signal, sigma = known
    refused(lambda: to_clean(clean, clean, "epsilon", signal=signal, sigma=sigma), "kind must be one of")
    refused(lambda: from_clean(clean, clean, "epsilon", signal=signal, sigma=sigma), "kind must be one of")
    refused(lambda: convert(clean, clean, "noise", into="x0", signal=signal, sigma=sigma), "kind must be one of")
