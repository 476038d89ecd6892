"""Borders equal numpy's and scipy's under scipy's names, also where the padding is longer than the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from course_lib.core.seeding import generator
from course_lib.ops.filters import MODES, filter2d, gaussian_filter, pad_image

NUMPY = {"constant": "constant", "nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}


def draw(*shape):
    return torch.randn(*shape, generator=generator(0), dtype=torch.float64)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
@pytest.mark.parametrize("amount", [(0, 0), (1, 2), (7, 11)])
def test_padding_equals_numpy(mode, size, amount, device, dtype, close):
    image = draw(*size)
    wanted = np.pad(image.numpy(), [(n, n) for n in amount], mode=NUMPY[mode])
    close(pad_image(image.to(device, dtype), *amount, border=mode), wanted)


@pytest.mark.parametrize("mode", MODES)
def test_filtering_equals_scipy_in_every_mode(mode, device, dtype, close):
    image, kernel = draw(2, 2, 6, 9), draw(5, 3)
    ours = filter2d(image.to(device, dtype), kernel.to(device, dtype), mode, value=0.7)
    wanted = [[ndimage.correlate(c.numpy(), kernel.numpy(), mode=mode, cval=0.7) for c in b] for b in image]
    close(ours, np.array(wanted), atol=1e-10)


@pytest.mark.parametrize("mode", MODES)
def test_a_wide_gaussian_equals_scipy_in_every_mode(mode, close):
    image = draw(1, 1, 7, 10)
    close(gaussian_filter(image, 3.0, mode)[0, 0], ndimage.gaussian_filter(image[0, 0].numpy(), 3.0, mode=mode))


def test_gradients_flow_back_to_the_copied_pixels():
    image = draw(1, 1, 3, 4).requires_grad_()
    for mode in MODES:
        assert torch.autograd.gradcheck(lambda a, mode=mode: pad_image(a, 4, 2, border=mode), (image,))
