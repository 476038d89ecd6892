"""The network: what it hears changes its answer, what it cannot hear does not, and times scale with the span."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.diffusion.denoiser import Denoiser, NoisyClassifier, PointDenoiser, TimeEmbedding
from course_lib.networks.positional import sinusoidal_encoding

from ..refusals import refused


def awake(model):
    """A network starts by answering 0; random weights make it say something."""
    torch.manual_seed(1)
    for p in model.parameters():
        if (p == 0).all():
            torch.nn.init.normal_(p, std=0.1)
    return model.eval()


@pytest.fixture
def x(device):
    return torch.randn(3, 1, 8, 8, generator=generator(0)).to(device)


@pytest.fixture
def model(device):
    return awake(Denoiser(4, 100, width=8, dimensions=16)).to(device)


def test_time_and_class_are_heard(model, x, device):
    t, labels = torch.tensor([3, 50, 99], device=device), torch.tensor([0, 1, 2], device=device)
    answer = model(x, t, labels)
    assert answer.shape == x.shape
    later, other = model(x, t - 2, labels), model(x, t, labels + 1)
    assert ((answer - later).abs().amax((1, 2, 3)) > 1e-4).all()
    assert ((answer - other).abs().amax((1, 2, 3)) > 1e-4).all()


def test_no_label_and_minus_one_are_the_same(model, x, device):
    t = torch.tensor([3, 50, 99], device=device)
    assert torch.equal(model(x, t), model(x, t, torch.full((3,), -1, device=device)))
    mixed = model(x, t, torch.tensor([2, -1, 1], device=device))
    assert torch.allclose(mixed[1], model(x, t)[1], atol=1e-6)


def test_without_time_all_times_are_one(x, device):
    deaf = awake(Denoiser(0, 100, width=8, dimensions=16, timeless=True)).to(device)
    t = torch.tensor([3, 50, 99], device=device)
    assert torch.equal(deaf(x, t), deaf(x, 100 - t))


def test_the_span_is_the_unit_of_time(device):
    torch.manual_seed(0)
    ours, unit = TimeEmbedding(16, 200.0).to(device), TimeEmbedding(16, 1.0).to(device)
    unit.load_state_dict(ours.state_dict())
    t = torch.tensor([0, 50, 200], device=device)
    assert torch.allclose(ours(t), unit(t / 200.0), atol=1e-5)
    assert torch.allclose(ours.layers(sinusoidal_encoding(torch.tensor([250.0], device=device), 16)), ours(t)[1:2])


def test_a_new_network_answers_zero(x, device):
    assert (Denoiser(4, 1, width=8, dimensions=16).to(device)(x, torch.rand(3, device=device)) == 0).all()


def test_the_classifier_hears_the_time(x, device):
    model = awake(NoisyClassifier(5, 100, width=8, dimensions=16)).to(device)
    t = torch.tensor([3, 50, 99], device=device)
    assert model(x, t).shape == (3, 5)
    assert ((model(x, t) - model(x, 100 - t)).abs().amax(1) > 1e-5).any()


def test_bad_input(model, device):
    refused(lambda: TimeEmbedding(16, 0), "span must be a finite number above 0")
    bad = torch.zeros(1, 1, 10, 10, device=device)
    refused(lambda: model(bad, torch.tensor([1], device=device)), "multiples of 2")


def test_points_hear_the_time(device):
    model, x = PointDenoiser(10).to(device), torch.zeros(2, 2, device=device)
    answer = model(x, torch.tensor([0, 7], device=device))
    assert answer.shape == (2, 2)
    assert not torch.allclose(answer[0], answer[1])
