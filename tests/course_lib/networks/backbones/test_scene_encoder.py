"""The encoder of scenes: its size, its maps, and that widened kernels keep the values that the strides would have."""

from __future__ import annotations

import pytest
import torch

from course_lib.architectures import layer_costs, parameter_count
from course_lib.core.seeding import generator
from course_lib.networks.backbones.scene_encoder import SceneEncoder, SceneNamer

from ...refusals import refused


def encoder(output_stride=32, seed=0):
    torch.manual_seed(seed)
    model = SceneEncoder(output_stride)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return model.double().eval()


def test_it_costs_what_a_small_encoder_may():
    model = SceneEncoder()
    costs = layer_costs(model.eval(), torch.zeros(1, 3, 64, 64))
    assert 20e6 < sum(cost.macs for cost in costs) < 40e6
    assert 2 * parameter_count(SceneNamer()) < 2 * 1024**2  # bytes in half precision


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_maps_have_the_widths_and_strides_that_it_names(output_stride):
    model = encoder(output_stride)
    maps = model(torch.rand(2, 3, 64, 96, generator=generator(0), dtype=torch.float64))
    for value, width, stride in zip(maps, model.widths, model.strides, strict=True):
        assert value.shape == (2, width, 64 // stride, 96 // stride)
    assert model.strides[-1] == output_stride


@pytest.mark.parametrize("output_stride", [8, 16])
def test_widened_kernels_keep_the_values_at_the_places_that_strides_keep(output_stride):
    plain, wide = encoder(32), encoder(output_stride)
    wide.load_state_dict(plain.state_dict())
    images = torch.rand(2, 3, 96, 64, generator=generator(0), dtype=torch.float64)
    for a, b, stride, fine in zip(plain(images), wide(images), plain.strides, wide.strides, strict=True):
        step = stride // fine
        torch.testing.assert_close(b[:, :, ::step, ::step], a, rtol=1e-9, atol=1e-12)


def test_the_namer_reads_the_largest_value_of_each_map_of_three_levels():
    torch.manual_seed(0)
    model = SceneNamer(7).eval()
    images = torch.rand(2, 3, 64, 64, generator=generator(0))
    maps = model.encoder(images)
    assert [value.shape[1] for value in maps[2:]] == [64, 96, 112]
    read = torch.cat([value.flatten(2).max(2).values for value in maps[2:]], dim=1)
    wanted = model.head(read / (1 + 1e-5) ** 0.5)  # a norm that has seen nothing yet
    torch.testing.assert_close(model(images), wanted)


def test_bad_input_is_refused():
    refused(lambda: SceneEncoder(4), "output_stride must be 8, 16 or 32, not 4")
    refused(lambda: SceneEncoder()(torch.zeros(1, 3, 48, 64)), "H and W must be multiples of 32")
    refused(lambda: SceneEncoder()(torch.zeros(1, 1, 64, 64)), "images must be a floating-point tensor")
    refused(lambda: SceneEncoder()(torch.zeros(1, 3, 64, 64).byte()), "images must be a floating-point tensor")
