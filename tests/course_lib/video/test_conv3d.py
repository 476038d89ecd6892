"""3-D convolution equals torch's, slides with time, and differs from 2-D over stacked frames in just that."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.video.conv3d import conv3d


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("stride", "padding"), [((1, 1, 1), (0, 0, 0)), ((2, 1, 3), (1, 2, 0)), ((1, 2, 2), (1, 1, 1))]
)
def test_value_and_gradient_equal_torch(stride, padding):
    x, weight, bias = drawn(2, 3, 6, 9, 8), drawn(4, 3, 3, 2, 3, seed=1), drawn(4, seed=2)
    ours = [t.clone().requires_grad_() for t in (x, weight, bias)]
    theirs = [t.clone().requires_grad_() for t in (x, weight, bias)]
    y = conv3d(*ours, stride=stride, padding=padding)
    z = F.conv3d(*theirs, stride=stride, padding=padding)
    torch.testing.assert_close(y, z)
    y.square().sum().backward()
    z.square().sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_a_clip_that_starts_later_gives_the_answer_later():
    film, weight = drawn(1, 3, 9, 8, 8), drawn(2, 3, 3, 3, 3, seed=1)
    torch.testing.assert_close(conv3d(film[:, :, 1:], weight), conv3d(film, weight)[:, :, 1:])


def test_over_stacked_frames_a_two_dimensional_kernel_cannot_slide():
    film, weight = drawn(1, 3, 9, 8, 8), drawn(2, 3, 8, 3, 3, seed=1)  # K_t = T = 8
    stacked = [F.conv2d(film[:, :, t : t + 8].flatten(1, 2), weight.flatten(1, 2)) for t in (0, 1)]
    torch.testing.assert_close(stacked[0], conv3d(film[:, :, :8], weight)[:, :, 0])
    assert (stacked[0] - stacked[1]).abs().mean() > 1


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [((1, 3, 2, 8, 8), {}, "does not fit"), ((1, 3, 4, 8, 8), {"stride": (0, 1, 1)}, "stride must be at least 1"),
     ((1, 2, 4, 8, 8), {}, "C")],
)  # fmt: skip
def test_bad_input_is_named(shape, options, message):
    with pytest.raises(ValueError, match=message):
        conv3d(torch.zeros(shape), torch.zeros(2, 3, 3, 3, 3), **options)
