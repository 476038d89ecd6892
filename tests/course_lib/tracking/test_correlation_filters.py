"""Correlation filters: Fourier equals the whole matrix, kernels equal all shifts, peaks follow the object."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.photographs import photograph
from course_lib.tracking.circulant import circulant, fourier_matrix, ridge_by_fourier, ridge_by_matrix
from course_lib.tracking.kcf import KCF, kernel_correlation
from course_lib.tracking.mosse import MOSSE, bump, cosine_window, peak_to_sidelobe
from course_lib.tracking.tracker import crop_window, follow, wrapped_peak


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def test_fourier_makes_a_circulant_matrix_diagonal():
    x, F = drawn(7), fourier_matrix(7)
    C = circulant(x)
    assert torch.equal(C[2], x.roll(2))
    diagonal = F.conj().T @ C.to(F) @ F
    torch.testing.assert_close(diagonal, torch.diag(torch.fft.fft(x)))


def test_ridge_regression_over_all_shifts_equals_the_matrix():
    patch, target = drawn(6, 5), drawn(6, 5, seed=1)  # a target without symmetry, so that no conjugate can hide
    torch.testing.assert_close(ridge_by_fourier(patch, target, 0.3), ridge_by_matrix(patch, target, 0.3))


@pytest.mark.parametrize("sigma", [None, 0.7])
def test_kernel_correlation_is_the_kernel_of_each_shift(sigma):
    x, z = drawn(2, 4, 5), drawn(2, 4, 5, seed=1)
    found = kernel_correlation(x, z, sigma)
    for i in range(4):
        for j in range(5):
            moved = x.roll((i, j), (1, 2))
            inner = (moved * z).sum()
            wanted = inner if sigma is None else torch.exp(-(moved - z).square().sum() / x.numel() / sigma**2)
            torch.testing.assert_close(found[i, j], wanted)


@pytest.mark.parametrize("sigma", [None, 0.7])
def test_kcf_learns_and_answers_as_ridge_regression_in_the_dual_over_all_shifts(sigma):
    """Brute force: the whole kernel matrix, solved, and the answer to every shift of another patch."""
    x, z, weight = drawn(2, 4, 6), drawn(2, 4, 6, seed=1), 0.1
    y = bump(4, 6, 1.0).double()
    places = [(i, j) for i in range(4) for j in range(6)]
    turned = torch.stack([x.roll(place, (1, 2)) for place in places])
    looked = torch.stack([z.roll((-i, -j), (1, 2)) for i, j in places])

    def kernel(a, b):
        inner = a.flatten(1) @ b.flatten(1).T
        apart = a.flatten(1).square().sum(1)[:, None] + b.flatten(1).square().sum(1) - 2 * inner
        return inner if sigma is None else torch.exp(-apart / x.numel() / sigma**2)

    alpha = torch.linalg.solve(kernel(turned, turned) + weight * torch.eye(24, dtype=torch.float64), y.flatten())
    wanted = (alpha @ kernel(turned, looked)).reshape(4, 6)
    tracker = KCF(sigma, weight, side=4)
    tracker.patch = x
    tracker.alpha = torch.fft.fft2(y) / (torch.fft.fft2(kernel_correlation(x, x, sigma)) + weight)
    tracker.window = lambda *_: z
    torch.testing.assert_close(tracker.response(None), wanted)


def moving_photograph(frames, step):
    """A window that moves over a photograph: the cup seems to move the other way."""
    picture = photograph("coffee", 200)
    return torch.stack([picture[:, 20:140, 30 + step * t : 150 + step * t] for t in range(frames)])


@pytest.mark.parametrize("make", [MOSSE, KCF, lambda: KCF(None)])
def test_a_tracker_follows_a_moving_photograph(make):
    clip = moving_photograph(6, 3)
    box = torch.tensor([50.0, 40.0, 90.0, 80.0])
    boxes, scores = follow(make(), clip, box)
    wanted = box + torch.arange(6)[:, None] * torch.tensor([-3.0, 0.0, -3.0, 0.0])
    assert (boxes - wanted).abs().max() < 1.0
    assert scores.shape == (5,)


def test_a_tracker_that_tries_sizes_grows_with_the_object():
    picture = photograph("coffee", 200)
    centre, clip = torch.tensor([100.0, 90.0]), []
    for t in range(8):
        view = 120 / 1.04**t
        clip.append(crop_window(picture, centre, (view, view), out=(120, 120)))
    box = torch.tensor([40.0, 40.0, 80.0, 80.0])
    grown, _ = follow(KCF(scales=(0.97, 1.0, 1.03)), torch.stack(clip), box)
    fixed, _ = follow(KCF(), torch.stack(clip), box)
    assert float(grown[-1, 2] - grown[-1, 0]) > 46  # 40 x 1.04^7 = 52.6
    assert float(fixed[-1, 2] - fixed[-1, 0]) == pytest.approx(40, abs=1e-3)


def test_the_score_of_mosse_falls_where_the_object_is_gone():
    clip = moving_photograph(3, 2)
    tracker = MOSSE()
    tracker.begin(clip[0], torch.tensor([50.0, 40.0, 90.0, 80.0]))
    _, there = tracker.step(clip[1])
    learnt = tracker.below.clone()
    _, gone = tracker.step(torch.rand(3, 120, 120, generator=generator(0)))
    assert there > 7 > gone
    assert torch.equal(tracker.below, learnt)  # noise was not learnt


def test_windows_and_peaks():
    frame = torch.arange(48.0).reshape(1, 6, 8) / 48
    torch.testing.assert_close(crop_window(frame, torch.tensor([4.0, 3.0]), (4, 4), out=(4, 4)), frame[:, 1:5, 2:6])
    outside = crop_window(frame, torch.tensor([0.0, 3.0]), (6, 8), out=(6, 8))
    torch.testing.assert_close(outside[:, :, :4], frame[:, :, :1].expand(-1, -1, 4))
    dx, dy = wrapped_peak(bump(16, 20, 2.0).roll((-3, 5), (0, 1)))
    assert (dx, dy) == (pytest.approx(5, abs=1e-3), pytest.approx(-3, abs=1e-3))
    assert cosine_window(9, 9)[4, 4] == 1
    assert cosine_window(9, 9)[0].abs().max() == 0
    assert peak_to_sidelobe(bump(32, 32, 1.0)) > 20
    with pytest.raises(ValueError, match="nothing left beside a peak"):
        peak_to_sidelobe(torch.rand(8, 8))


@pytest.mark.parametrize(
    ("box", "message"),
    [([10.0, 10.0, 10.0, 20.0], "with an area"), ([200.0, 10.0, 220.0, 30.0], "outside of the frame of 120 x 120"),
     ([30.0, 10.0, 20.0, 20.0], "box")],
)  # fmt: skip
def test_a_box_that_cannot_be_followed_is_named(box, message):
    with pytest.raises(ValueError, match=message):
        follow(KCF(), torch.rand(2, 3, 120, 120), torch.tensor(box))


def test_a_clip_of_one_frame_gives_its_box():
    boxes, scores = follow(MOSSE(), torch.rand(1, 3, 64, 64), torch.tensor([10.0, 10.0, 30.0, 30.0]))
    assert boxes.tolist() == [[10, 10, 30, 30]]
    assert scores.shape == (0,)
