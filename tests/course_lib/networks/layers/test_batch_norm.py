"""Our batch normalisation beside torch's: outputs, gradients and running statistics over several batches."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.networks.layers import BatchNorm


@pytest.mark.parametrize(("peer", "shape"), [(nn.BatchNorm1d, (9, 5)), (nn.BatchNorm2d, (4, 5, 3, 6))])
def test_equals_torch_in_training_and_evaluation(peer, shape, device, dtype, close):
    ours, theirs = BatchNorm(5).to(device, dtype), peer(5).to(device, dtype)
    g = generator(0)
    start = {"weight": torch.randn(5, generator=g), "bias": torch.randn(5, generator=g)}
    for layer in (ours, theirs):
        layer.load_state_dict(start, strict=False)
    for _ in range(4):
        batch = (3 + 2 * torch.randn(shape, generator=g, dtype=torch.float64)).to(device, dtype)
        results = []
        for layer in (ours, theirs):
            x = batch.clone().requires_grad_()
            y = layer(x)
            gradients = torch.autograd.grad((y**3).sum(), [x, layer.weight, layer.bias])
            results.append([y, *gradients])
        for mine, wanted in zip(*results, strict=True):
            close(mine, wanted, rtol=1e-8, atol=1e-9)
    for (name, mine), wanted in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        close(mine.double(), wanted.double(), rtol=1e-10), name
    ours.eval(), theirs.eval()
    x = torch.randn(shape, generator=g, dtype=torch.float64).to(device, dtype)
    before = ours.running_mean.clone()
    close(ours(x), theirs(x), rtol=1e-10)
    close(ours(x[:1]), ours(x)[:1], rtol=1e-12)  # a sample's result does not depend on its company
    assert torch.equal(ours.running_mean, before)


def test_state_dictionaries_can_be_exchanged():
    theirs = nn.BatchNorm2d(3)
    BatchNorm(3).load_state_dict(theirs.state_dict())
    theirs.load_state_dict(BatchNorm(3).state_dict())


def test_scale_and_shift_of_the_input_do_not_matter_while_training():
    x = torch.randn(16, 4, generator=generator(1), dtype=torch.float64)
    layer = BatchNorm(4, eps=1e-12).double()
    torch.testing.assert_close(layer(100 * x - 7), layer(x), rtol=1e-7, atol=1e-7)


def test_bad_input():
    with pytest.raises(ValueError, match=r"x must be \(N, 3\) or \(B, 3, H, W\), not a .* shape \(2, 4\)"):
        BatchNorm(3)(torch.zeros(2, 4))
    with pytest.raises(ValueError, match="a batch of one value a feature has no variance"):
        BatchNorm(3)(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="features must be at least 1, not 0"):
        BatchNorm(0)
