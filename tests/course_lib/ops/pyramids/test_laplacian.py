"""The Laplacian pyramid gives the picture back, and blends without a seam."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.ops.pyramids import blend, gaussian_pyramid, laplacian_collapse, laplacian_pyramid, pyramid_expand


@pytest.mark.parametrize("size", [(64, 96), (61, 87), (2, 2), (1, 9)])
def test_perfect_reconstruction(size, device, dtype, close):
    image = torch.randn(2, 3, *size, generator=generator(0), dtype=torch.float64).to(device, dtype)
    levels = 1 + (min(size) - 1).bit_length()
    close(laplacian_collapse(laplacian_pyramid(image, levels)), image, atol=1e-12)


def test_reconstruction_of_a_photograph_in_float32():
    picture = photograph("china", 150)[None]
    assert float((laplacian_collapse(laplacian_pyramid(picture, 6)) - picture).abs().max()) < 1e-6


def test_bands_are_differences_of_gaussian_levels_and_mostly_small(close):
    picture = photograph("chelsea", 96).double()[None]
    steps, bands = gaussian_pyramid(picture, 4), laplacian_pyramid(picture, 4)
    for l in range(3):
        close(bands[l] + pyramid_expand(steps[l + 1], tuple(steps[l].shape[2:])), steps[l])
        assert abs(float(bands[l].mean())) < 0.005
        assert float(bands[l].std()) < float(steps[l].std()) / 2
    close(bands[3], steps[3])


def test_blending_keeps_both_sides_and_has_no_step_in_between():
    left, right = torch.full((1, 1, 64, 64), 0.2).double(), torch.full((1, 1, 64, 64), 0.8).double()
    mask = torch.zeros(1, 1, 64, 64, dtype=torch.float64)
    mask[..., :32] = 1
    steps = {levels: blend(left, right, mask, levels=levels)[0, 0, 32].diff().abs().max() for levels in (1, 3, 5)}
    assert float(steps[1]) == pytest.approx(0.6)
    assert float(steps[5]) < float(steps[3]) < 0.15
    joined = blend(left, right, mask, levels=3)[0, 0, 32]
    assert float(joined[2]) == pytest.approx(0.2, abs=1e-3)
    assert float(joined[-3]) == pytest.approx(0.8, abs=1e-3)


def test_blending_with_itself_or_a_full_mask_changes_nothing(close):
    a, b = photograph("coffee", 60).double()[None], photograph("rocket", 60).double()[None, :, :, :90]
    mask = torch.rand(1, 1, 60, 90, generator=generator(0), dtype=torch.float64)
    close(blend(b, b, mask, levels=4), b)
    close(blend(a, b, torch.ones_like(mask), levels=4), a)
    close(blend(a, b, torch.zeros_like(mask), levels=4), b)


def test_gradients_flow():
    image = torch.randn(1, 1, 5, 6, generator=generator(0), dtype=torch.float64).requires_grad_()
    mask = torch.full((1, 1, 5, 6), 0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, m: blend(a, a * 2, m, levels=2), (image, mask))


def test_a_mask_of_fine_stripes_counts_half_on_coarse_levels():
    """The mask is blurred before its pixels are dropped: otherwise one picture would win all coarse levels."""
    stripes = ((torch.arange(64) + 1) % 2).double().expand(1, 1, 64, 64)
    one, zero = torch.ones(1, 1, 64, 64, dtype=torch.float64), torch.zeros(1, 1, 64, 64, dtype=torch.float64)
    assert float((blend(one, zero, stripes, levels=4) - 0.5).abs().max()) < 1e-9
