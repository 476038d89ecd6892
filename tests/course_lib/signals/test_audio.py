"""Sound: STFT equal to torch's and scipy's, perfect reconstruction, loudness curves, and the right frequencies."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import torch

from course_lib.core.seeding import generator
from course_lib.signals import loudness, sounds, stft

RATE = 8000


def signal(length, device="cpu", dtype=torch.float64, lead=()):
    return torch.randn(*lead, length, generator=generator(length), dtype=torch.float64).to(device, dtype)


@pytest.mark.parametrize(("length", "n", "hop"), [(1000, 128, 32), (1001, 256, 64), (777, 64, 64), (513, 128, 50)])
def test_equals_torchs(length, n, hop, device, dtype, close):
    x, window = signal(length, device, dtype, (2, 3)), stft.hann_window(n, dtype, device)
    theirs = torch.stft(x.reshape(6, -1), n, hop, window=window, return_complex=True, pad_mode="reflect")
    ours = stft.stft(x, window, hop).reshape(theirs.shape)
    close(torch.view_as_real(ours), torch.view_as_real(theirs), rtol=1e-9, atol=1e-9)


def test_equals_scipys_away_from_the_ends():
    x, window = signal(2048), stft.hann_window(256, torch.float64)
    theirs = scipy.signal.ShortTimeFFT(window.numpy(), 64, fs=1.0, phase_shift=None).stft(x.numpy())
    ours = stft.stft(x, window, 64).numpy()
    first = 128 // 64  # scipy counts frames from where the window first touches the signal
    offset = next(k for k in range(4) if np.allclose(theirs[:, 8 + k], ours[:, 8], atol=1e-9))
    np.testing.assert_allclose(theirs[:, 8 + offset : 20 + offset], ours[:, 8:20], atol=1e-9)
    assert offset <= first


def test_the_hann_window_equals_scipys(close):
    close(stft.hann_window(64, torch.float64), scipy.signal.get_window("hann", 64))


@pytest.mark.parametrize(("n", "hop"), [(256, 64), (256, 128), (128, 48), (64, 16)])
def test_perfect_reconstruction_above_100_decibels(n, hop, device, dtype):
    x, window = signal(2048, device, dtype, (2,)), stft.hann_window(n, dtype, device)
    back = stft.istft(stft.stft(x, window, hop), window, hop, length=2048 - n)
    error = (back - x[:, : 2048 - n]).square().mean()
    assert 10 * torch.log10(x.square().mean() / error) > (100 if dtype == torch.float32 else 280)


def test_the_inverse_is_the_least_squares_signal():
    """No signal's spectrum is nearer to an edited spectrum: the residual is orthogonal to every signal's spectrum."""
    window, hop, n = stft.hann_window(32, torch.float64), 8, 200
    wild = stft.stft(signal(n), window, hop)
    wild = wild * torch.rand(wild.shape, generator=generator(1), dtype=torch.float64)
    frames = torch.fft.irfft(wild.mT, n=32)

    def misfit(x):
        padded = torch.cat([x.new_zeros(16), x, x.new_zeros(16)])
        return ((padded.unfold(0, 32, hop) * window - frames) ** 2).sum()

    best = stft.istft(wild, window, hop, length=n).requires_grad_()
    (slope,) = torch.autograd.grad(misfit(best), best)
    assert slope.abs().max() < 1e-10
    assert misfit(best.detach() + 0.01 * signal(n)) > misfit(best)


def test_gradients_flow_through_both():
    window, x = stft.hann_window(8, torch.float64), signal(32).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: stft.istft(stft.stft(s, window, 2) ** 1, window, 2, length=30), x)


def test_swapped_phase_keeps_magnitudes_and_takes_the_others_phase(device, dtype, close):
    a, b = signal(256, device, dtype), signal(257, device, dtype)[1:]
    one, two = stft.swap_phase(a, b)
    close(torch.fft.rfft(one).abs(), torch.fft.rfft(a).abs(), rtol=1e-6, atol=1e-6)
    close(torch.fft.rfft(two).angle()[1:-1].cos(), torch.fft.rfft(a).angle()[1:-1].cos(), rtol=0, atol=1e-6)
    back = stft.swap_phase(one, two)
    close(back[0], a, rtol=1e-6, atol=1e-6)
    picture, other = signal(60, device, dtype).reshape(6, 10), signal(61, device, dtype)[1:].reshape(6, 10)
    close(torch.fft.fft2(stft.swap_phase(picture, other, (-2, -1))[0]).abs(), torch.fft.fft2(picture).abs(), atol=1e-6)


def test_decibels(device, dtype, close):
    tone = torch.sin(torch.arange(8000, device=device, dtype=dtype) * 0.1 * torch.pi)
    close(loudness.decibel(tone), -3.0103, rtol=0, atol=1e-4)
    close(loudness.decibel(10 * tone) - loudness.decibel(tone), 20.0, rtol=1e-6)
    close(loudness.decibel(tone, 20e-6), 90.969, rtol=0, atol=1e-3)
    assert loudness.decibel(torch.zeros(4)) == -torch.inf


def test_a_weighting_has_the_values_of_the_standard():
    """IEC 61672-1, table 3, rounded there to 0.1 dB."""
    frequency = torch.tensor([31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000], dtype=torch.float64)
    printed = torch.tensor([-39.4, -26.2, -16.1, -8.6, -3.2, 0.0, 1.2, 1.0, -1.1], dtype=torch.float64)
    exact = 1000 * 10 ** (torch.round(10 * torch.log10(frequency / 1000)) / 10)  # exact third octaves
    torch.testing.assert_close(loudness.a_weighting(exact), printed, rtol=0, atol=0.051)


def test_a_phon_is_a_decibel_at_1000_hertz_and_contours_do_not_cross(device, dtype):
    frequency = torch.tensor([20.0, 63, 125, 1000, 3150, 12500], device=device, dtype=dtype)
    levels = torch.stack([loudness.equal_loudness(frequency, phon) for phon in (20, 40, 60, 80)])
    assert (levels.diff(dim=0) > 0).all()
    expected = levels.new_tensor([20.0, 40, 60, 80])
    torch.testing.assert_close(levels[:, 3], expected, rtol=0, atol=0.05)
    assert (levels[:, 4] < levels[:, 3]).all(), "the ear is most sensitive near 3 kHz"
    published = levels.new_tensor([99.85, 73.08, 60.59])  # ISO 226:2003, 40 phon at 20, 63 and 125 Hz
    torch.testing.assert_close(levels[1, :3], published, rtol=0, atol=0.05)
    assert loudness.equal_loudness(frequency[:1] + 1, 40) < levels[1, 0]


def test_the_sounds_have_the_frequencies_that_were_asked_for():
    up = sounds.chirp(200, 3000, 1.0, rate=RATE)
    spectrum = stft.stft(up, stft.hann_window(256, torch.float64), 64).abs()
    peak = spectrum.argmax(0)[8:-8] * RATE / 256
    moment = torch.arange(len(spectrum[0]))[8:-8] * 64 / RATE
    assert (peak - (200 + 2800 * moment)).abs().max() < 2 * RATE / 256
    for name, formants in sounds.FORMANTS.items():
        power = torch.fft.rfft(sounds.vowel(name, 110, 1.0, rate=RATE)).abs()
        strength = lambda f: power[int(f) - 60 : int(f) + 60].max()  # noqa: B023, E731 - 1 Hz a bin, one harmonic inside
        assert strength(formants[1]) > 2 * strength((formants[1] + formants[2]) / 2)
    beat = torch.fft.rfft(sounds.drum(150, 1.0, RATE)).abs()
    assert abs(int(beat[100:1000].argmax()) + 100 - 150) <= 2
    for sound in (up, sounds.vowel("i", 200, 0.3, rate=RATE), sounds.drum(90, 0.3, RATE)):
        assert sound.abs().max() <= 1 + 1e-12
    assert torch.equal(sounds.drum(90, 0.3, RATE, seed=1), sounds.drum(90, 0.3, RATE, seed=1))
    ones = torch.ones(80, dtype=torch.float64)
    line = sounds.sequence([(0.0, ones), (0.005, ones), (0.02, ones)], 0.025, RATE)
    assert line.tolist() == [0.5] * 40 + [1.0] * 40 + [0.5] * 40 + [0.0] * 40 + [0.5] * 40


WINDOW = torch.ones(8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stft.stft(torch.zeros(4), WINDOW, 2), "longer than half the window, 4 samples, not 4"),
        (lambda: stft.stft(torch.zeros(40), torch.ones(7), 2), "even number of samples, not 7"),
        (lambda: stft.stft(torch.zeros(40), WINDOW, 9), "hop must be 1 to 8"),
        (lambda: stft.stft(torch.zeros(40, dtype=torch.int64), WINDOW, 2), "floating-point"),
        (lambda: stft.istft(torch.zeros(5, 3), WINDOW, 2, length=8), r"complex tensor of shape \(..., 5, M\)"),
        (lambda: stft.istft(torch.zeros(5, 3) + 0j, WINDOW, 2, length=80), "fewer than the length 80"),
        (lambda: stft.istft(torch.zeros(5, 9) + 0j, stft.hann_window(8), 8, length=40), "without weight"),
        (lambda: stft.hann_window(1), "at least 2"),
        (lambda: stft.swap_phase(torch.zeros(4), torch.zeros(5)), "must be equal"),
        (lambda: loudness.equal_loudness(torch.tensor([15.0]), 40), "must lie in 20 to 12500 Hz"),
        (lambda: loudness.equal_loudness(torch.tensor([100.0]), 95), "phon must lie in 20 to 90"),
        (lambda: loudness.a_weighting(torch.tensor([0.0])), "above 0 Hz"),
        (lambda: loudness.decibel(torch.zeros(4), 0.0), "reference must be"),
        (lambda: sounds.chirp(100, 5000, 1.0, rate=RATE), "above half the rate"),
        (lambda: sounds.vowel("x", 100, 1.0, rate=RATE), "vowel must be one of a, i, u"),
        (lambda: sounds.sequence([(2.0, WINDOW)], 1.0, RATE), "between 0 and 1 s, not at 2.0"),
        (lambda: sounds.drum(0, 1.0, RATE), "pitch must be"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
