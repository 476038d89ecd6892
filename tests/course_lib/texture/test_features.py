"""Random filters answer as convolutions do; a chain is VGG's with other pooling; nothing is downloaded."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torchvision.models import vgg19
from torchvision.models.vgg import cfgs, make_layers

from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint
from course_lib.data import photograph
from course_lib.networks.backbones import Backbone
from course_lib.texture import RandomFilters, chain_features, stage_features, vgg19_features
from course_lib.texture.features import VGG_LAYERS, VGG_MEAN, VGG_STD


def test_equal_a_window_by_window_computation(device, dtype, close):
    source = RandomFilters(2, (3, 5), levels=2, channels=3, seed=4).to(device)
    images = torch.rand(1, 3, 12, 14, generator=generator(0)).to(device, dtype)
    found = source(images)
    for level, maps in enumerate(found):
        small = F.avg_pool2d(images, 2**level) if level else images
        close(maps[:, :3], small)  # the picture itself comes first
        for index, size in enumerate((3, 5)):
            half = size // 2
            padded = F.pad(small, [half] * 4, mode="reflect")
            bank = getattr(source, f"bank{size}").to(dtype)
            for y, x in ((0, 0), (2, 5), (small.shape[2] - 1, small.shape[3] - 1)):
                wanted = (padded[0, :, y : y + size, x : x + size] * bank).sum(dim=(1, 2, 3)).clamp(min=0)
                close(maps[0, 3 + 2 * index : 5 + 2 * index, y, x], wanted, atol=1e-6)


def test_filters_have_mean_zero_and_length_one_and_come_from_the_seed():
    first, again, other = (RandomFilters(4, (7,), 1, seed=seed).bank7 for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.testing.assert_close(first.mean(dim=(1, 2, 3)), torch.zeros(4), atol=1e-7, rtol=0)
    torch.testing.assert_close(first.flatten(1).norm(dim=1), torch.ones(4))


def test_plain_areas_excite_nothing_but_the_picture_itself():
    maps = RandomFilters(3, (3,), 2, channels=1)(torch.full((1, 1, 16, 16), 0.7))
    assert maps[1][:, 1:].abs().max() < 1e-6
    torch.testing.assert_close(maps[1][:, :1], torch.full((1, 1, 8, 8), 0.7))


def test_gradients_flow_to_the_pixels(device, dtype):
    source = RandomFilters(1, (3,), 2, channels=1).to(device)
    images = torch.rand(1, 1, 5, 6, generator=generator(0)).to(device, dtype).requires_grad_()
    if dtype == torch.float64:
        assert torch.autograd.gradcheck(lambda x: tuple(source(x)), images, atol=1e-4)


def test_bad_settings_and_pictures_are_refused():
    with pytest.raises(ValueError, match="odd numbers"):
        RandomFilters(2, (4,))
    with pytest.raises(ValueError, match="levels must be"):
        RandomFilters(levels=0)
    with pytest.raises(ValueError, match="at least 48 x 48 pixels for 4 levels"):
        RandomFilters()(torch.rand(1, 3, 47, 60))
    with pytest.raises(ValueError, match="images must be"):
        RandomFilters()(torch.rand(1, 1, 64, 64))


def test_a_chain_equals_torchvision_with_average_pooling(device):
    torch.manual_seed(0)
    model = vgg19().to(device).eval()
    images = torch.rand(1, 3, 32, 32, generator=generator(0)).to(device)
    found = chain_features(model.features, (1, 6))(images)
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (VGG_MEAN, VGG_STD))
    with torch.no_grad():
        x = (images - mean) / std
        first = model.features[:4](x).clone()
        torch.testing.assert_close(found[0], model.features[:2](x))
        torch.testing.assert_close(found[1], model.features[5:7](F.avg_pool2d(first, 2)))


def test_the_chain_leaves_the_network_alone():
    model = vgg19().features[:7]
    chain_features(model, (1,))
    assert all(p.requires_grad for p in model.parameters())
    assert isinstance(model[4], torch.nn.MaxPool2d)


def test_vgg_is_none_without_weights_and_not_downloaded(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert vgg19_features() is None
    assert not list(tmp_path.iterdir())


def test_vgg_is_read_from_torchs_cache(monkeypatch, tmp_path):
    """A file as torchvision stores it, with random numbers: the features are those of torchvision's network."""
    torch.manual_seed(0)
    chain = make_layers(cfgs["E"])
    state = {f"features.{key}": value for key, value in chain.state_dict().items()}
    (tmp_path / "checkpoints").mkdir()
    torch.save(state | {"classifier.0.weight": torch.zeros(1)}, tmp_path / "checkpoints" / "vgg19-dcbb9e9d.pth")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    images = torch.rand(1, 3, 32, 32, generator=generator(0))
    found = vgg19_features()(images)
    assert [maps.shape[1] for maps in found] == [64, 128, 256, 512, 512]
    wanted = chain_features(chain, VGG_LAYERS)(images)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_stages_are_taken_by_name_and_grey_becomes_colour():
    class Two(torch.nn.Module):
        def features(self, images):
            return {"a": images + 1, "b": images * 2}

    images = torch.rand(1, 3, 4, 4, generator=generator(0))
    (b,) = stage_features(Two(), ("b",))(images)
    assert torch.equal(b, images * 2)
    assert stage_features(Two(), ("a",))(images[:, :1])[0].shape == (1, 3, 4, 4)
    with pytest.raises(ValueError, match="no layer 'c'; there are a, b"):
        stage_features(Two(), ("c",))(images)


def test_deep_averages_bear_a_shift_that_pixels_do_not():
    """On the shipped backbone: two pixels of shift against another texture."""
    backbone = load_checkpoint("backbone", Backbone())
    moved = [photograph("grass")[None, :, 60:124, 60 + s : 124 + s].expand(-1, 3, -1, -1) for s in (0, 2)]
    other = photograph("gravel")[None, :, 60:124, 60:124].expand(-1, 3, -1, -1)

    def ratio(source):
        with torch.no_grad():
            a, b, c = (source(x) for x in (*moved, other))
        return float((a - b).square().mean() / (a - c).square().mean())

    assert ratio(backbone.embed) < 0.3 * ratio(lambda x: x)
