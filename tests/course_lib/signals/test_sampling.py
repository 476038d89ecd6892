"""Alias frequencies are those that the formula predicts, in space and in time; the pre-filter removes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from course_lib.data import photograph
from course_lib.signals import sampling, video


def test_folding_equals_counting():
    frequency = torch.tensor([0.0, 0.3, 0.5, 0.7, 1.0, 1.2, -0.7, 2.6], dtype=torch.float64)
    wanted = torch.tensor([0.0, 0.3, -0.5, -0.3, 0.0, 0.2, 0.3, -0.4], dtype=torch.float64)
    torch.testing.assert_close(sampling.alias_frequency(frequency), wanted)
    torch.testing.assert_close(sampling.alias_frequency(24 * frequency, 24.0), 24 * wanted)


def test_measured_alias_is_the_predicted_one(device, dtype):
    true = torch.linspace(0.05, 3.95, 79, dtype=torch.float64)
    waves = torch.cos(2 * math.pi * true[:, None] * torch.arange(128) + 0.3).to(device, dtype)
    predicted = sampling.alias_frequency(true).abs()
    away = (predicted > 0.02) & (predicted < 0.48)
    error = (sampling.peak_frequency(waves).cpu().double() - predicted).abs()
    assert int(away.sum()) > 60
    assert float(error[away].max()) < 1e-3


def test_subsample_equals_scipy_blur_and_every_nth(device, dtype, close):
    camera = photograph("camera", 90).double()
    for factor in (2, 3, 5):
        blurred = ndimage.gaussian_filter(camera[0].numpy(), 0.5 * math.sqrt(factor**2 - 1))
        close(sampling.subsample(camera[None].to(device, dtype), factor)[0, 0], blurred[::factor, ::factor], atol=1e-10)
        close(sampling.subsample(camera[None].to(device, dtype), factor, False)[0, 0], camera[0, ::factor, ::factor])


def test_prefilter_removes_the_alias_and_not_the_wanted_wave():
    x = torch.arange(400, dtype=torch.float64)
    height = {}
    for f in (0.02, 0.21):
        wave = torch.cos(2 * math.pi * f * x).expand(1, 1, 16, -1)
        height[f] = [float(sampling.subsample(wave, 4, blur)[0, 0, 2, 8:-8].std() * 2**0.5) for blur in (False, True)]
    assert height[0.21][0] > 0.9
    assert height[0.21][1] < 0.05
    assert height[0.02][1] > 0.95


def test_zone_plate_has_the_frequency_it_states():
    plate = sampling.zone_plate(128)
    assert plate.shape == (1, 1, 128, 128)
    middle = plate[0, 0, 64, 64:].double() - plate[0, 0, 64].mean()
    local = sampling.peak_frequency(middle[24:40][None])  # 24 to 40 pixels from the centre: 0.25 cycles in the middle
    assert float(local) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("speed", [-3.7, -1.0, 0.0, 0.4, 1.4, 2.0, 3.0, 7.1])
def test_apparent_speed_of_spokes_is_folded_and_the_mark_tells_the_truth(speed, device, dtype):
    times = torch.arange(4, device=device, dtype=dtype) / 24
    wheel = video.draw_wheel(0.1 + speed * times, 96, 8)
    assert wheel.device.type == device.type
    folded = float(sampling.alias_frequency(torch.tensor(speed), 3.0))
    assert float(video.angular_speed(wheel, 8).mean()) * 24 == pytest.approx(folded, abs=0.02)
    assert float(video.angular_speed(wheel, 1).mean()) * 24 == pytest.approx(speed, abs=0.02)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.8, 1.5])
def test_blur_keeps_the_contrast_that_a_box_in_time_keeps(part):
    speed, spokes = 1.0 / 8, 8  # one spoke a frame
    start = torch.zeros(1, dtype=torch.float64)

    def draw(moments):
        return video.draw_wheel(speed * moments, 128, spokes)

    sharp = video.spoke_contrast(video.expose(draw, start, 0.0), spokes)
    blurred = video.spoke_contrast(video.expose(draw, start, part, samples=64), spokes)
    assert float(blurred / sharp) == pytest.approx(abs(np.sinc(part)), abs=0.01)


def test_exposure_of_a_ramp_in_time_is_its_middle():
    times = torch.tensor([0.0, 2.0])
    frames = video.expose(lambda t: t.view(-1, 1, 1, 1).expand(-1, 1, 2, 2), times, 0.5)
    torch.testing.assert_close(frames[:, 0, 0, 0], times + 0.25)


IMAGE = torch.rand(1, 1, 16, 16)
BAD = {
    "rate": (lambda: sampling.alias_frequency(torch.ones(1), 0.0), r"rate must be a finite number above 0"),
    "short": (lambda: sampling.peak_frequency(torch.ones(1, 4)), r"at least 8 samples a row, not 4"),
    "factor": (lambda: sampling.subsample(IMAGE, 0), r"factor must be an integer of at least 1, not 0"),
    "batch": (lambda: sampling.subsample(IMAGE[0], 2), r"shape \(B, C, H, W\)"),
    "size": (lambda: sampling.zone_plate(4), r"size must be at least 8 pixels, not 4"),
    "one frame": (lambda: video.angular_speed(IMAGE, 8), r"at least 2 pictures"),
    "shutter": (lambda: video.expose(lambda t: t, torch.ones(1), -1.0), r"shutter must be 0 or more"),
    "spokes": (lambda: video.draw_wheel(torch.ones(1), 32, 0), r"spokes must be a finite number above 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()
