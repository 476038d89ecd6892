"""The line model, its derivatives, and both ways back: the fit reaches the Cramer-Rao bound, the network comes near."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.inversion.fit import first_guess, fit_spectra
from course_lib.inversion.line import (
    GRADIENT,
    HIGH,
    LOW,
    PARAMETERS,
    SHIFT,
    SPLIT,
    cramer_rao_bound,
    stokes_jacobian,
    stokes_profiles,
    wavelengths,
)
from course_lib.inversion.network import LineRegressor, train_regressor
from course_lib.inversion.spectra import from_unit, observe, parameter_maps, sample_parameters, to_unit

from ..refusals import refused

X, NOISE = wavelengths(), 0.01


def line(strength=6.0, velocity=0.0, width=4.0, field=0.0):
    return torch.tensor([strength, velocity, width, field], dtype=torch.float64)


def test_the_units_are_those_of_the_sun():
    assert pytest.approx(2.10, abs=0.005) == SHIFT  # pm for 1 km/s
    assert pytest.approx(4.64, abs=0.005) == 1000 * SPLIT  # pm for 1000 G


def test_without_a_field_there_is_no_polarisation_and_the_line_has_its_depth():
    intensity, polarised = stokes_profiles(line(), X)
    assert float(polarised.abs().max()) == 0
    assert float(intensity.min()) == pytest.approx(1 - GRADIENT * 6 / 7)
    assert float(X[intensity.argmin()]) == 0
    assert float(intensity[0]) == pytest.approx(1, abs=1e-12)
    at_width = stokes_profiles(line(), torch.tensor([4.0], dtype=torch.float64))[0]
    assert float(at_width) == pytest.approx(1 - GRADIENT + GRADIENT / (1 + 6 / np.e))


def test_velocity_shifts_the_line():
    fine = wavelengths(601)  # 0.1 pm
    moved = stokes_profiles(line(velocity=2.0), fine)[0]
    assert float(fine[moved.argmin()]) == pytest.approx(2 * SHIFT, abs=0.051)


def test_a_weak_field_gives_the_derivative_and_a_reversed_one_the_opposite():
    field = 5.0
    polarised = stokes_profiles(line(field=field, velocity=0.3), X)[1]
    shift = stokes_jacobian(line(velocity=0.3), X)[0, :, 1] / -SHIFT  # dI/dx
    torch.testing.assert_close(polarised, -SPLIT * field * shift, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(stokes_profiles(line(field=-field, velocity=0.3), X)[1], -polarised)


def test_a_strong_field_splits_the_line_in_two():
    right = stokes_profiles(line(field=3000.0), wavelengths(601)).sum(0)
    assert float(wavelengths(601)[right.argmin()]) == pytest.approx(3000 * SPLIT, abs=0.051)


def test_the_jacobian_equals_autograds(device, dtype, close):
    theta = sample_parameters(20, generator=generator(0)).to(device, dtype)
    x = X.to(device, dtype)
    wanted = torch.func.vmap(torch.func.jacrev(lambda p: stokes_profiles(p, x)))(theta)
    scale = torch.tensor([h - low for low, h in zip(LOW, HIGH, strict=True)], device=device, dtype=dtype)
    close(stokes_jacobian(theta, x) * scale, wanted * scale, rtol=1e-9, atol=1e-12)


def test_the_fit_of_clean_spectra_is_exact():
    theta = sample_parameters(50, generator=generator(1))
    found, calls = fit_spectra(stokes_profiles(theta, X), X)
    torch.testing.assert_close(to_unit(found), to_unit(theta), rtol=0, atol=1e-6)
    assert int(calls.max()) < 60


def test_the_fits_errors_are_those_of_the_cramer_rao_bound():
    theta = sample_parameters(300, generator=generator(2))
    found, _ = fit_spectra(observe(theta, X, NOISE, generator=generator(3)), X)
    error = (found - theta) / cramer_rao_bound(theta, X, NOISE)
    for name, values in zip(PARAMETERS, error.unbind(1), strict=True):
        assert 0.85 < float(values.std()) < 1.25, name
        assert abs(float(values.mean())) < 4 / np.sqrt(300), name
        assert float(values.abs().max()) < 6, name


def test_the_bound_of_one_pixel_equals_the_spread_of_many_fits_of_it_and_grows_with_the_noise():
    theta = line(5.0, 0.7, 3.5, 800.0)
    many = observe(theta.expand(400, 4), X, NOISE, generator=generator(4))
    found, _ = fit_spectra(many, X)
    bound = cramer_rao_bound(theta, X, NOISE)
    torch.testing.assert_close(found.std(0), bound, rtol=0.15, atol=0)
    torch.testing.assert_close(cramer_rao_bound(theta, X, 3 * NOISE), 3 * bound)


def test_the_first_guess_finds_the_sign_of_a_weak_field_and_the_place_of_the_line():
    theta = sample_parameters(200, generator=generator(5))
    theta[:, 3] /= 10
    guess = first_guess(stokes_profiles(theta, X), X)
    assert float((guess[:, 1] - theta[:, 1]).abs().max()) < 0.05
    assert float((guess[:, 3] / theta[:, 3] - 1).abs().max()) < 0.2
    assert float((guess[:, 0] / theta[:, 0] - 1).abs().max()) < 0.25


def test_a_fit_starts_where_it_is_told():
    theta = sample_parameters(5, generator=generator(6))
    spectra = stokes_profiles(theta, X)
    _, from_guess = fit_spectra(spectra, X)
    found, from_truth = fit_spectra(spectra, X, theta)
    torch.testing.assert_close(found, theta)
    assert int(from_truth.max()) < int(from_guess.min())


def test_the_network_learns_the_way_back():
    torch.manual_seed(0)
    model, x = LineRegressor(len(X), 64), X.float()
    theta = sample_parameters(1000, generator=generator(7), dtype=torch.float32)
    spectra = observe(theta, x, NOISE, generator=generator(8))
    before = to_unit(model(spectra).detach()) - to_unit(theta)
    train_regressor(model, x, NOISE, steps=500, generator=generator(9))
    after = to_unit(model(spectra).detach()) - to_unit(theta)
    assert (after.square().mean(0).sqrt() < 0.3 * before.square().mean(0).sqrt()).all()
    velocity = float((model(spectra).detach() - theta)[:, 1].square().mean().sqrt())
    assert velocity < 0.2  # km/s
    assert float(cramer_rao_bound(theta, x, NOISE)[:, 1].square().mean().sqrt()) < velocity  # the fit is more exact


def test_maps_are_smooth_and_evenly_distributed():
    maps = parameter_maps((40, 60), generator=generator(0))
    shares = to_unit(maps)
    assert maps.shape == (40, 60, 4)
    assert float(shares.min()) >= 0
    assert float(shares.max()) <= 1
    assert float((shares.mean((0, 1)) - 0.5).abs().max()) < 0.1
    assert float(shares.diff(dim=1).abs().mean()) < 0.1
    rough = parameter_maps((40, 60), sigma=0.5, generator=generator(0))
    assert float(to_unit(rough).diff(dim=1).abs().mean()) > 2 * float(shares.diff(dim=1).abs().mean())


def test_units_go_there_and_back(close):
    theta = sample_parameters(10, generator=generator(0))
    close(from_unit(to_unit(theta)), theta)
    assert to_unit(torch.tensor([LOW, HIGH])).tolist() == [[0] * 4, [1] * 4]


def test_noise_has_the_stated_size():
    theta = sample_parameters(500, generator=generator(0))
    noisy = observe(theta, X, 0.02, generator=generator(1))
    assert float((noisy - stokes_profiles(theta, X)).std()) == pytest.approx(0.02, rel=0.02)


def test_bad_input_is_refused():
    theta = sample_parameters(3, generator=generator(0))
    spectra = stokes_profiles(theta, X)
    refused(lambda: stokes_profiles(theta[:, :3], X), r"parameters must be a floating-point tensor of shape \(..., 4\)")
    refused(lambda: cramer_rao_bound(theta, X, 0.0), "noise must be a finite number above 0")
    refused(lambda: cramer_rao_bound(torch.nan * theta, X, 0.1), "parameters holds 12 NaN")
    refused(lambda: fit_spectra(spectra[0], X), "spectra must be a floating-point tensor")
    refused(lambda: fit_spectra(spectra, X[:-1]), "x has S = 40 but spectra has S = 41")
    refused(lambda: fit_spectra(spectra, X, theta[:2]), r"start must be a floating-point tensor of shape \(3, 4\)")
    refused(lambda: observe(theta, X, -1.0, generator=generator(0)), "noise must be a finite number above 0")
    refused(lambda: sample_parameters(0, generator=generator(0)), "count must be a finite number above 0")
    refused(lambda: parameter_maps(8, sigma=0.0, generator=generator(0)), "sigma must be a finite number above 0")
    refused(lambda: wavelengths(0), "count must be a finite number above 0")
    refused(lambda: LineRegressor(41)(spectra[:, :1].float()), "spectra must be a floating-point tensor of shape")
    refused(lambda: train_regressor(LineRegressor(41), X.float(), steps=0, generator=generator(0)), "steps must be")
