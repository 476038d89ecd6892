"""The numbers of a stack at full resolution: 2 n + 1 by gradients, 100 layers for 200 pixels, 122 MB and 238 GB."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.architectures import measured_receptive_field
from course_lib.segmentation.stacking import GIGABYTE, MEGABYTE, activation_bytes, layers_to_see, stack

from ..refusals import refused


def positive(model: nn.Module) -> nn.Module:
    """The same chain with weights above 0, so that no path cancels another."""
    for p in model.parameters():
        nn.init.constant_(p, 0.5)
    return model.double()


@pytest.mark.parametrize(("layers", "kernel"), [(1, 3), (2, 3), (5, 3), (3, 5), (2, 7)])
def test_n_layers_see_what_the_formula_says(layers, kernel):
    seen = layers * (kernel - 1) + 1
    model = positive(stack(layers, kernel=kernel))
    image = torch.rand(1, 1, seen + 6, seen + 8, dtype=torch.float64)
    assert measured_receptive_field(model, image) == (seen, seen)
    assert model(image).shape == image.shape
    assert layers_to_see(seen, kernel) == layers
    assert layers_to_see(seen + 1, kernel) == layers + 1


def test_a_hundred_layers_for_two_hundred_pixels():
    assert layers_to_see(200) == 100
    assert layers_to_see(1) == 0


def test_the_memory_of_a_stack():
    assert activation_bytes(200, 400) / MEGABYTE == pytest.approx(122, abs=0.5)
    whole = activation_bytes(200, (400, 400), layers=layers_to_see(200), batch=20)
    assert whole / GIGABYTE == pytest.approx(238, abs=0.5)


def test_it_is_what_tensors_take():
    model, total = stack(3, 4), 0
    x = torch.rand(2, 4, 9, 7)
    for layer in model:
        x = layer(x)
        total += x.numel() * x.element_size()
    assert activation_bytes(4, (9, 7), layers=3, batch=2) == total
    assert activation_bytes(4, (9, 7), layers=3, batch=2, each=2) == total // 2


def test_bad_input_is_refused():
    refused(lambda: layers_to_see(0), "side must be a finite number above 0")
    refused(lambda: layers_to_see(9, 4), "kernel must be odd and at least 3, not 4")
    refused(lambda: activation_bytes(0, 4), "channels must be a finite number above 0, not 0")
    refused(lambda: activation_bytes(4, (0, 4)), "height must be a finite number above 0")
    refused(lambda: stack(2, kernel=4), "kernel must be odd, not 4")
