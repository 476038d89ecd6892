"""The masked autoencoder: who sees what, found by gradients; the loss against a loop; painting."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.ops.patches import patchify
from course_lib.self_supervised.mae import MaskedAutoencoder, PatchEncoder, normalise_patches


def model():
    torch.manual_seed(0)
    return MaskedAutoencoder(PatchEncoder(16, 4, dimensions=16, layers=2, heads=2), 16)


def pictures(n=3):
    return torch.rand(n, 3, 16, 16, generator=generator(0))


def test_the_encoder_sees_visible_patches_only():
    net, x = model(), pictures().requires_grad_(True)
    painted, hidden = net(x, generator(4))
    (slope,) = torch.autograd.grad(painted.square().sum(), x)
    touched = patchify(slope, 4).abs().sum(2) > 0
    assert torch.equal(touched, ~hidden)  # every visible patch matters, no hidden one does
    assert (hidden.sum(1) == 12).all()


def test_the_encoder_s_work_is_a_quarter():
    net, sizes = model(), []
    net.encoder.blocks.register_forward_hook(lambda module, inputs, output: sizes.append(inputs[0].shape[1]))
    net(pictures(), generator(0))
    net.encoder(pictures())
    assert sizes == [4, 16]


def test_hidden_patches_differ_by_their_place_alone():
    net = model()
    painted, hidden = net(pictures(1), generator(0))
    rows = painted[0][hidden[0]]
    assert not torch.allclose(rows[0], rows[1])
    net.positions.zero_()
    painted, hidden = net(pictures(1), generator(0))
    rows = painted[0][hidden[0]]
    assert torch.allclose(rows[0], rows[1], atol=1e-6)


def test_the_loss_is_over_hidden_patches_and_normalised():
    net, x = model(), pictures()
    painted, hidden = net(x, generator(2))
    patches, total, count = patchify(x, 4), 0.0, 0
    for b in range(3):
        for n in range(16):
            if hidden[b, n]:
                p = patches[b, n]
                total += float((painted[b, n].detach() - (p - p.mean()) / (p.var() + 1e-4).sqrt()).square().mean())
                count += 1
    assert abs(total / count - float(net.loss(x, generator(2)).detach())) < 1e-5


def test_normalised_patches_have_mean_0_and_deviation_1_and_come_back():
    patches = patchify(pictures(), 4)
    normal, mean, deviation = normalise_patches(patches)
    assert normal.mean(2).abs().max() < 1e-5
    assert (normal.std(2) - 1).abs().max() < 0.01
    assert torch.allclose(normal * deviation + mean, patches, atol=1e-6)


def test_restored_pictures_keep_what_was_seen():
    net, x = model(), pictures()
    made, shown = net.restore(x, generator(5))
    _, hidden = net(x, generator(5))
    made, shown, patches = (patchify(p, 4) for p in (made, shown, x))
    assert torch.allclose(made[~hidden], patches[~hidden])
    assert torch.allclose(shown[~hidden], patches[~hidden])
    assert (shown[hidden] == 0.5).all()
    assert not torch.allclose(made[hidden], patches[hidden])


def test_features_know_the_order_of_patches():
    net = PatchEncoder(16, 4, dimensions=16, layers=1, heads=2).eval()
    x = pictures(1)
    assert not torch.allclose(net(x), net(x.flip(2)), atol=1e-4)
    net.positions.zero_()
    blocks = torch.cat([x[..., 8:], x[..., :8]], 3)  # patches in another order
    assert torch.allclose(net(x), net(blocks), atol=1e-5)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="multiple of patch"):
        PatchEncoder(18, 4)
    with pytest.raises(ValueError, match="16"):
        model()(torch.rand(1, 3, 32, 32), generator(0))
    with pytest.raises(ValueError, match="ratio"):
        model()(pictures(), generator(0), 1.0)
