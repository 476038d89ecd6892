"""Learned filters are found exactly; an encoder-decoder gives every pixel an answer and uses its skips."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from course_lib.architectures import fit_filter, measured_receptive_field, parameter_count
from course_lib.core.seeding import generator
from course_lib.networks.encoder_decoder import EncoderDecoder
from course_lib.ops.filters import sobel_kernels


@pytest.mark.parametrize("size", [3, 5])
def test_sobel_is_recovered(size: int):
    picture = torch.rand(2, 1, 20, 24, generator=generator(0), dtype=torch.float64)
    wanted = torch.zeros(size, size, dtype=torch.float64)
    edge = (size - 3) // 2
    wanted[edge : size - edge, edge : size - edge] = sobel_kernels(torch.float64)[0]
    filtered = F.conv2d(picture, wanted[None, None])
    torch.testing.assert_close(fit_filter(picture, filtered, size), wanted, rtol=0, atol=1e-10)


def test_a_picture_that_says_nothing_gives_the_shortest_solution():
    flat = torch.full((1, 1, 9, 9), 0.5, dtype=torch.float64)
    kernel = fit_filter(flat, torch.full((1, 1, 7, 7), 1.0, dtype=torch.float64), 3)
    torch.testing.assert_close(kernel, torch.full((3, 3), 2 / 9, dtype=torch.float64))


def test_filter_errors_speak():
    with pytest.raises(ValueError, match=r"filtered must have shape \(1, 1, 6, 6\), not \(1, 1, 8, 8\)"):
        fit_filter(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8), 3)
    with pytest.raises(ValueError, match="9 weights need at least as many windows, not 4"):
        fit_filter(torch.rand(1, 1, 4, 4), torch.rand(1, 1, 2, 2), 3)


@pytest.mark.parametrize("skips", [True, False])
def test_encoder_decoder_keeps_the_size_and_sees_far(skips: bool):
    torch.manual_seed(0)
    model = EncoderDecoder(1, 2, width=4, levels=2, skips=skips).eval()
    assert not model(torch.rand(1, 1, 8, 8, generator=generator(0))).any()
    torch.nn.init.ones_(model.head.weight)
    image = torch.rand(1, 1, 48, 64, generator=generator(0))
    assert model(image).shape == (1, 2, 48, 64)
    height, _ = measured_receptive_field(model, image)
    assert height > 20


def test_without_skips_the_fine_maps_reach_the_output_only_through_the_middle():
    torch.manual_seed(0)
    image = torch.rand(1, 1, 16, 16, generator=generator(0))
    for skips in (True, False):
        model = EncoderDecoder(1, 1, width=4, levels=2, skips=skips).eval()
        torch.nn.init.ones_(model.head.weight)
        with torch.no_grad():
            model.encoder[-1][-2].weight.zero_()  # the middle says nothing any more
            model.encoder[-1][-2].bias.zero_()
        changed = bool((model(image) - model(1 - image)).abs().max() > 1e-6)
        assert changed == skips
    assert parameter_count(EncoderDecoder(1, 1, 4, levels=2)) > parameter_count(
        EncoderDecoder(1, 1, 4, levels=2, skips=False)
    )


def test_encoder_decoder_errors_speak():
    with pytest.raises(ValueError, match=r"H and W must be multiples of 4, not \(10, 12\); pad or crop them"):
        EncoderDecoder(1, 1, 4, levels=2)(torch.rand(1, 1, 10, 12))
    with pytest.raises(ValueError, match=r"images must be a floating-point tensor of shape \(B, 1, H, W\)"):
        EncoderDecoder(1, 1, 4, levels=2)(torch.rand(1, 3, 12, 12))
