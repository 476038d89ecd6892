"""Transposed convolution: a table by hand, stamping, matrix and torch equal; the gradient of a convolution."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.ops.filters.convolution import output_size
from course_lib.segmentation.transposed import (
    bilinear_kernel,
    conv_transpose2d_matrix,
    conv_transpose2d_stamping,
    enlarge_bilinear,
    transposed_size,
)

from ..refusals import refused

WAYS = {"stamping": conv_transpose2d_stamping, "matrix": conv_transpose2d_matrix}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


@pytest.mark.parametrize("way", WAYS)
def test_two_by_two_and_three_by_three_give_four_by_four_by_hand(way):
    maps = torch.tensor([[1.0, 2.0], [0.0, -1.0]])[None, None]
    kernel = torch.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0], [1.0, 1.0, 1.0]])[None, None]
    wanted = [
        [1, 2, 2, 4],
        [0, 3 - 1, 6, -2],
        [1, 1 + 2, 1 + 2 - 3, 2],
        [0, -1, -1, -1],
    ]
    assert WAYS[way](maps, kernel)[0, 0].tolist() == wanted


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("h", "w"), [(3, 3), (2, 5), (1, 1), (4, 4)])
@pytest.mark.parametrize(
    ("stride", "padding", "extra"), [(1, 0, 0), (2, 0, 0), (2, 1, 0), (2, 1, 1), (3, 2, 2), (3, 0, 1)]
)
def test_both_ways_equal_torchs(device, dtype, close, way, h, w, stride, padding, extra):
    maps, weight = draw(2, 3, 4, 5).to(device, dtype), draw(3, 2, h, w, seed=1).to(device, dtype)
    if min((n - 1) * stride - 2 * padding + k + extra for n, k in ((4, h), (5, w))) < 1:
        pytest.skip("nothing is left")
    options = {"stride": stride, "padding": padding, "output_padding": extra}
    close(WAYS[way](maps, weight, **options), F.conv_transpose2d(maps, weight, **options))


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 1)])
def test_it_is_the_gradient_of_the_convolution_with_the_same_kernel(stride, padding):
    weight = draw(3, 2, 3, 3)  # of the convolution: 2 channels in, 3 out
    large = draw(1, 2, 10, 11, seed=1).requires_grad_()
    small = F.conv2d(large, weight, stride=stride, padding=padding)
    upstream = draw(*small.shape, seed=2)
    (wanted,) = torch.autograd.grad(small, large, upstream)
    extra = [
        n - transposed_size(m, 3, stride, padding=padding)
        for n, m in zip(large.shape[2:], small.shape[2:], strict=True)
    ]
    found = F.pad(conv_transpose2d_stamping(upstream, weight, stride), (0, max(extra[1], 0), 0, max(extra[0], 0)))
    rows, columns = large.shape[2:]
    torch.testing.assert_close(found[:, :, padding : padding + rows, padding : padding + columns], wanted)


@pytest.mark.parametrize("size", range(3, 12))
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (3, 2, 1), (4, 2, 1), (3, 3, 0)])
def test_output_padding_tells_sizes_apart_that_a_stride_rounds_to_the_same(size, kernel, stride, padding):
    small = output_size(size, kernel, stride, padding=padding)
    sizes = [transposed_size(small, kernel, stride, padding=padding, output_padding=k) for k in range(stride)]
    assert size in sizes


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
def test_bilinear_stamps_add_up_to_one_and_interpolate(device, dtype, close, factor):
    kernel = bilinear_kernel(factor, dtype, device)
    assert kernel.shape == (2 * factor - factor % 2,) * 2
    maps = draw(2, 3, 6, 5).to(device, dtype)
    found = enlarge_bilinear(maps, factor)
    wanted = F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
    assert found.shape == wanted.shape
    inner = (..., slice(factor, -factor), slice(factor, -factor))
    close(found[inner], wanted[inner], atol=1e-9)
    flat = enlarge_bilinear(torch.ones_like(maps), factor)
    close(flat[inner], torch.ones_like(flat[inner]), atol=1e-9)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_bad_input_is_refused(way):
    maps, weight = draw(1, 2, 3, 3), draw(2, 1, 3, 3)
    refused(lambda: way(maps[0], weight), "maps must be a floating-point tensor of shape")
    refused(lambda: way(maps, weight[:1]), "weight has C = 1 but maps has C = 2")
    refused(lambda: way(maps, weight.float()), "convert one with")
    refused(lambda: way(maps, weight, 0), "stride must be an integer of at least 1, not 0")
    refused(lambda: way(maps, weight, 2, output_padding=2), "output_padding must be below the stride of 2")
    refused(lambda: way(maps, weight, padding=3), "a padding of 3 cuts everything off: 5 pixels are stamped")
    refused(lambda: way(maps, weight, padding=-1), "padding must be an integer of at least 0")
    refused(lambda: bilinear_kernel(0), "factor must be an integer of at least 1")
