"""Patches in MAE's order, equal to its einsum and to torch's unfold; masking loses nothing; windows as in Swin."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.ops.patches import patchify, random_masking, unpatchify, window_partition, window_reverse


@pytest.mark.parametrize(("size", "height", "width"), [(4, 12, 20), (1, 3, 2), (6, 6, 6)])
def test_patches_equal_einsum_unfold_and_a_loop(device, size, height, width):
    images = torch.rand(2, 3, height, width, generator=generator(0)).to(device)
    ours = patchify(images, size)
    rows, columns = height // size, width // size
    mae = torch.einsum("nchpwq->nhwpqc", images.reshape(2, 3, rows, size, columns, size))
    assert torch.equal(ours, mae.reshape(2, rows * columns, size**2 * 3))
    unfolded = F.unfold(images, size, stride=size).mT  # (B, N, C * P * P)
    assert torch.equal(ours, unfolded.unflatten(2, (3, -1)).transpose(2, 3).flatten(2))
    for i in range(rows):
        for j in range(columns):
            cut = images[1, :, i * size : (i + 1) * size, j * size : (j + 1) * size]
            assert torch.equal(ours[1, i * columns + j], cut.permute(1, 2, 0).flatten())


def test_a_linear_layer_on_patches_is_the_strided_convolution():
    images = torch.rand(2, 3, 8, 12, generator=generator(1), dtype=torch.float64)
    weight = torch.randn(5, 3, 4, 4, generator=generator(2), dtype=torch.float64)
    wanted = F.conv2d(images, weight, stride=4).flatten(2).mT
    torch.testing.assert_close(patchify(images, 4) @ weight.permute(2, 3, 1, 0).flatten(0, 2), wanted)


def test_round_trip_and_gradient(device):
    images = torch.rand(2, 3, 8, 12, generator=generator(0)).to(device).requires_grad_()
    back = unpatchify(patchify(images, 4), 8, 12, size=4)
    assert torch.equal(back, images)
    weights = torch.rand(2, 3, 8, 12, generator=generator(1)).to(device)
    (back * weights).sum().backward()
    assert torch.equal(images.grad, weights)
    assert patchify(images[:0], 4).shape == (0, 6, 48)


def test_masking_hides_the_share_and_restores_the_order(device):
    tokens = torch.arange(2 * 20 * 3.0).view(2, 20, 3).to(device)
    stream = generator(0, device)
    visible, mask, restore = random_masking(tokens, 0.75, stream)
    assert visible.shape == (2, 5, 3)
    assert mask.dtype == torch.bool
    assert mask.sum(1).tolist() == [15, 15]
    filled = torch.cat([visible, torch.full((2, 15, 3), -1.0, device=device)], 1)
    filled = filled.gather(1, restore[..., None].expand(-1, -1, 3))
    assert torch.equal(filled, torch.where(mask[..., None], -1.0, tokens))
    assert not torch.equal(mask[0], mask[1])


def test_masking_without_hiding_is_a_permutation_and_each_token_is_hidden_equally_often():
    tokens = torch.rand(3000, 8, 1, generator=generator(0))
    visible, mask, restore = random_masking(tokens, 0.0, generator(1))
    assert not mask.any()
    assert torch.equal(visible.gather(1, restore[..., None]), tokens)
    _, mask, _ = random_masking(tokens, 0.5, generator(2))
    assert float((mask.float().mean(0) - 0.5).abs().max()) < 0.04  # four standard deviations
    again = random_masking(tokens, 0.5, generator(2))[1]
    assert torch.equal(mask, again)


def test_windows_equal_swins_and_round_trip(device):
    maps = torch.rand(2, 8, 12, 3, generator=generator(0)).to(device)
    windows = window_partition(maps, 4)
    swin = maps.view(2, 2, 4, 3, 4, 3).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, 4, 3)
    assert torch.equal(windows, swin)
    assert torch.equal(windows[1], maps[0, :4, 4:8])
    assert torch.equal(window_reverse(windows, 8, 12), maps)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: patchify(torch.zeros(1, 3, 10, 8), 4), r"H and W must be multiples of size = 4, .* not \(10, 8\)"),
        (lambda: patchify(torch.zeros(3, 8, 8), 4), r"images must be a tensor of shape \(B, C, H, W\)"),
        (lambda: unpatchify(torch.zeros(1, 5, 48), 8, 8, size=4), r"patches must have shape \(B, 4, P \* P \* C\)"),
        (lambda: unpatchify(torch.zeros(1, 4, 50), 8, 8, size=4), "a multiple of 16 numbers, not 50"),
        (lambda: random_masking(torch.zeros(1, 4, 2), 1.0), "ratio must be 0 to below 1 and leave one token of 4"),
        (lambda: random_masking(torch.zeros(1, 4, 2), 0.8), "leave one token of 4, not 0.8"),
        (lambda: random_masking(torch.zeros(4, 2), 0.5), r"tokens must be a tensor of shape \(B, N, D\)"),
        (lambda: window_partition(torch.zeros(1, 6, 6, 2), 4), "H and W must be multiples of size = 4"),
        (lambda: window_partition(torch.zeros(6, 6, 2), 3), r"maps must be a tensor of shape \(B, H, W, C\)"),
        (
            lambda: window_reverse(torch.zeros(4, 3, 2, 1), 6, 6),
            r"windows must be a tensor of shape \(B \* N, S, S, C\)",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
