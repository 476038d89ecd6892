"""The judges of evidence maps, on cases where the verdict is known."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from course_lib.core.seeding import generator
from course_lib.interpretability import (
    maximal_patches,
    pointing_game,
    precision_at_k,
    randomised,
    rank_correlation,
    replacement_curve,
)


def test_pointing_counts_the_peaks_on_the_object():
    maps = torch.rand(5, 6, 7, generator=generator(0))
    masks = torch.zeros(5, 6, 7, dtype=torch.bool)
    for i in range(5):
        peak = divmod(int(maps[i].argmax()), 7)
        masks[i][peak if i < 3 else (0, 0)] = True
        assert i < 3 or peak != (0, 0)
    assert pointing_game(maps, masks) == 0.6
    assert pointing_game(maps, torch.ones_like(masks)) == 1
    with pytest.raises(ValueError, match="every mask must have at least one True"):
        pointing_game(maps, torch.zeros_like(masks))
    with pytest.raises(ValueError, match=r"masks must be bool of shape \(5, 6, 7\), not torch.float32"):
        pointing_game(maps, masks.float())


class Centre(nn.Module):
    """The logit of class 1 is ten times pixel (1, 1) of the only channel."""

    def forward(self, images):
        value = 10 * images[:, 0, 1, 1]
        return torch.stack([torch.zeros_like(value), value], dim=1)


def test_replacement_falls_when_the_pixel_that_matters_goes():
    image, other = torch.ones(1, 4, 4), torch.zeros(1, 4, 4)
    heat = torch.rand(4, 4, generator=generator(1))
    full, empty = torch.tensor([0.0, 10.0]).softmax(0)[1], 0.5
    for rank in (0, 7, 15):  # how many pixels are hotter
        heat[1, 1] = heat.flatten().sort(descending=True).values[rank]
        order = heat.flatten().argsort(descending=True, stable=True).tolist()
        gone = order.index(5) + 1
        curve = replacement_curve(Centre(), image, other, heat=heat, target=1, steps=16)
        torch.testing.assert_close(curve, torch.tensor([float(full)] * gone + [empty] * (17 - gone)))


def test_insertion_is_deletion_with_the_pictures_exchanged():
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    image, other = torch.rand(2, 3, 4, 4, generator=generator(2))
    heat = torch.rand(4, 4, generator=generator(3))
    down = replacement_curve(model, image, other, heat=heat, target=2, steps=16)
    up = replacement_curve(
        model, other, image, heat=-heat, target=2, steps=16
    )  # the same pictures in the other direction
    torch.testing.assert_close(down.flip(0), up)
    logits = model(torch.stack([image, other])).softmax(dim=1)[:, 2]
    torch.testing.assert_close(down[[0, -1]], logits.detach())


def test_shuffling_keeps_the_numbers_and_loses_their_order():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(4, 5))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    other = randomised(model, "0", seed=1)
    for name, value in other.named_parameters():
        if name.startswith("0."):
            assert not torch.equal(value, before[name])
            torch.testing.assert_close(value.flatten().sort().values, before[name].flatten().sort().values)
        else:
            torch.testing.assert_close(value.data, before[name], rtol=0, atol=0)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(not torch.equal(randomised(model).get_parameter(k), before[k]) for k in ("0.weight", "2.weight"))
    torch.testing.assert_close(randomised(model, seed=4)[0].weight, randomised(model, seed=4)[0].weight)


def test_shuffling_takes_whole_path_parts():
    model = nn.ModuleDict({"a1": nn.Linear(9, 9), "a10": nn.Linear(9, 9)})
    other = randomised(model, "a1")
    assert torch.equal(other["a10"].weight, model["a10"].weight)
    assert not torch.equal(other["a1"].weight, model["a1"].weight)
    with pytest.raises(ValueError, match="the model has no parameter in 'a2'"):
        randomised(model, "a1", "a2")


def test_rank_correlation_equals_scipy():
    first = torch.rand(3, 5, 6, generator=generator(4), dtype=torch.float64)
    second = (first + torch.rand(3, 5, 6, generator=generator(5), dtype=torch.float64)).round(decimals=1)  # with ties
    wanted = [spearmanr(a.flatten(), b.flatten()).statistic for a, b in zip(first, second, strict=True)]
    assert rank_correlation(first, second).tolist() == pytest.approx(wanted, abs=1e-12)
    assert rank_correlation(first, first.exp()).tolist() == pytest.approx([1.0] * 3)
    assert rank_correlation(first, torch.ones_like(first)).tolist() == [0.0] * 3


def test_precision_counts_neighbours_of_the_same_class_without_oneself():
    features = torch.tensor([[0.0], [1.0], [2.1], [10.0], [11.5], [30.0]])
    labels = torch.tensor([0, 0, 1, 1, 1, 0])
    # nearest: 0 -> 1 yes, 1 -> 0 yes, 2.1 -> 1 no, 10 -> 11.5 yes, 11.5 -> 10 yes, 30 -> 11.5 no
    assert precision_at_k(features, labels, 1) == pytest.approx(4 / 6)
    assert precision_at_k(features, labels, 5) == pytest.approx(2 / 5)
    with pytest.raises(ValueError, match="k must be 1 to 5, one less than there are samples, not 6"):
        precision_at_k(features, labels, 6)


def test_precision_equals_a_loop():
    features = torch.randn(40, 3, generator=generator(6), dtype=torch.float64)
    labels = torch.randint(3, (40,), generator=generator(7))
    total = 0.0
    for i in range(40):
        ordered = sorted((float((features[i] - features[j]).norm()), j) for j in range(40) if j != i)
        total += sum(int(labels[j] == labels[i]) for _, j in ordered[:4]) / 4
    assert precision_at_k(features, labels, 4) == pytest.approx(total / 40)


@pytest.mark.parametrize("side", [3, 4])
def test_patches_lie_where_the_unit_was_strongest(side):
    images = torch.rand(6, 2, 12, 16, generator=generator(8))
    maps = torch.rand(6, 3, 6, 8, generator=generator(9))
    patches, values = maximal_patches(images, maps, unit=1, count=4, side=side)
    best = maps[:, 1].amax(dim=(1, 2))
    order = best.argsort(descending=True)[:4]
    torch.testing.assert_close(values, best[order])
    padded = torch.nn.functional.pad(images, [8] * 4)
    for patch, i in zip(patches, order.tolist(), strict=True):
        row, column = divmod(int(maps[i, 1].argmax()), 8)
        top, left = int(2 * row + 1 - side / 2 + 8), int(2 * column + 1 - side / 2 + 8)
        torch.testing.assert_close(patch, padded[i, :, top : top + side, left : left + side], rtol=0, atol=0)


def test_patches_outside_the_image_are_black_and_errors_speak():
    images, maps = torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    maps[0, 0, 0, 0] = 1
    patch = maximal_patches(images, maps, 0, count=1, side=3)[0][0, 0]
    assert patch.tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
    with pytest.raises(ValueError, match="unit must be below 1 and count at most 1, not 1 and 1"):
        maximal_patches(images, maps, 1, count=1, side=3)
