"""The flow: inverse, determinant by autograd, a density that integrates to one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.likelihood.coupling import AffineCoupling, CouplingFlow


def stirred(flow):
    """A flow whose layers are no identities."""
    torch.manual_seed(0)
    for layer in (*flow.fine, *flow.coarse):
        nn.init.normal_(layer.network[-1].weight, std=0.3)
    return flow.double()


def test_the_inverse_undoes_the_flow():
    flow = stirred(CouplingFlow(3, 8, width=8))
    images = torch.rand(4, 3, 8, 8, generator=generator(0)).double()
    codes, _ = flow(images)
    torch.testing.assert_close(flow.inverse(codes), images, atol=1e-9, rtol=0)
    assert (codes - CouplingFlow(3, 8, width=8).double()(images)[0]).abs().max() > 0.1


def test_the_determinant_is_autograds():
    flow = stirred(CouplingFlow(1, 4, width=8))
    image = torch.rand(1, 1, 4, 4, generator=generator(0)).double()
    jacobian = torch.autograd.functional.jacobian(lambda x: flow(x)[0], image).view(16, 16)
    torch.testing.assert_close(flow(image)[1][0], torch.linalg.slogdet(jacobian).logabsdet)


def test_a_layer_changes_one_half_by_the_other():
    torch.manual_seed(0)
    layer = AffineCoupling(2, 8, torch.tensor([True, False])[:, None, None])
    nn.init.normal_(layer.network[-1].weight)
    x = torch.randn(2, 2, 4, 4, generator=generator(0))
    y, _ = layer(x)
    assert torch.equal(y[:, 0], x[:, 0])
    assert (y[:, 1] - x[:, 1]).abs().min() > 0


def test_every_number_of_a_picture_is_changed():
    flow = stirred(CouplingFlow(1, 8, layers=2, width=8))
    image = torch.rand(1, 1, 8, 8, generator=generator(0)).double()
    plain = CouplingFlow(1, 8, layers=2, width=8).double()
    assert ((flow(image)[0] - plain(image)[0]).abs() > 1e-6).all()


def test_the_density_integrates_to_the_share_inside():
    flow = stirred(CouplingFlow(1, 2, layers=2, width=4))
    points = torch.rand(400_000, 1, 2, 2, generator=generator(0)).double()
    with torch.no_grad():
        density = flow.log_likelihood(points).exp()
        drawn = flow.inverse(torch.randn(100_000, 4, 1, 1, generator=generator(1)).double())
    inside = ((drawn >= 0) & (drawn <= 1)).flatten(1).all(1).double().mean()
    error = 5 * density.std() / len(density) ** 0.5
    assert abs(float(density.mean() - inside)) < float(error) < 0.05


def test_training_raises_the_likelihood_of_data_and_samples_resemble_them():
    torch.manual_seed(0)
    flow = CouplingFlow(1, 4, width=16)
    data = (0.15 + 0.1 * torch.rand(256, 1, 4, 4, generator=generator(0))).clone()
    data[..., 2:] += 0.6
    step, first = torch.optim.Adam(flow.parameters(), 1e-2), None
    for _ in range(80):
        loss = -flow.log_likelihood(data).mean()
        step.zero_grad()
        loss.backward()
        step.step()
        first = first or float(loss.detach())
    assert float(loss.detach()) < first - 10
    drawn = flow.sample(64, generator(0))
    torch.testing.assert_close(drawn.mean(0), data.mean(0), atol=0.1, rtol=0)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="even"):
        CouplingFlow(1, 7)
    with pytest.raises(ValueError, match="this flow takes"):
        CouplingFlow(1, 8)(torch.zeros(1, 1, 4, 4))
