"""Streams: the same samples for any number of workers, none twice, splits apart, fixed sets equal to streams."""

import pytest
import torch
from torch.utils.data import DataLoader

from course_lib.data.scenes import CLASSES, SceneStream, scene_dataset


def prints(loader):
    """One number for each sample: equal only for equal images."""
    weight = torch.linspace(1, 2, 3 * 24 * 24, dtype=torch.float64)
    return torch.cat([(batch["image"].double().flatten(1) * weight).sum(1) for batch in loader])


def test_workers_share_the_stream_without_repeating():
    stream = SceneStream(200, ("image",), 24, seed=3)
    alone = prints(DataLoader(stream, batch_size=50))
    assert len(alone) == 200
    assert len(alone.unique()) == 200
    for workers in (1, 2):
        shared = prints(DataLoader(stream, batch_size=50, num_workers=workers))
        assert torch.equal(shared.sort().values, alone.sort().values)


def test_epochs_seeds_and_splits_are_different_scenes():
    stream = SceneStream(64, ("image",), 24)
    first = prints(DataLoader(stream, batch_size=64))
    assert torch.equal(first, prints(DataLoader(stream, batch_size=64)))
    stream.set_epoch(1)
    others = [prints(DataLoader(stream, batch_size=64))]
    others += [prints(DataLoader(SceneStream(64, ("image",), 24, split=s), batch_size=64)) for s in ("val", "test")]
    others.append(prints(DataLoader(SceneStream(64, ("image",), 24, seed=1), batch_size=64)))
    assert len(torch.cat([first, *others]).unique()) == 5 * 64


def test_fixed_set_is_the_first_pass_of_the_stream():
    fields = ("image", "class", "classes", "boxes", "masks", "visible", "semantic", "panoptic", "depth", "normals")
    fixed = scene_dataset(70, fields, 32, split="val", seed=2, objects=(1, 3))
    assert len(fixed) == 70
    for item, sample in zip(fixed, SceneStream(70, fields, 32, split="val", seed=2, objects=(1, 3)), strict=True):
        for name, value in zip(fields, item, strict=True):
            assert torch.equal(value, sample[name]), name
    loaded = next(iter(DataLoader(fixed, batch_size=8, shuffle=True, num_workers=2)))
    assert loaded[0].shape == (8, 3, 32, 32)
    assert loaded[1].max() < len(CLASSES)


def test_a_sample_owns_its_memory():
    sample = next(iter(SceneStream(64, ("image",), 24)))
    assert sample["image"].untyped_storage().nbytes() == 3 * 24 * 24 * 4


def test_bad_requests_fail_when_the_stream_is_made():
    for bad, words in (
        ({"fields": ("picture",)}, "unknown field 'picture'"),
        ({"fields": ()}, "no field"),
        ({"length": 0}, "at least 1"),
        ({"split": "dev"}, "split must be"),
        ({"objects": 0}, "1 to 40 objects"),
        ({"seed": -1}, "seed 0 or more"),
    ):
        with pytest.raises(ValueError, match=words):
            SceneStream(**{"length": 10, "size": 24, **bad})
