"""The CIFAR recipes' own code: augmentation, reading, and going on after an interruption."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from course_lib.core.seeding import generator
from recipes import cifar


@pytest.fixture
def data() -> cifar.Data:
    """Sixty small pictures whose brightness tells the class."""
    stream = generator(0)
    labels = torch.arange(60) % 2
    images = torch.randint(0, 100, (60, 3, 8, 8), generator=stream) + 150 * labels.view(-1, 1, 1, 1)
    return images.byte(), labels, images[:20].byte(), labels[:20]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))


def test_crops_are_windows_and_every_second_epoch_is_mirrored():
    padded = torch.arange(4 * 3 * 12 * 12).view(4, 3, 12, 12).remainder(251).byte()
    chosen = torch.tensor([2, 0, 3, 1])
    first = cifar.crop_and_flip(padded, 8, chosen, 0, generator(1))
    second = cifar.crop_and_flip(padded, 8, chosen, 1, generator(1))
    torch.testing.assert_close(first, second.flip(3))
    for crop, index in zip(first, chosen, strict=True):
        windows = padded[index].unfold(1, 8, 1).unfold(2, 8, 1).permute(1, 2, 0, 3, 4).flatten(0, 1).float() / 255
        candidates = torch.cat([windows, windows.flip(3)])
        assert ((candidates - crop).abs().amax(dim=(1, 2, 3)) < 1e-6).sum() == 1


def test_a_hidden_square_is_as_large_as_it_should_be_and_leaves_the_rest():
    images = torch.rand(200, 3, 16, 12, generator=generator(0)) + 2
    kept = images.clone()
    hidden = (cifar.cut_out(images, 5, generator(1)) != kept).all(1)  # (B, H, W)
    torch.testing.assert_close(images.masked_select(~hidden[:, None]), kept.masked_select(~hidden[:, None]))
    for channel, mean in enumerate(cifar.CIFAR_MEAN):
        assert images[:, channel][hidden].unique().tolist() == pytest.approx([mean])
    heights, widths = hidden.any(2).sum(1), hidden.any(1).sum(1)
    assert (hidden.sum((1, 2)) == heights * widths).all()  # a rectangle
    assert heights.max() == widths.max() == 5
    assert heights.min() == widths.min() == 3  # where it reaches over the border
    assert hidden.any(0).all()  # any pixel can be hidden


def test_training_learns_and_an_interrupted_run_ends_the_same(data, tmp_path, monkeypatch):
    options = {"seed": 0, "batch": 10, "peak": 0.05, "progress": False}
    whole = network()
    assert (cifar.predict(whole, data[2]).argmax(1) == data[3]).double().mean() < 0.9
    history = cifar.train(whole, data, 4, **options)
    assert history.metric[-1] == 1.0

    class Stop(Exception):
        pass

    calls, predict = [], cifar.predict

    def interrupt(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise Stop
        return predict(*arguments)

    state = tmp_path / "run.state"
    monkeypatch.setattr(cifar, "predict", interrupt)
    with pytest.raises(Stop):
        cifar.train(network(), data, 4, state=state, **options)
    monkeypatch.undo()
    resumed = network()
    assert cifar.train(resumed, data, 4, state=state, **options) == history
    for mine, wanted in zip(resumed.state_dict().values(), whole.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, wanted, rtol=0, atol=0)


def test_npz_with_webp_streams_is_read(tmp_path):
    pictures = [np.full((32, 32, 3), value, dtype=np.uint8) for value in (10, 200)]
    streams = []
    for picture in pictures:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "WEBP", lossless=True)
        streams.append(np.frombuffer(buffer.getvalue(), dtype=np.uint8))
    offsets = np.cumsum([0, *map(len, streams)])
    np.savez(tmp_path / "a.npz", webp=np.concatenate(streams), offsets=offsets, labels=np.array([3, 5], dtype=np.uint8))
    images, labels = cifar.read_npz(str(tmp_path / "a.npz"))
    assert images.shape == (2, 3, 32, 32)
    assert images.flatten(1)[:, 0].tolist() == [10, 200]
    assert labels.tolist() == [3, 5]
    np.savez(tmp_path / "b.npz", images=np.zeros(3))
    with pytest.raises(ValueError, match=r"b.npz must hold webp, offsets and labels, but labels, offsets, webp is not"):
        cifar.read_npz(str(tmp_path / "b.npz"))
