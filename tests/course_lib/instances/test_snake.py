"""Deep Snake: the convolution on a ring, what it does to a turned numbering, and that it can learn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.instances.contours import extreme_points, mask_contour
from course_lib.instances.snake import (
    ContourConvolution,
    DeepSnake,
    SnakeNetwork,
    circular_convolution,
    sample_vertices,
)
from course_lib.optim import Adam


class Pixels(nn.Module):
    """The picture, shrunk, as features."""

    width = 3

    def forward(self, images):
        return [nn.functional.avg_pool2d(images, 4)]


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (5, 3), (9, 2)])
def test_circular_convolution_is_torch_s_and_the_formula(kernel, dilation):
    x = torch.randn(2, 3, 12, generator=generator(0), dtype=torch.float64)
    reach = kernel // 2 * dilation
    layer = nn.Conv1d(3, 4, kernel, dilation=dilation, padding=reach, padding_mode="circular").double()
    ours = circular_convolution(x, layer.weight, layer.bias, dilation=dilation)
    assert torch.allclose(ours, layer(x), atol=1e-12)
    by_hand = layer.bias[None, :, None] + sum(
        torch.einsum("dc,ncv->ndv", layer.weight[:, :, tap], x.roll(reach - tap * dilation, 2)) for tap in range(kernel)
    )
    assert torch.allclose(ours, by_hand, atol=1e-12)


def randomised(network):
    for parameter in network.last.parameters():
        nn.init.normal_(parameter, std=0.3)  # offsets begin as zeros
    return network


@pytest.mark.parametrize("border", ["circular", "zeros"])
def test_only_circles_do_not_care_where_the_numbering_begins(border):
    torch.manual_seed(0)
    network = randomised(SnakeNetwork(6, 16, border=border)).double().eval()
    x = torch.randn(3, 6, 48, dtype=torch.float64)
    gap = max((network(x.roll(k, 2)) - network(x).roll(k, 2)).abs().max() for k in (1, 7, 24))
    assert (gap < 1e-10) if border == "circular" else (gap > 1e-3)


def test_with_kernel_one_vertices_share_only_the_largest_values():
    torch.manual_seed(0)
    network = randomised(SnakeNetwork(6, 16, 1)).eval()
    x, order = torch.randn(1, 6, 48), torch.randperm(48)
    assert torch.allclose(network(x)[..., order], network(x[..., order]), atol=1e-5)


def test_features_at_vertices_are_bilinear():
    ramp = torch.arange(16.0).view(1, 1, 1, 16).expand(2, 1, 16, 16) * 4 + 2  # the x of each place's middle
    points = torch.tensor([[[10.0, 20], [33.3, 7]], [[50, 50], [2, 2]]])
    found = sample_vertices(ramp, points, torch.tensor([1, 0]), stride=4)
    assert torch.allclose(found[:, 0], points[..., 0], atol=1e-4)


def test_an_untrained_snake_stands_still_in_its_box():
    model = DeepSnake(Pixels(), 16).eval()
    boxes = torch.tensor([[8.0, 8, 40, 56], [20, 30, 50, 60]])
    stages = model(torch.rand(2, 3, 64, 64), [boxes[:1], boxes[1:]])
    assert [len(answer) for answer in stages] == [5, 5]
    extremes, octagon, *moved = stages[1]
    assert torch.allclose(extremes[0], torch.tensor([[35.0, 30], [50, 45], [35, 60], [20, 45]]))
    assert all(torch.allclose(contour, octagon) for contour in moved)


def test_it_learns_to_round_octagons_off():
    stream = generator(1)
    corner = torch.randint(6, 26, (8, 2), generator=stream)
    boxes = torch.cat([corner, corner + torch.randint(14, 32, (8, 2), generator=stream)], 1).float()
    y, x = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    away = [torch.stack([x, y], -1).sub(m).div(h).square().sum(-1) for m, h in zip(middle, half, strict=True)]
    masks = torch.stack(away) < 1  # ellipses
    truth = torch.stack([mask_contour(mask, 64) for mask in masks])
    extremes = torch.stack([extreme_points(line) for line in truth])
    images = masks[:, None].float().expand(-1, 3, -1, -1)
    torch.manual_seed(0)
    model, owner = DeepSnake(Pixels(), 16, 2, width=8, kernel=3), torch.arange(8)

    def loss(_, stream):
        maps = model.neck(images)[0]
        return torch.stack(list(model.losses(maps, boxes, owner, truth=truth, extremes=extremes).values())).sum()

    untrained = float(loss(None, None).detach())
    history = fit(model, loss, Adam(model.parameters(), 5e-3), samples=30, epochs=3, batch=1, generator=generator(0))
    assert history.loss[-1] < 0.3 * untrained


def test_bad_input():
    with pytest.raises(ValueError, match="border"):
        ContourConvolution(3, 3, 3, border="reflect")
    with pytest.raises(ValueError, match="reach"):
        circular_convolution(torch.rand(1, 1, 4), torch.rand(1, 1, 5), dilation=3)
    with pytest.raises(ValueError, match="odd"):
        circular_convolution(torch.rand(1, 1, 4), torch.rand(1, 1, 2))
    with pytest.raises(ValueError, match="boxes"):
        DeepSnake(Pixels(), 16).stages(torch.rand(1, 3, 16, 16), torch.rand(2, 3), torch.zeros(2, dtype=torch.int64))
