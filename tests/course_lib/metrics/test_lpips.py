"""LPIPS equals the authors' package on the same backbone and linear weights, all of them random: nothing is fetched."""

from __future__ import annotations

import warnings

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.metrics import lpips, unit_length

theirs = pytest.importorskip("lpips")


@pytest.fixture(scope="module")
def pair():
    clean = photograph("coffee", 64)[None, :, :, :64]
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=generator(0))
    return torch.cat([noisy, clean.flip(3)]), torch.cat([clean, clean])


@pytest.mark.parametrize("net", ["alex", "squeeze"])
@pytest.mark.parametrize("linear", [True, False])
def test_equals_the_package(net, linear, pair, device):
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package calls torchvision in a way of its own time
        judge = theirs.LPIPS(pretrained=False, pnet_rand=True, net=net, lpips=linear, verbose=False).to(device)
    weights = None
    if linear:
        layers = [line.model[-1] for line in judge.lins]
        for layer in layers:
            layer.weight.data.abs_()
        weights = [layer.weight.data.flatten() for layer in layers]

    def features(images):
        return list(judge.net(judge.scaling_layer(2 * images - 1)))

    first, second = (part.to(device) for part in pair)
    with torch.no_grad():
        wanted = judge(first, second, normalize=True).flatten()
        found = lpips(features, first, second, weights=weights)
    assert float(wanted.min()) > 1e-3
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_zero_for_equal_pictures_symmetric_and_gradients_are_finite_at_dead_places(device, dtype):
    def features(images):
        return [torch.relu(images - 0.5), images.flip(1)]

    x, y = (torch.rand(2, 3, 6, 6, generator=generator(s)).to(device, dtype) for s in (0, 1))
    torch.testing.assert_close(lpips(features, x, x), torch.zeros(2, device=device, dtype=dtype))
    torch.testing.assert_close(lpips(features, x, y), lpips(features, y, x))
    dark = torch.zeros_like(x).requires_grad_()  # all features of the first layer are 0 there
    lpips(features, dark, y).sum().backward()
    assert torch.isfinite(dark.grad).all()


def test_the_length_over_channels_becomes_one(device, dtype):
    maps = torch.randn(2, 5, 3, 3, generator=generator(0)).to(device, dtype)
    torch.testing.assert_close(unit_length(maps).norm(dim=1), torch.ones(2, 3, 3, device=device, dtype=dtype))
    brighter = lpips(lambda images: [images], 3 * maps, maps)
    torch.testing.assert_close(brighter, torch.zeros_like(brighter), atol=1e-6, rtol=0)


def test_wrong_weights_and_shapes_are_refused():
    x = torch.rand(1, 3, 4, 4, generator=generator(0))
    with pytest.raises(ValueError, match=r"\[3\], not \[2\]"):
        lpips(lambda images: [images], x, x, weights=[torch.ones(2)])
    with pytest.raises(ValueError, match="references has H = 5"):
        lpips(lambda images: [images], x, torch.rand(1, 3, 5, 4))
    with pytest.raises(ValueError, match="weights must not be negative"):
        lpips(lambda images: [images], x, x, weights=[torch.tensor([1.0, -1, 1])])
