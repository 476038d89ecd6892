"""U-Net: a block equals plain torch, conditions start silent, gradients reach everything, sizes are kept or refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.networks.attention import padding_mask
from course_lib.networks.unet import UNet
from course_lib.networks.unet_parts import ScaleShiftBlock, SpatialAttention, group_norm


def shaken(model: nn.Module) -> nn.Module:
    """All parameters moved, so that nothing is zero any more."""
    stream = generator(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=stream, dtype=parameter.dtype)
    return model


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def test_groups_are_never_single_channels():
    sizes = {channels: group_norm(channels).num_groups for channels in (3, 4, 8, 12, 16, 24, 32, 48, 64, 256)}
    assert sizes == {3: 1, 4: 1, 8: 2, 12: 2, 16: 4, 24: 4, 32: 8, 48: 8, 64: 8, 256: 8}


@pytest.mark.parametrize("condition", [None, 5])
@pytest.mark.parametrize("outputs", [16, 24])
def test_block_equals_plain_torch_in_value_and_gradient(device, dtype, close, outputs, condition):
    block = shaken(ScaleShiftBlock(16, outputs, condition=condition).to(dtype)).to(device)
    p = dict(block.named_parameters())

    def plain(x: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        h = F.silu(F.group_norm(x, 4, p["norm1.weight"], p["norm1.bias"]))
        h = F.conv2d(h, p["conv1.weight"], p["conv1.bias"], padding=1)
        h = F.group_norm(h, 4, p["norm2.weight"], p["norm2.bias"])
        if condition:
            orders = F.linear(F.silu(c), p["scale_shift.weight"], p["scale_shift.bias"])
            h = h * (1 + orders[:, :outputs, None, None]) + orders[:, outputs:, None, None]
        h = F.conv2d(F.silu(h), p["conv2.weight"], p["conv2.bias"], padding=1)
        return h + (x if outputs == 16 else F.conv2d(x, p["shortcut.weight"], p["shortcut.bias"]))

    results = []
    for function in (lambda x, c: block(x, c if condition else None), plain):
        x, c = noise(2, 16, 6, 5).to(device, dtype).requires_grad_(), noise(2, 5, seed=1).to(device, dtype)
        out = function(x, c)
        block.zero_grad()
        (out * noise(*out.shape, seed=2).to(device, dtype)).sum().backward()
        results.append([out, x.grad, *(value.grad.clone() for value in p.values())])
    for mine, reference in zip(*results, strict=True):
        close(mine, reference, rtol=1e-8, atol=1e-10)


def test_attention_equals_torchs_module_over_the_places():
    ours = shaken(SpatialAttention(8, 2).double())
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).double()
    theirs.load_state_dict(ours.self_attn.state_dict())
    x = noise(2, 8, 3, 4)
    tokens = F.group_norm(x, 2, ours.norm1.weight, ours.norm1.bias).flatten(2).mT
    wanted = x + theirs(tokens, tokens, tokens, need_weights=False)[0].mT.reshape(x.shape)
    torch.testing.assert_close(ours(x), wanted)


def full() -> UNet:
    return UNet(3, 2, 8, levels=2, condition=5, context=6, attention=2, heads=2, blocks=2).double()


@pytest.mark.parametrize(("height", "width"), [(8, 8), (12, 20), (4, 4)])
@pytest.mark.parametrize("options", [{}, {"attention": 1, "heads": 2}, {"condition": 5}, {"blocks": 3}])
def test_the_output_has_the_size_of_the_input(options, height, width):
    model = shaken(UNet(3, 2, 8, levels=2, **options).double())
    images, vector = noise(2, 3, height, width), noise(2, 5) if "condition" in options else None
    assert model(images, vector).shape == (2, 2, height, width)
    torch.testing.assert_close(model(images, vector)[:1], model(images[:1], None if vector is None else vector[:1]))


def test_the_first_answer_is_zero_and_the_first_step_moves_the_head_alone():
    model = full()
    out = model(noise(2, 3, 8, 8), noise(2, 5), context=noise(2, 4, 6))
    assert not out.any()
    (out - 1).square().sum().backward()
    moved = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert moved == {"head.2.weight", "head.2.bias"}


def test_gradient_reaches_every_parameter_and_input_once_nothing_is_zero():
    model = shaken(full())
    images, vector, words = (
        noise(2, 3, 8, 8).requires_grad_(),
        noise(2, 5).requires_grad_(),
        noise(2, 4, 6).requires_grad_(),
    )
    model(images, vector, context=words).square().sum().backward()
    for name, parameter in model.named_parameters():
        key_bias = name.endswith("in_proj_bias")  # the keys' third of it has gradient 0: it moves all scores alike
        assert parameter.grad is not None, name
        assert float((parameter.grad != 0).double().mean()) > (0.6 if key_bias else 0.99), name
    for leaf in (images, vector, words):
        assert bool((leaf.grad != 0).all())


def test_every_pixel_sees_every_other_by_way_of_the_middle():
    model = shaken(UNet(1, 1, 8, levels=2, attention=1, heads=2).double())
    images = noise(1, 1, 16, 16).requires_grad_()
    model(images)[0, 0, 0, 0].backward()
    assert bool((images.grad != 0).all())


def test_a_condition_whose_weights_are_zero_changes_nothing():
    plain = shaken(UNet(3, 2, 8, levels=2, attention=1, heads=2).double())
    told = UNet(3, 2, 8, levels=2, attention=1, heads=2, condition=5).double()
    missing, unexpected = told.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert missing
    assert all("scale_shift" in name for name in missing)
    images = noise(2, 3, 8, 8)
    for seed in (1, 2):
        assert torch.equal(told(images, 10 * noise(2, 5, seed=seed)), plain(images))
    shaken(told)
    assert not torch.allclose(told(images, noise(2, 5, seed=1)), told(images, noise(2, 5, seed=2)))


def test_each_picture_hears_its_own_condition_and_the_real_words_of_its_context():
    model = shaken(full())
    images, vectors, words = noise(1, 3, 8, 8).expand(2, 3, 8, 8), noise(2, 5, seed=1), noise(2, 4, 6, seed=2)
    both = model(images, vectors, context=words, context_mask=padding_mask(torch.tensor([2, 4]), 4))
    alone = model(images[:1], vectors[:1], context=words[:1, :2])
    torch.testing.assert_close(both[:1], alone)
    assert float((both[0] - both[1]).detach().abs().max()) > 1e-3


def test_it_learns_to_invert_a_picture_only_where_it_is_told_to():
    torch.manual_seed(0)
    model = UNet(1, 1, 8, levels=1, condition=1)
    images = torch.rand(8, 1, 8, 8, generator=generator(0)) - 0.5
    told = torch.tensor([1.0, -1.0]).repeat(4)[:, None]
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(120):
        optimiser.zero_grad()
        loss = (model(images, told) - told[:, :, None, None] * images).square().mean()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.1 * float(images.square().mean())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: UNet(3, 2, 8, levels=2)(torch.zeros(1, 3, 10, 12)), r"H and W must be multiples of 4, not \(10, 12\)"),
        (
            lambda: UNet(3, 2, 8)(torch.zeros(1, 1, 8, 8)),
            r"images must be a floating-point tensor of shape \(B, 3, H, W\)",
        ),
        (lambda: UNet(3, 2, 8)(torch.zeros(1, 3, 8, 8), torch.zeros(1, 5)), "this network takes no condition"),
        (lambda: UNet(3, 2, 8, condition=5)(torch.zeros(2, 3, 8, 8)), r"condition must have shape \(2, 5\), not None"),
        (
            lambda: UNet(3, 2, 8, condition=5)(torch.zeros(2, 3, 8, 8), torch.zeros(1, 5)),
            r"condition must have shape \(2, 5\), not \(1, 5\)",
        ),
        (
            lambda: UNet(3, 2, 8, context=6, attention=1)(torch.zeros(2, 3, 8, 8), context=torch.zeros(2, 6)),
            r"context must have shape \(2, M, 6\), not \(2, 6\)",
        ),
        (lambda: UNet(3, 2, 8, context=6), "a context is read by attention"),
        (
            lambda: UNet(3, 2, 8, levels=2, attention=4),
            r"attention 0 to levels \+ 1, not levels=2, blocks=1, attention=4",
        ),
        (lambda: UNet(3, 2, 8, levels=0, attention=1, heads=3), "dimensions must be a multiple of heads, not 8 and 3"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
