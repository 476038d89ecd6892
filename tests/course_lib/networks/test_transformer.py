"""Layers and stacks equal torch's with copied weights, values and gradients, pre- and post-norm, with masks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.networks.attention import causal_mask, padding_mask
from course_lib.networks.transformer import (
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)

CHOICES = [(norm_first, activation) for norm_first in (False, True) for activation in ("relu", "gelu")]


def tokens(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def shaken(module: nn.Module) -> nn.Module:
    """All parameters moved, so that no bias is 0 and no norm's weight 1."""
    stream = generator(5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=stream)
    return module


def same(ours: nn.Module, theirs: nn.Module, device: torch.device, dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    ours.load_state_dict(shaken(theirs).state_dict(), strict=True)
    return ours.to(device, dtype), theirs.to(device, dtype)


def compare(close, ours: nn.Module, theirs: nn.Module, run_ours, run_theirs, *inputs: torch.Tensor) -> None:
    """Outputs, gradients of all inputs and of all parameters."""
    results = []
    for model, run in ((ours, run_ours), (theirs, run_theirs)):
        leaves = [value.clone().requires_grad_() for value in inputs]
        out = run(*leaves)
        (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype, device=out.device).view_as(out)).sum().backward()
        results.append({"out": out, **{str(i): leaf.grad for i, leaf in enumerate(leaves)},
                        **{name: p.grad for name, p in model.named_parameters()}})  # fmt: skip
    mine, reference = results
    assert mine.keys() == reference.keys()
    for name, value in mine.items():
        assert float(reference[name].detach().abs().max()) > 0, name
        close(value, reference[name], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("norm_first", "activation"), CHOICES)
def test_encoder_layer(device, dtype, close, norm_first, activation):
    options = {"dropout": 0.0, "activation": activation, "norm_first": norm_first}
    ours, theirs = same(TransformerEncoderLayer(12, 3, 20, **options),
                        nn.TransformerEncoderLayer(12, 3, 20, batch_first=True, **options), device, dtype)  # fmt: skip
    x = tokens(2, 6, 12).to(device, dtype)
    compare(close, ours, theirs, ours, theirs, x)
    seen = padding_mask(torch.tensor([6, 4], device=device), 6)
    past = causal_mask(6, device=device)
    compare(close, ours, theirs, lambda v: ours(v, seen, causal=True)[:, :4],
            lambda v: theirs(v, src_mask=~past, src_key_padding_mask=~seen[:, 0])[:, :4], x)  # fmt: skip


@pytest.mark.parametrize(("norm_first", "activation"), CHOICES)
def test_decoder_layer(device, dtype, close, norm_first, activation):
    options = {"dropout": 0.0, "activation": activation, "norm_first": norm_first}
    ours, theirs = same(TransformerDecoderLayer(12, 3, 20, **options),
                        nn.TransformerDecoderLayer(12, 3, 20, batch_first=True, **options), device, dtype)  # fmt: skip
    x, memory = tokens(2, 5, 12).to(device, dtype), tokens(2, 7, 12, seed=1).to(device, dtype)
    compare(close, ours, theirs, ours, theirs, x, memory)
    seen = padding_mask(torch.tensor([3, 7], device=device), 7)
    past = causal_mask(5, device=device)
    compare(close, ours, theirs, lambda v, m: ours(v, m, causal=True, memory_mask=seen),
            lambda v, m: theirs(v, m, tgt_mask=~past, memory_key_padding_mask=~seen[:, 0]), x, memory)  # fmt: skip


@pytest.mark.parametrize("norm_first", [False, True])
def test_stacks_equal_torchs(device, dtype, close, norm_first):
    options = {"dropout": 0.0, "norm_first": norm_first}
    for build, layer, stack, inputs in (
        (TransformerEncoder, nn.TransformerEncoderLayer, nn.TransformerEncoder, (tokens(2, 6, 12),)),
        (TransformerDecoder, nn.TransformerDecoderLayer, nn.TransformerDecoder,
         (tokens(2, 6, 12), tokens(2, 4, 12, seed=1))),
    ):  # fmt: skip
        one = layer(12, 3, 20, batch_first=True, **options)
        more = {"enable_nested_tensor": False} if build is TransformerEncoder else {}
        theirs = stack(one, 3, norm=nn.LayerNorm(12) if norm_first else None, **more)
        ours, theirs = same(build(3, 12, 3, hidden=20, **options), theirs, device, dtype)
        compare(close, ours, theirs, ours, theirs, *(value.to(device, dtype) for value in inputs))


def test_a_stack_starts_with_layers_that_differ():
    model = TransformerEncoder(2, 12, 3, hidden=20)
    assert not torch.equal(model.layers[0].linear1.weight, model.layers[1].linear1.weight)


@pytest.mark.parametrize("norm_first", [False, True])
def test_causal_means_that_later_tokens_change_nothing_before(norm_first):
    encoder = TransformerEncoder(2, 12, 3, hidden=20, norm_first=norm_first).double().eval()
    decoder = TransformerDecoder(2, 12, 3, hidden=20, norm_first=norm_first).double().eval()
    x, memory = tokens(1, 6, 12), tokens(1, 4, 12, seed=1)
    later = x.clone()
    later[:, 3:] += tokens(1, 3, 12, seed=2)  # a constant would be invisible behind a layer norm
    for run in (lambda v: encoder(v, causal=True), lambda v: decoder(v, memory, causal=True)):
        torch.testing.assert_close(run(x)[:, :3], run(later)[:, :3])
        assert float((run(x)[:, 3:] - run(later)[:, 3:]).detach().abs().amax(-1).min()) > 0.1
    assert float((encoder(x)[:, :3] - encoder(later)[:, :3]).detach().abs().max()) > 1e-3


def test_padding_changes_nothing_and_without_positions_order_does_not_matter():
    encoder = TransformerEncoder(2, 12, 3, hidden=20).double().eval()
    x = tokens(2, 6, 12)
    seen = padding_mask(torch.tensor([4, 4]), 6)
    torch.testing.assert_close(encoder(x, seen)[:, :4], encoder(x[:, :4]))
    order = torch.randperm(6, generator=generator(2))
    torch.testing.assert_close(encoder(x[:, order]), encoder(x)[:, order])


def test_dropout_acts_while_training_only():
    model = TransformerEncoderLayer(12, 3, 20, dropout=0.5).double()
    x = tokens(2, 6, 12)
    assert not torch.equal(model.train()(x), model(x))
    assert torch.equal(model.eval()(x), model(x))


def test_bad_input():
    with pytest.raises(ValueError, match="activation must be one of relu, gelu, not 'tanh'"):
        TransformerEncoderLayer(12, 3, 20, activation="tanh")
    with pytest.raises(ValueError, match="dimensions must be a multiple of heads"):
        TransformerEncoder(2, 10, 3, hidden=20)
    with pytest.raises(ValueError, match="query, key and value must be"):
        TransformerDecoderLayer(12, 3, 20)(torch.zeros(2, 5, 12), torch.zeros(7, 12))
