"""The texture loss is the relative distance; descent brings it down; starts are what they say."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.texture import (
    RandomFilters,
    blurred_start,
    channel_mean,
    gram_and_shifts,
    gram_matrix,
    noise_start,
    periodicity_error,
    statistics,
    synthesise,
    texture_loss,
    with_period,
)


@pytest.fixture
def exemplar(device):
    return torch.rand(1, 1, 24, 24, generator=generator(0)).to(device)


def few(device):
    return RandomFilters(4, (3, 5), 2, channels=1).to(device)


def test_the_loss_is_the_sum_of_relative_distances(exemplar, close):
    source, other = few(exemplar.device), exemplar.flip(3) ** 2
    loss = texture_loss(source, gram_matrix, exemplar)
    ours, targets = statistics(source, gram_matrix, other), statistics(source, gram_matrix, exemplar)
    wanted = sum(((a - b) ** 2).sum() / (b**2).sum() for a, b in zip(ours, targets, strict=True))
    close(loss(other), wanted, rtol=1e-5)
    assert float(loss(exemplar)) < 1e-10
    close(loss(torch.cat([other, exemplar])), wanted / 2, rtol=1e-5)


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_descent_matches_the_statistics(exemplar, method):
    loss = texture_loss(few(exemplar.device), gram_matrix, exemplar)
    start = noise_start(exemplar * 0.5, (20, 28), generator(1))
    image, losses = synthesise(loss, start, 60, method=method)
    assert len(losses) <= 61
    assert float(loss(image)) < 0.1 * float(loss(start))
    assert float(image.min()) >= 0
    assert float(image.max()) <= 1
    assert image.shape == start.shape
    assert losses[0] == pytest.approx(float(loss(start)), rel=1e-4)


def test_pixels_outside_the_range_come_back(device):
    """The loss asks for 1.5; the price of leaving the range holds the pixels near 1, and the result is cut to it."""
    start = torch.full((1, 1, 4, 4), 0.5, device=device)
    image, losses = synthesise(lambda x: (x - 1.5).square().sum(), start, 30)
    torch.testing.assert_close(image, torch.ones_like(image))
    assert losses[-1] == pytest.approx(16 * 0.25**2, rel=1e-3)  # the best compromise is 1.25
    back, _ = synthesise(lambda x: (x - 0.5).square().sum(), torch.full_like(start, 3.0), 30)
    torch.testing.assert_close(back, start)


def test_the_start_is_left_alone(exemplar):
    kept = exemplar.clone()
    synthesise(lambda x: x.square().sum(), exemplar, 3)
    assert torch.equal(exemplar, kept)


def test_a_noise_start_has_the_exemplars_mean_and_deviation(device):
    exemplar = (0.5 + 0.1 * torch.randn(1, 3, 40, 40, generator=generator(0))).to(device)
    start = noise_start(exemplar, (80, 60), generator(1))
    assert start.shape == (1, 3, 80, 60)
    torch.testing.assert_close(start.mean((2, 3)), exemplar.mean((2, 3)), atol=0.01, rtol=0)
    torch.testing.assert_close(start.std((2, 3)), exemplar.std((2, 3)), atol=0.01, rtol=0)
    assert torch.equal(start, noise_start(exemplar, (80, 60), generator(1)))


def test_a_blurred_start_keeps_coarse_things_and_a_huge_factor_keeps_the_mean(exemplar):
    mean = blurred_start(exemplar, (30, 20), 1000)
    torch.testing.assert_close(mean, exemplar.mean().expand(1, 1, 30, 20))
    soft = blurred_start(exemplar, (24, 24), 4)
    assert 0.05 * float(exemplar.std()) < float(soft.std()) < 0.5 * float(exemplar.std())
    torch.testing.assert_close(blurred_start(exemplar, (24, 24), 1), exemplar)


def test_bad_input_is_refused(exemplar):
    with pytest.raises(ValueError, match="exemplar must be"):
        texture_loss(few("cpu"), channel_mean, exemplar[0])
    with pytest.raises(ValueError, match='"lbfgs" or "adam"'):
        synthesise(lambda x: x.sum(), exemplar, 3, method="sgd")
    with pytest.raises(ValueError, match="steps must be"):
        synthesise(lambda x: x.sum(), exemplar, 0)
    with pytest.raises(ValueError, match="the loss became nan at evaluation 1"):
        synthesise(lambda x: x.sum() * float("nan"), exemplar, 3)
    with pytest.raises(ValueError, match="factor must be"):
        blurred_start(exemplar, (4, 4), 0)


def test_a_periodic_constraint_makes_a_picture_periodic(device):
    y, x = torch.meshgrid(torch.arange(24), torch.arange(24), indexing="ij")
    board = ((y // 4 + x // 4) % 2).float()[None, None].to(device)
    whole = with_period(lambda images: images.sum() * 0, 8, weight=2.0)
    assert float(whole(board)) == 0
    wave = torch.arange(24.0, device=device).expand(1, 1, 24, 24) / 24
    assert float(whole(wave)) == pytest.approx(2 * (8 / 24) ** 2)  # differs to the right alone
    start = noise_start(board, (24, 24), generator(0))
    image, _ = synthesise(with_period(lambda images: images.sum() * 0, 8, weight=300.0), start, 60)
    assert float(image.std()) > 0.1
    assert float((image[:, :, 8:] - image[:, :, :-8]).abs().max()) < 1e-2
    assert float((image[..., 8:] - image[..., :-8]).abs().max()) < 1e-2
    with pytest.raises(ValueError, match="period must be"):
        with_period(lambda images: images.sum(), 0)


def test_a_chequerboard_needs_more_than_a_gram_matrix_of_small_filters():
    """The loss falls and the order does not come; coarse levels and correlations at a distance bring it."""
    y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    board = (0.2 + 0.6 * ((y // 4 + x // 4) % 2).float())[None, None]
    small, scales = (RandomFilters(8, sizes, levels, channels=1) for sizes, levels in (((3,), 1), ((3, 5), 3)))

    def shifts(maps):
        half, whole = maps.shape[2] // 8, maps.shape[2] // 4
        return gram_and_shifts(maps, [(half, 0), (0, half), (whole, 0), (0, whole)])

    start, errors = noise_start(board, (32, 32), generator(1)), {}
    for name, loss in (
        ("gram", texture_loss(small, gram_matrix, board)),
        ("mended", texture_loss(scales, shifts, board)),
    ):
        image, losses = synthesise(loss, start, 80)
        assert min(losses) < 0.1 * losses[0]
        errors[name] = max(periodicity_error(image, board, step) for step in (4, 8))
    assert errors["gram"] > 0.5
    assert errors["mended"] < 0.1


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_a_rate_of_zero_is_refused_and_not_taken_for_the_default(method):
    start = torch.full((1, 1, 4, 4), 0.5)
    with pytest.raises(ValueError, match="rate must be a finite number above 0, not 0"):
        synthesise(lambda x: x.square().sum(), start, 2, method=method, rate=0.0)


def test_the_picture_with_the_smallest_loss_is_returned_and_not_the_last():
    """A rate so large that Adam jumps to and fro over the valley."""
    pictures = []

    def loss(x):
        pictures.append(x.detach().clone())
        return (x - 0.5).square().sum()

    best, losses = synthesise(loss, torch.full((1, 1, 2, 2), 0.4), 8, method="adam", rate=0.3)
    least = int(torch.tensor(losses).argmin())
    assert 0 < least < 7
    torch.testing.assert_close(best, pictures[least].clamp(0, 1))


def test_noise_is_cut_to_the_range():
    exemplar = torch.tensor([0.0, 1.0]).repeat(1, 1, 8, 4)
    start = noise_start(exemplar, (32, 32), generator(0))
    assert start.min() == 0
    assert start.max() == 1
    assert (start == 0).double().mean() > 0.05


def test_a_start_that_is_not_contiguous_works():
    start = torch.rand(1, 4, 4, 1, generator=generator(0)).permute(0, 3, 1, 2).expand(1, 1, 4, 4)
    result, _ = synthesise(lambda x: x.square().sum(), start.transpose(2, 3), 3)
    assert torch.isfinite(result).all()
