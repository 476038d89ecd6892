"""Attention equals torch's function and module in values and gradients, with masks; hidden rows give zeros, not NaN."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.networks.attention import (
    MultiHeadAttention,
    attention_weights,
    causal_mask,
    padding_mask,
    scaled_dot_product_attention,
)


def tokens(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def some_mask(*shape: int) -> torch.Tensor:
    mask = torch.rand(*shape, generator=generator(7)) > 0.4
    mask[..., 0] = True  # every query may look at something
    return mask


MASKS = {
    "none": {}, "causal": {"causal": True}, "mask": {"mask": some_mask(5, 7)}, "batch": {"mask": some_mask(2, 1, 5, 7)},
    "both": {"mask": some_mask(5, 7), "causal": True},
}  # fmt: skip


@pytest.mark.parametrize("kind", MASKS)
def test_function_equals_torch_in_value_and_gradient(device, dtype, close, kind):
    options = {name: value.to(device) if torch.is_tensor(value) else value for name, value in MASKS[kind].items()}
    inputs = [tokens(2, 3, 5, 4), tokens(2, 3, 7, 4, seed=1), tokens(2, 3, 7, 6, seed=2)]
    weights = tokens(2, 3, 5, 6, seed=3).to(device, dtype)
    mask = options.get("mask")
    if kind == "both":
        mask, causal = mask & causal_mask(5, 7, device=device), False
    else:
        causal = options.get("causal", False)
    results = []
    for function in (
        lambda q, k, v: scaled_dot_product_attention(q, k, v, **options),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal),
    ):
        leaves = [value.to(device, dtype).requires_grad_() for value in inputs]
        out = function(*leaves)
        (out * weights).sum().backward()
        results.append([out, *(leaf.grad for leaf in leaves)])
    for mine, theirs in zip(*results, strict=True):
        close(mine, theirs, rtol=1e-9, atol=1e-12)


def test_a_loop_over_queries():
    q, k, v = tokens(5, 4), tokens(7, 4, seed=1), tokens(7, 3, seed=2)
    for n in range(5):
        score = torch.stack([(q[n] * k[m]).sum() / 2 for m in range(7)]).exp()
        wanted = sum(score[m] / score.sum() * v[m] for m in range(7))
        torch.testing.assert_close(scaled_dot_product_attention(q, k, v)[n], wanted)


def test_rows_that_hide_everything_give_zeros_and_no_gradient():
    q, k, v = (tokens(2, 4, 3, seed=s).requires_grad_() for s in range(3))
    mask = some_mask(4, 4)
    mask[2] = False
    weights = attention_weights(q, k, mask=mask)
    torch.testing.assert_close(weights.sum(-1), mask.any(-1).double().expand(2, 4))
    assert not weights[:, 2].any()
    out = scaled_dot_product_attention(q, k, v, mask=mask)
    assert not out[:, 2].any()
    out.square().sum().backward()
    for leaf in (q, k, v):
        assert torch.isfinite(leaf.grad).all()
    assert not q.grad[:, 2].any()


def test_weights_are_a_distribution_over_what_may_be_seen():
    weights = attention_weights(tokens(2, 6, 8), tokens(2, 6, 8, seed=1), causal=True)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 6, dtype=torch.float64))
    assert float(weights.min()) >= 0
    assert not weights.masked_select(~causal_mask(6)).any()


def test_the_order_of_keys_does_not_matter_and_that_of_queries_is_kept():
    q, k, v = tokens(5, 4), tokens(7, 4, seed=1), tokens(7, 3, seed=2)
    order = torch.randperm(7, generator=generator(3))
    out = scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(scaled_dot_product_attention(q, k[order], v[order]), out)
    torch.testing.assert_close(scaled_dot_product_attention(q[order[:5] % 5], k, v), out[order[:5] % 5])


def test_masks_of_the_helpers(device):
    assert causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert causal_mask(2, 3).tolist() == [[True, False, False], [True, True, False]]
    padding = padding_mask(torch.tensor([2, 0, 3], device=device), 3)
    assert padding.device.type == device.type
    assert padding.tolist() == [[[True, True, False]], [[False] * 3], [[True] * 3]]
    assert (causal_mask(3, device=device) & padding).shape == (3, 3, 3)


def pair(dtype: torch.dtype, device: torch.device, **sizes: int) -> tuple[MultiHeadAttention, nn.MultiheadAttention]:
    theirs = nn.MultiheadAttention(12, 3, batch_first=True, **sizes)
    nn.init.normal_(theirs.in_proj_bias, generator=generator(1))
    nn.init.normal_(theirs.out_proj.bias, generator=generator(2))
    ours = MultiHeadAttention(12, 3, **sizes)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours.to(device, dtype), theirs.to(device, dtype)


@pytest.mark.parametrize("kind", ["self", "cross", "sizes", "causal", "padding", "heads"])
def test_module_equals_torch_in_value_weights_and_gradients(device, dtype, close, kind):
    sizes = {"kdim": 10, "vdim": 8} if kind == "sizes" else {}
    ours, theirs = pair(dtype, device, **sizes)
    query = tokens(2, 5, 12).to(device, dtype)
    key = query if kind in ("self", "causal") else tokens(2, 7, sizes.get("kdim", 12), seed=1).to(device, dtype)
    value = tokens(2, 7, sizes.get("vdim", 12), seed=2).to(device, dtype) if kind == "sizes" else key
    options, other = {}, {}
    if kind == "causal":
        options, other = {"causal": True}, {"attn_mask": ~causal_mask(5, device=device)}
    if kind == "padding":
        seen = padding_mask(torch.tensor([7, 4], device=device), 7)
        options, other = {"mask": seen}, {"key_padding_mask": ~seen[:, 0]}
    if kind == "heads":
        seen = some_mask(2, 3, 5, 7).to(device)
        options, other = {"mask": seen}, {"attn_mask": ~seen.flatten(0, 1)}
    a, mine = ours.with_weights(query, key, value, **options)
    b, reference = theirs(query, key, value, average_attn_weights=False, **other)
    close(a, b, rtol=1e-9, atol=1e-12)
    close(mine, reference, rtol=1e-9, atol=1e-12)
    close(ours(query, key, value, **options), b, rtol=1e-9, atol=1e-12)
    for out in (a, b):
        (out * torch.linspace(-1, 1, out.numel(), dtype=dtype, device=device).view_as(out)).sum().backward()
    for (name, p), (other_name, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == other_name
        close(p.grad, q.grad, rtol=1e-8, atol=1e-10)


def test_leaving_out_key_and_value_is_self_attention():
    ours, _ = pair(torch.float64, torch.device("cpu"))
    x, y = tokens(2, 5, 12), tokens(2, 7, 12, seed=1)
    torch.testing.assert_close(ours(x), ours(x, x, x))
    torch.testing.assert_close(ours(x, y), ours(x, y, y))


def test_a_sequence_without_tokens_answers_with_the_bias_alone():
    ours, _ = pair(torch.float64, torch.device("cpu"))
    out = ours(tokens(2, 5, 12), mask=padding_mask(torch.tensor([5, 0]), 5))
    torch.testing.assert_close(out[1], ours.out_proj.bias.expand(5, 12))
    assert torch.isfinite(out).all()


def test_dropout_acts_while_training_only():
    model = MultiHeadAttention(12, 3, dropout=0.5)
    x = tokens(2, 5, 12).float()
    assert not torch.equal(model.train()(x), model(x))
    assert torch.equal(model.eval()(x), model(x))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: attention_weights(tokens(5, 4), tokens(7, 3)), r"\(\.\.\., N, E\) and .* not \(5, 4\) and \(7, 3\)"),
        (lambda: attention_weights(tokens(5, 4), tokens(7, 4), mask=torch.zeros(5, 7)), "mask must be a bool tensor"),
        (lambda: scaled_dot_product_attention(tokens(5, 4), tokens(7, 4), tokens(6, 4)), "one number M of rows"),
        (lambda: MultiHeadAttention(10, 3), "dimensions must be a multiple of heads, not 10 and 3"),
        (lambda: MultiHeadAttention(12, 3)(torch.zeros(5, 12)), r"query, key and value must be .* not \(5, 12\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
