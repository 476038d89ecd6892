"""Pictures that can be compared share their scale; class colours can be told apart, by colour-blind readers too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.ops.color import linear_to_srgb, rgb_to_lab, srgb_to_linear
from course_lib.viz import figure
from course_lib.viz.pictures import (
    CLASS_COLOURS,
    NOTHING,
    TINTS,
    class_key,
    class_picture,
    flow_key,
    show_depth,
    show_errors,
    show_grey,
)

# What the three kinds of colour-blindness make of linear RGB (Machado, Oliveira, Fernandes 2009, severity 1).
SEEN = {
    "all": [[1.0, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def rgb(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


@pytest.mark.parametrize("eye", SEEN)
def test_ten_class_colours_stay_apart(eye):
    colours = torch.tensor([rgb(c) for c in CLASS_COLOURS]).double().T.reshape(1, 3, 10, 1)
    light = torch.einsum("ij,bjhw->bihw", torch.tensor(SEEN[eye]).double(), srgb_to_linear(colours)).clamp(0, 1)
    lab = rgb_to_lab(linear_to_srgb(light))[0, :, :, 0].T
    gaps = torch.cdist(lab, lab) + 1e3 * torch.eye(10)
    assert float(gaps.min()) > 16


def test_labels_become_their_colours_and_none_is_grey():
    picture = class_picture(torch.tensor([[0, 9], [-1, 10]]))
    assert picture[0, 0].tolist() == pytest.approx(rgb(CLASS_COLOURS[0]))
    assert picture[0, 1].tolist() == pytest.approx(rgb(CLASS_COLOURS[9]))
    assert picture[1, 0].tolist() == pytest.approx(rgb(NOTHING))
    assert picture[1, 1].tolist() == picture[0, 0].tolist()
    tinted = class_picture(torch.tensor([[0, 9], [-1, 10]]), background=(10, 9))
    assert tinted[1, 1].tolist() == pytest.approx(rgb(TINTS[0]))
    assert tinted[0, 1].tolist() == pytest.approx(rgb(TINTS[1]))
    assert np.array_equal(tinted[:, 0], picture[:, 0])


@pytest.mark.parametrize(
    ("draw", "limits"),
    [
        (lambda axes, pictures: show_grey(axes, pictures, low=-1, high=3), (-1, 3)),
        (lambda axes, pictures: show_errors(axes, pictures, largest=0.2), (-0.2, 0.2)),
        (lambda axes, pictures: show_depth(axes, pictures, nearest=2, farthest=9), (2, 9)),
    ],
)
def test_panels_share_their_scale(draw, limits):
    axes = figure(1, 2)[1]
    draw(axes, [np.zeros((4, 4)), 100 * np.ones((4, 4))])
    assert [ax.images[0].get_clim() for ax in axes] == [limits, limits]


def test_the_key_of_classes_names_the_chosen_ones_in_their_colours():
    ax = figure()[1]
    class_key(ax, ["cat", "dog", "bird"], [2, 0])
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["bird", "cat"]
    assert [handle.get_color() for handle in legend.legend_handles] == [CLASS_COLOURS[2], CLASS_COLOURS[0]]


@pytest.mark.parametrize("channels_first", [True, False])
def test_the_key_of_flow_is_a_disc(channels_first):
    ax = figure()[1]
    colours = torch.full((3, 21, 21), 0.25)
    flow_key(ax, colours if channels_first else colours.permute(1, 2, 0))
    picture = ax.images[0].get_array()
    assert picture[10, 10].tolist() == [0.25] * 3
    assert picture[0, 0].tolist() == [1.0] * 3
