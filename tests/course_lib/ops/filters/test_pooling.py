"""Pooling equals torch's, and stays the same under shifts inside its windows."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.ops.filters import average_pool, max_pool, min_pool


def draw(*shape):
    return torch.randn(*shape, generator=generator(0), dtype=torch.float64)


@pytest.mark.parametrize(("size", "stride"), [(2, None), (3, 2), (3, 1), (4, 5)])
def test_equals_torch(size, stride, device, dtype, close):
    image = draw(2, 3, 11, 14).to(device, dtype)
    close(average_pool(image, size, stride), F.avg_pool2d(image, size, stride))
    close(max_pool(image, size, stride), F.max_pool2d(image, size, stride))
    close(min_pool(image, size, stride), -F.max_pool2d(-image, size, stride))


def test_a_spot_may_move_inside_its_window_for_max_pooling_only():
    def spot(column):
        picture = torch.zeros(1, 1, 8, 8)
        picture[0, 0, 2, column] = 1
        return picture

    here, near, far = spot(0), spot(3), spot(4)
    assert torch.equal(max_pool(here, 4), max_pool(near, 4))
    assert not torch.equal(max_pool(here, 4), max_pool(far, 4))
    assert not torch.equal(max_pool(here, 2), max_pool(near, 2))


@pytest.mark.parametrize("pool", [average_pool, max_pool, min_pool])
def test_gradients_flow(pool):
    assert torch.autograd.gradcheck(lambda a: pool(a, 3, 2), (draw(1, 2, 5, 7).requires_grad_(),))
