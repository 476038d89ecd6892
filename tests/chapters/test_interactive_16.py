"""Chapter 16's demonstration: a place of the latent plane shows its own picture, and the sheet says where it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from .demonstrations import draw, live_controls, namespace, sources

NAME = "16_autoencoders_and_likelihood"
PLANE = ("import json", "pin(0)", "originals, classes = ", "def walking(")
CONTROLS = ("FIRST, SECOND = ",)


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, PLANE))


@pytest.mark.parametrize("place", [(0.5, 0.5), (-1.5, 0.5), (1.5, -1.0)])
def test_each_place_shows_its_own_picture(space, place):
    made, caption = draw(space, "walking", *place)
    assert f"({place[0]:g}, {place[1]:g})" in caption
    decoded = space["flat_vae"].decode(torch.tensor([place]))[0, 0]
    wanted = 1 - ((16 * decoded - 0.5) / 15).clamp(0, 1)
    assert np.allclose(made.axes[1].images[0].get_array(), wanted, atol=1e-6)
    assert made.axes[0].lines[0].get_xydata().tolist() == [list(place)]


def test_codes_of_one_class_lie_together(space):
    places, classes = space["places"], space["classes"]
    centres = torch.stack([places[classes == c].mean(0) for c in space["SHOWN"]])
    labels = torch.cat([torch.full((65,), k) for k in range(len(centres))])
    codes = torch.cat([places[classes == c] for c in space["SHOWN"]])
    nearest = torch.cdist(codes, centres).argmin(1)
    assert float((nearest == labels).float().mean()) > 0.6  # 0.2 by chance


def test_live_sliders():
    assert live_controls(sources(NAME, PLANE), sources(NAME, CONTROLS)) == {"SelectionSlider": 2}
