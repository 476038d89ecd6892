"""Weber contrast, rounding to bits, and the contrast-sensitivity curve and chart."""

from __future__ import annotations

import pytest
import torch

from course_lib.ops import color
from course_lib.signals import perception


def test_weber_contrast_is_relative():
    dim, bright = torch.tensor([1.01, 1.01e3]), torch.tensor([1.0, 1e3])
    torch.testing.assert_close(perception.weber_contrast(dim, bright), torch.tensor([0.01, 0.01]), rtol=1e-3, atol=0)


@pytest.mark.parametrize("bits", [1, 3, 8, 16])
def test_quantise_is_nearest_of_two_to_the_bits_levels(bits):
    values = torch.rand(5000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    top = 2**bits - 1
    kept = perception.quantise(values, bits)
    torch.testing.assert_close(kept * top, (kept * top).round(), rtol=0, atol=1e-9)
    assert perception.quantise(torch.tensor([-0.5, 0.0, 1.0, 1.5]), bits).tolist() == [0, 0, 1, 1]
    assert float((kept - values).abs().max()) <= 0.5 / (2**bits - 1) + 1e-12
    torch.testing.assert_close(perception.quantise(kept, bits), kept)


def test_gamma_keeps_more_greys_in_the_dark():
    ramp = torch.linspace(0, 0.05, 1000).view(1, 1, 1, -1)
    linear = len(perception.quantise(ramp, 8).unique())
    assert len(perception.quantise(color.linear_to_srgb(ramp), 8).unique()) > 4 * linear


def test_sensitivity_peaks_near_eight_cycles_a_degree():
    """The published curve: a peak of about 0.98 at 7.9 cycles per degree (Mannos and Sakrison, 1974)."""
    frequency = torch.linspace(0, 60, 60001, dtype=torch.float64)
    curve = perception.contrast_sensitivity(frequency)
    assert float(frequency[curve.argmax()]) == pytest.approx(7.89, abs=0.05)
    assert float(curve.max()) == pytest.approx(0.981, abs=0.002)
    assert float(curve[0]) == pytest.approx(0.0499, abs=1e-4)


def test_chart_has_the_frequencies_and_contrasts_it_states():
    chart, frequency, contrast = perception.campbell_robson(50, 4000, (2.0, 40.0), contrasts=(0.01, 1.0))
    row = chart[-1] - 0.5
    crossings = (row[:-1].sign() != row[1:].sign()).nonzero().flatten().double() / 4000  # two a cycle
    middle = (crossings[1:] + crossings[:-1]) / 2
    seen = 0.5 / crossings.diff()
    wanted = 2.0 * 20.0**middle
    assert float((seen / wanted - 1).abs().max()) < 0.03
    assert float(chart[-1].max() - chart[-1].min()) == pytest.approx(1.0, abs=0.01)
    assert float(chart[0].max() - chart[0].min()) == pytest.approx(0.01, abs=0.001)
    assert float(contrast[0]) == pytest.approx(0.01)
    assert float(frequency[-1]) == pytest.approx(40, rel=0.01)


BAD = {
    "background": (lambda: perception.weber_contrast(torch.ones(1), torch.zeros(1)), r"background must be above 0"),
    "shapes": (lambda: perception.weber_contrast(torch.ones(1), torch.ones(2)), r"intensity is \(1,\) but background"),
    "bits": (lambda: perception.quantise(torch.ones(1), 0), r"bits must be an integer from 1 to 16, not 0"),
    "negative": (lambda: perception.contrast_sensitivity(-torch.ones(1)), r"frequency must be 0 or more"),
    "too fine": (
        lambda: perception.campbell_robson(9, 20, (1.0, 30.0), contrasts=(0.1, 1.0)),
        r"20 columns show at most 10",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()
