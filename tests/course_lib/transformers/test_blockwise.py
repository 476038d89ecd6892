"""Attention in blocks is attention: values, gradients, huge scores; windows are a band of the mask."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.networks.attention import scaled_dot_product_attention
from course_lib.transformers.blockwise import blockwise_attention, windowed_attention

from ..refusals import refused


def inputs(device, dtype, queries=13, keys=17):
    shapes = ((2, 3, queries, 4), (2, 3, keys, 4), (2, 3, keys, 5))
    return [torch.randn(s, generator=generator(k), dtype=torch.float64).to(device, dtype).requires_grad_()
            for k, s in enumerate(shapes)]  # fmt: skip


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("block", [1, 4, 13, 50])
def test_blocks_change_nothing(device, dtype, close, block, causal):
    tensors = inputs(device, dtype)
    ours, wanted = (f(*tensors, causal=causal, **more) for f, more in (
        (blockwise_attention, {"block": block}), (scaled_dot_product_attention, {})))  # fmt: skip
    close(ours, wanted)
    weights = torch.randn(ours.shape, generator=generator(9), dtype=torch.float64).to(device, dtype)
    found, reference = (torch.autograd.grad((out * weights).sum(), tensors) for out in (ours, wanted))
    for a, b in zip(found, reference, strict=True):
        close(a, b)


def test_scores_that_would_overflow_are_no_trouble():
    query, key, value = (x.detach() for x in inputs("cpu", torch.float32))
    found = blockwise_attention(1e3 * query, key, value, block=4)
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found, scaled_dot_product_attention(1e3 * query, key, value), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("window", [0, 2, 40])
def test_a_window_is_a_band_of_the_mask(device, dtype, close, window):
    tensors = inputs(device, dtype, 17, 17)
    places = torch.arange(17, device=device)
    mask = (places[:, None] - places).abs() <= window
    ours, wanted = windowed_attention(*tensors, window=window), scaled_dot_product_attention(*tensors, mask=mask)
    close(ours, wanted)
    found, reference = (torch.autograd.grad(out.square().sum(), tensors) for out in (ours, wanted))
    for a, b in zip(found, reference, strict=True):
        close(a, b)


def test_bad_shapes_are_refused():
    query, key, value = (x.detach() for x in inputs("cpu", torch.float32))
    refused(lambda: blockwise_attention(query, key[..., :3], value), "must be")
    refused(lambda: blockwise_attention(query, key[..., :0, :], value[..., :0, :]), "must be")
    refused(lambda: blockwise_attention(query, key, value, block=0), "block")
    refused(lambda: windowed_attention(query, key, value, window=2), "as many keys")
