"""Autoencoders: the linear one finds the plane of PCA, not its axes."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data import digits
from course_lib.likelihood.autoencoder import ConvolutionalAutoencoder, LinearAutoencoder, principal_angles
from course_lib.ops.pca import fit_pca


def test_a_trained_linear_autoencoder_spans_the_plane_of_pca():
    x = torch.randn(400, 6, generator=generator(0)) * torch.tensor([5.0, 4.0, 3.0, 0.5, 0.4, 0.3]) + 1
    torch.manual_seed(0)
    model = LinearAutoencoder(6, 3)
    best = torch.optim.LBFGS(model.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def closure():
        best.zero_grad()
        loss = (model(x) - x).square().sum(1).mean()
        loss.backward()
        return loss

    best.step(closure)
    plane = fit_pca(x, 3)
    angles = principal_angles(model.decoder.weight.detach(), plane.components.T)
    assert angles.max() < 0.01
    close = (plane.inverse(plane.transform(x)) - x).square().sum(1).mean()
    assert float(closure().detach()) == pytest.approx(float(close), rel=1e-3)
    axes = torch.nn.functional.normalize(model.decoder.weight.detach(), dim=0)
    assert (axes.T @ plane.components.T).abs().amax(1).min() < 0.99  # the same plane with other axes


def test_principal_angles_of_planes_that_one_can_see():
    first = torch.eye(3)[:, :2]
    turned = torch.tensor([[1.0, 0.0], [0.0, 0.5**0.5], [0.0, 0.5**0.5]])
    torch.testing.assert_close(principal_angles(first, turned), torch.tensor([torch.pi / 4, 0.0]), atol=1e-3, rtol=0)
    mixed = first @ torch.tensor([[2.0, 1.0], [0.0, -3.0]])
    assert principal_angles(first.double(), mixed.double()).max() < 1e-7


def test_a_convolutional_one_learns_digits_better_than_their_mean():
    x = (digits().features[:128] / 16).float().view(-1, 1, 8, 8)
    torch.manual_seed(0)
    model = ConvolutionalAutoencoder(8, size=8, width=8)
    step = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(150):
        step.zero_grad()
        loss = (model(x) - x).square().mean()
        loss.backward()
        step.step()
    assert loss < 0.5 * (x - x.mean(0)).square().mean()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="at most dimensions"):
        LinearAutoencoder(3, 4)
    with pytest.raises(ValueError, match="multiple of 4"):
        ConvolutionalAutoencoder(3, size=30)
    with pytest.raises(ValueError, match="second"):
        principal_angles(torch.eye(3), torch.eye(4))
