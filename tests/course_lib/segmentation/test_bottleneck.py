"""A wider code keeps more of a picture; a squared error is the distance to the mean plus the spread."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.data.scenes import render, sample_scenes
from course_lib.optim import Adam
from course_lib.segmentation.bottleneck import Autoencoder, expected_square, interpolate_codes

from ..refusals import refused


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=generator(seed), dtype=torch.float64)


def test_everything_passes_through_the_code():
    torch.manual_seed(0)
    model = Autoencoder(7, 32, width=4).eval()
    images = torch.rand(3, 3, 32, 32, generator=generator(0))
    codes = model.encode(images)
    assert codes.shape == (3, 7)
    assert torch.equal(model(images), model.decode(codes))
    assert model(images).shape == images.shape
    model.to_code.weight.data.zero_()  # with the code cut off all pictures look the same
    first, *others = model(images)
    assert all(torch.allclose(first, other, atol=1e-5) for other in others)


def test_a_wider_code_loses_less_of_eight_pictures():
    images = render(sample_scenes(8, 16, generator=generator(0), difficulty=0.3)).image
    lost = {}
    for code in (1, 16):
        torch.manual_seed(0)
        model = Autoencoder(code, 16, width=8, levels=2)
        fit(model, lambda rows, _, model=model: (model(images[rows]) - images[rows]).square().mean(),
            Adam(model.parameters(), 5e-3), samples=8, epochs=150, batch=8, generator=generator(0))  # fmt: skip
        lost[code] = float((model(images) - images).detach().square().mean())
    assert lost[16] < 0.6 * lost[1]


def test_codes_in_between_lie_on_a_line_with_both_ends(close):
    a, b = draw(5), draw(5, seed=1)
    found = interpolate_codes(a, b, 5)
    assert torch.equal(found[0], a)
    close(found[-1], b)
    close(found[2], (a + b) / 2)
    close(found.diff(dim=0), ((b - a) / 4).expand(4, 5))


def test_squared_error_is_distance_to_the_mean_plus_spread_and_the_mean_is_best(close):
    targets, answer = draw(6, 3, 4), draw(3, 4, seed=1)
    far, spread = expected_square(answer, targets)
    close(far + spread, (answer - targets).square().mean())
    assert expected_square(targets.mean(0), targets)[0] == pytest.approx(0, abs=1e-30)
    free = answer.clone().requires_grad_()
    (slope,) = torch.autograd.grad((free - targets).square().mean(), free)
    close(slope, 2 * (answer - targets.mean(0)) / answer.numel())


def test_bad_input_is_refused():
    refused(lambda: Autoencoder(4, 20), "size must be a multiple of 2\\^levels = 8, not 20")
    refused(lambda: Autoencoder(0), "code must be a finite number above 0")
    refused(lambda: Autoencoder(4, 16).encode(torch.rand(1, 3, 24, 24)), "images must be 16 x 16 pixels")
    refused(lambda: Autoencoder(4, 16).encode(torch.rand(1, 1, 16, 16)), "images must be a floating-point tensor")
    refused(lambda: interpolate_codes(draw(3), draw(4), 3), "second has D = 4 but first has D = 3")
    refused(lambda: interpolate_codes(draw(3), draw(3), 1), "steps must be at least 2, not 1")
    refused(lambda: expected_square(draw(3), draw(3)), r"targets must be \(N, ...\) with the answer's shape \(3,\)")
