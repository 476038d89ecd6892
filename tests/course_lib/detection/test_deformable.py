"""Deformable attention equals a slow loop of bilinear look-ups in values and gradients, and begins around its point."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.detection.deformable import DeformableAttention, multi_scale_sample
from course_lib.detection.deformable_detr import DeformableDETR
from course_lib.networks.backbones.scene_encoder import SceneEncoder

from ..refusals import refused


def bilinear(level: torch.Tensor, x: float, y: float) -> torch.Tensor:
    """One look-up in (E, height, width) at (x, y) in [0, 1]; 0 outside."""
    height, width = level.shape[1:]
    column, row = x * width - 0.5, y * height - 0.5
    total = torch.zeros(len(level), dtype=level.dtype)
    for i in (math.floor(row), math.floor(row) + 1):
        for j in (math.floor(column), math.floor(column) + 1):
            if 0 <= i < height and 0 <= j < width:
                total = total + level[:, i, j] * (1 - abs(row - i)) * (1 - abs(column - j))
    return total


def test_sampling_equals_a_slow_loop():
    stream = generator(0)
    values = [torch.randn(2, 3, 4, 5, 7, generator=stream, dtype=torch.float64, requires_grad=True),
              torch.randn(2, 3, 4, 2, 3, generator=stream, dtype=torch.float64, requires_grad=True)]  # fmt: skip
    places = 1.4 * torch.rand(2, 6, 3, 2, 4, 2, generator=stream, dtype=torch.float64) - 0.2  # some lie outside
    weights = torch.rand(2, 6, 3, 2, 4, generator=stream, dtype=torch.float64, requires_grad=True)
    found = multi_scale_sample(values, places, weights)
    wanted = torch.stack([torch.stack([torch.stack([
        sum(weights[b, n, h, k, p] * bilinear(values[k][b, h], *places[b, n, h, k, p].tolist())
            for k in range(2) for p in range(4))
        for h in range(3)]) for n in range(6)]) for b in range(2)])  # fmt: skip
    torch.testing.assert_close(found, wanted)
    mix = torch.randn(found.shape, generator=stream, dtype=torch.float64)
    mine, theirs = (torch.autograd.grad((part * mix).sum(), [*values, weights]) for part in (found, wanted))
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_the_places_have_the_gradient_of_bilinear_look_ups():
    stream = generator(1)
    values = [torch.randn(1, 1, 2, 6, 6, generator=stream, dtype=torch.float64)]
    places = (0.2 + 0.6 * torch.rand(1, 2, 1, 1, 3, 2, generator=stream, dtype=torch.float64)).requires_grad_()
    weights = torch.rand(1, 2, 1, 1, 3, generator=stream, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda where: multi_scale_sample(values, where, weights), places)


@pytest.mark.parametrize("kind", ["points", "boxes"])
def test_a_new_module_looks_in_a_ring_around_its_reference(kind):
    module = DeformableAttention(8, 4, 2, points=3).double()
    reference = torch.tensor([[[0.5, 0.25, 0.3, 0.12]]], dtype=torch.float64)
    sizes = [(8, 16), (4, 8)]
    query = torch.randn(1, 1, 8, generator=generator(0), dtype=torch.float64)
    places, weights = module.places_and_weights(query, reference[..., :2] if kind == "points" else reference, sizes)
    torch.testing.assert_close(weights, torch.full_like(weights, 1 / 6))
    offset = places[0, 0] - reference[0, 0, :2]  # (h, L, P, 2)
    step = torch.tensor([[1 / 16, 1 / 8], [1 / 8, 1 / 4]] if kind == "points" else [[0.05, 0.02]] * 2).double()
    directions = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]]).double()
    far = torch.arange(1.0, 4).double()
    wanted = directions[:, None, None] * far[:, None] * step[:, None]
    torch.testing.assert_close(offset, wanted, atol=1e-6, rtol=0)  # cosines are stored in float32
    if kind == "boxes":
        assert (offset.abs() <= reference[0, 0, 2:] / 2 + 1e-6).all(), "the ring stays within the box"


def test_the_module_is_projection_sampling_projection():
    torch.manual_seed(0)
    module = DeformableAttention(8, 2, 1, points=2)
    torch.nn.init.normal_(module.offsets.weight, std=0.5)
    torch.nn.init.normal_(module.weights.weight)
    query, maps = torch.randn(1, 3, 8), [torch.randn(1, 8, 5, 4)]
    reference = torch.rand(1, 3, 2)
    places, weights = module.places_and_weights(query, reference, [(5, 4)])
    projected = torch.einsum("bchw,dc->bdhw", maps[0], module.value.weight) + module.value.bias[:, None, None]
    wanted = torch.zeros(3, 8)
    for n in range(3):
        heads = [sum(weights[0, n, h, 0, p] * bilinear(projected[0, 4 * h : 4 * h + 4], *places[0, n, h, 0, p].tolist())
                     for p in range(2)) for h in range(2)]  # fmt: skip
        wanted[n] = module.output(torch.cat(heads))
    torch.testing.assert_close(module(query, reference, maps)[0], wanted, atol=1e-5, rtol=1e-4)


def test_each_layer_corrects_the_box_of_the_one_before_without_a_gradient_through_it():
    torch.manual_seed(0)
    model = DeformableDETR(SceneEncoder(), 3, queries=4).eval()
    images = torch.rand(1, 3, 64, 64, generator=generator(0))
    layers = model.layers(images)
    first = model.start.sigmoid()
    for _, boxes in layers:  # the heads begin with no correction at all
        torch.testing.assert_close(boxes[0], first)
    torch.nn.init.normal_(model.boxes[0][-1].weight)
    layers = model.layers(images)
    assert (layers[0][1] - first).abs().max() > 0.01
    torch.testing.assert_close(layers[1][1], layers[0][1])
    assert torch.autograd.grad(layers[0][1].sum(), model.start, retain_graph=True)[0].abs().sum() > 0
    through = torch.autograd.grad(layers[1][1].sum(), model.boxes[0][-1].bias, allow_unused=True)[0]
    assert through is None or (through == 0).all()


def test_bad_input_is_refused():
    refused(lambda: DeformableAttention(7, 2, 1), "multiple of heads")
    refused(lambda: DeformableDETR(SceneEncoder(), 3, queries=10), "square number")
    module = DeformableAttention(8, 2, 2)
    refused(lambda: module(torch.zeros(1, 3, 8), torch.zeros(1, 3, 2), [torch.zeros(1, 8, 4, 4)]), "not 1 and 2")
    refused(lambda: multi_scale_sample([torch.zeros(1, 2, 4, 3, 3)], torch.zeros(1, 5, 2, 2, 3, 2),
                                       torch.zeros(1, 5, 2, 2, 3)), "1 levels of values, but places for 2")  # fmt: skip
