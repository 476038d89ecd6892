"""A classifier made convolutional gives its own scores for one window and for every window; work is counted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.architectures import layer_costs
from course_lib.core.seeding import generator
from course_lib.segmentation.dense import (
    as_convolution,
    sliding_window,
    to_convolutional,
    window_classifier,
    window_work,
)

from ..refusals import refused


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=generator(seed), dtype=torch.float64)


def classifier(average=False):
    """Windows of 22 x 18 pixels, without padding: strides 2 and 2, then three linear layers or an average and one."""
    torch.manual_seed(0)
    maps = [nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 6, 3), nn.ReLU()]
    maps += [nn.AvgPool2d(2)]
    flat = [nn.Flatten(), nn.Linear(6 * 4 * 3, 11), nn.ReLU(), nn.Dropout(0.5), nn.Linear(11, 7, bias=False)]
    if average:
        flat = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 7)]
    model = nn.Sequential(nn.Sequential(*maps), *flat)
    model[0][1].running_mean.normal_()
    model[0][1].running_var.uniform_(0.5, 2)
    return model.double().eval()


@pytest.mark.parametrize("average", [False, True])
def test_a_window_gets_the_classifiers_scores(average):
    model, images = classifier(average), draw(4, 3, 22, 18)
    dense = to_convolutional(model, images)
    found = dense(images)
    assert found.shape == (4, 7, 1, 1)
    torch.testing.assert_close(found[..., 0, 0], model(images))
    assert not any(isinstance(layer, nn.Linear | nn.Flatten) for layer in dense.modules())
    if not average:
        assert sum(p.numel() for p in dense.parameters()) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("average", [False, True])
def test_dense_evaluation_equals_the_sliding_window(device, dtype, close, average):
    model = classifier(average).to(device, dtype)
    images = draw(2, 3, 41, 36, seed=1).to(device, dtype)
    dense = to_convolutional(model, images[:, :, :22, :18])
    wanted = sliding_window(model, images, (22, 18), stride=4)
    assert wanted.shape == (2, 7, 5, 5)
    close(dense(images), wanted, rtol=1e-9)


def test_with_padding_only_a_picture_of_the_windows_size_gets_the_classifiers_scores():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2)).double()
    images = draw(1, 3, 8, 8)
    dense, window = to_convolutional(model, images[:, :, :6, :6]), images[:, :, :6, :6]
    torch.testing.assert_close(dense(window)[..., 0, 0], model(window))
    assert float((dense(images) - sliding_window(model, images, (6, 6), stride=1)).detach().abs().min()) > 1e-6


def test_it_copies_and_keeps_the_mode():
    model, images = classifier(), draw(1, 3, 22, 18)
    before = model(images)
    dense = to_convolutional(model, images)
    for p in dense.parameters():
        p.data.zero_()
    torch.testing.assert_close(model(images), before)
    assert not dense.training
    assert to_convolutional(model.train(), images).training


def test_an_adaptive_average_that_changes_nothing_is_left_out_as_in_vgg():
    torch.manual_seed(0)
    maps, head = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.Sequential(nn.Linear(4 * 16, 8), nn.Linear(8, 2))
    images = draw(2, 3, 9, 9)
    model = nn.Sequential(maps, nn.AdaptiveAvgPool2d(4), nn.Flatten(), head).double()
    dense = to_convolutional(model, images[:, :, :6, :6])
    torch.testing.assert_close(dense(images), sliding_window(model, images, (6, 6), stride=1))


def test_work_is_what_the_layers_cost_when_they_run():
    model = classifier()
    layers = [(3, 1, 5), (2, 2, 0), (3, 1, 6), (2, 2, 0)]
    side, window = 46, 22
    dense = [c.macs for c in layer_costs(model[0], draw(1, 3, side, side))]
    one = [c.macs for c in layer_costs(model[0], draw(1, 3, window, window))]
    found = window_work(side, window, layers)
    assert [w.windows for w in found] == [7, 7]
    assert [w.dense for w in found] == dense
    assert [w.separate for w in found] == [49 * macs for macs in one]
    assert found[0].repeated == pytest.approx(49 * 20**2 / 44**2)


def test_with_stride_one_almost_all_of_the_work_is_repeated():
    (work,) = window_work(232, 33, [(3, 1, 8)])
    assert work.windows == 200
    assert work.repeated == pytest.approx(200**2 * 31**2 / 230**2)


def test_bad_input_is_refused():
    images = draw(1, 3, 22, 18)
    refused(lambda: to_convolutional(nn.Linear(3, 2), images), "classifier must be an nn.Sequential, not a Linear")
    refused(lambda: to_convolutional(nn.Sequential(nn.LSTM(3, 2)), images), "cannot make LSTM convolutional")
    refused(lambda: to_convolutional(nn.Sequential(nn.Linear(3, 2)), images), "a linear layer of 3 inputs gets maps")
    chain = nn.Sequential(nn.Flatten(), nn.Linear(5, 2))
    refused(lambda: to_convolutional(chain, images), "a linear layer of 5 inputs gets 1188 numbers")
    chain = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    refused(lambda: to_convolutional(chain, images), "only a global average can be made convolutional")
    refused(lambda: as_convolution(nn.Linear(7, 2), (2, 2)), "7 inputs are no maps of 2 x 2 pixels")
    refused(lambda: sliding_window(classifier(), images, (23, 18), stride=4), "a window of 23 x 18 pixels does not fit")
    refused(lambda: sliding_window(classifier(), images, (22, 18), stride=0), "stride must be a finite number above 0")
    refused(lambda: window_work(10, 20, [(3, 1, 4)]), "layers and a window that fits are needed")
    refused(lambda: window_work(30, 2, [(3, 1, 4)]), "the layers leave no pixel of a window")
    refused(lambda: window_work(30, 20, [(0, 1, 4)]), "a layer is")


@pytest.mark.parametrize(
    ("layers", "window"), [([(5, 1, 4), (2, 2, 0), (3, 2, 6), (3, 1, 8), (1, 1, 5)], 18), ([(9, 1, 3)], 9)]
)
def test_a_described_classifier_costs_what_is_counted_for_one_window(layers, window):
    torch.manual_seed(0)
    model = window_classifier(layers, window)
    scores = model(torch.rand(2, 3, window, window, generator=generator(0)))
    assert scores.shape == (2, layers[-1][2])
    assert (scores < 0).any()  # no ReLU behind the last
    wanted = [work.separate for work in window_work(window, window, layers)]
    assert [cost.macs for cost in layer_costs(model.eval(), torch.zeros(1, 3, window, window)) if cost.macs] == wanted
    refused(lambda: window_classifier([(5, 1, 4), (2, 2, 0), (4, 1, 3)], 9), "the layers leave no pixel of a window")
